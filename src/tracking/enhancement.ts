import * as z from "zod";
import type { Enhancement } from "../../prisma/generated/client/client.ts";
import { type FieldsOf, noun } from "../db/noun.ts";
import { said } from "../db/text-checks.ts";

export type { Enhancement };

export const ENHANCEMENT_STATUSES = ["planned", "approved", "implementing", "completed"] as const;
export type EnhancementStatus = (typeof ENHANCEMENT_STATUSES)[number];

const OF_ENHANCEMENT = {
  projectId: { set: "server", shown: "ID", description: "The project that it belongs to." },
  enhancementId: { set: "server", shown: "ID", description: "Names it among all enhancements." },
  title: { set: "both", check: said(200), description: "What it is called, 1 to 200 characters." },
  description: { set: "both", check: said(10_000), description: "What is wished for, 1 to 10,000 characters." },
  priority: {
    set: "both",
    check: z.int().min(1).max(5),
    default: 3,
    description: "1 highest … 5 lowest; 3 by default.",
  },
  status: {
    set: "both",
    choice: ENHANCEMENT_STATUSES,
    default: "planned",
    description: "How far it has come; PLANNED by default.",
  },
  targetQuarter: {
    set: "both",
    check: z.string().regex(/^\d{4}-Q[1-4]$/, "must be a quarter like 2026-Q1"),
    description: "The quarter in which it should be done, like 2026-Q1.",
  },
  requiresConstitutionalPrinciples: {
    set: "both",
    check: z
      .array(said(100))
      .max(50)
      .transform((principles) => [...new Set(principles)]),
    default: [],
    description: "The principles of the project that it has to keep to, at most 50 of 100 characters.",
  },
  createdBy: {
    set: "create",
    check: said(100),
    description: "Who added it, at most 100 characters: the session (client id) or else the key, unless told.",
  },
  createdAt: { set: "server", description: "When it was added." },
  updatedAt: { set: "server", description: "When it was last changed." },
  version: { set: "server", description: "Counts the changes; for expectedVersion." },
} as const satisfies FieldsOf<Enhancement>;

/** In statements the table is `h`. */
export const ENHANCEMENT = noun("Enhancement", "h", OF_ENHANCEMENT);
export type EnhancementFields = typeof OF_ENHANCEMENT;

export interface EnhancementKey {
  readonly projectId: string;
  readonly enhancementId: string;
}
