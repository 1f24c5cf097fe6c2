import * as z from "zod";
import type { Vendor } from "../../prisma/generated/client/client.ts";
import { type FieldsOf, noun } from "../db/noun.ts";
import { isBlank } from "../db/storable.ts";
import { said } from "../db/text-checks.ts";
import { SENTENCE } from "../tasks/field-faults.ts";

export type { Vendor };

export const VENDOR_STATUSES = ["operational", "broken"] as const;
export type VendorStatus = (typeof VENDOR_STATUSES)[number];

const formatSupport = z.strictObject({ excel: z.boolean(), csv: z.boolean(), pdf: z.boolean(), ocr: z.boolean() });
export type FormatSupport = z.infer<typeof formatSupport>;

const count = z.int().min(0).max(2_147_483_647);
const testResults = z
  .strictObject({ passing: count, total: count, skipped: count })
  .refine(({ passing, skipped, total }) => passing + skipped <= total, {
    error: "passing + skipped must not exceed total",
    ...SENTENCE,
  });
export type TestResults = z.infer<typeof testResults>;

/** What the row says of them; null: nobody has said. */
export const readFormatSupport = (stored: unknown): FormatSupport | null => formatSupport.nullable().parse(stored);
export const readTestResults = (stored: unknown): TestResults | null => testResults.nullable().parse(stored);

const NAME = /^[a-zA-Z0-9 _-]+$/;
/** Whether a vendor can be called so. */
export const isVendorName = (name: string): boolean => NAME.test(name);

const OF_VENDOR = {
  projectId: { set: "server", shown: "ID", description: "The project that it belongs to." },
  vendorId: { set: "server", shown: "ID", description: "Names it among all vendors." },
  name: {
    set: "create",
    check: said(100)
      .regex(NAME, "must be letters a-z, digits, spaces, - and _")
      // Two names would look like one; of nothing but spaces that is said already.
      .refine((name) => isBlank(name) || name === name.trim(), { error: "must not begin or end with a space" }),
    description:
      "Unique in the project, whatever its case: at most 100 letters a-z, digits, - and _, with spaces between them.",
  },
  status: { set: "both", choice: VENDOR_STATUSES, description: "Whether its extractor works." },
  extractorVersion: {
    set: "both",
    check: said(50),
    description: "The version of its extractor, at most 50 characters; null: nobody has said.",
  },
  formatSupport: {
    set: "both",
    check: formatSupport,
    description: "Which formats its extractor reads; null: nobody has said.",
  },
  testResults: {
    set: "both",
    check: testResults,
    description: "How the tests of its extractor went; null: nobody has said. passing + skipped must not exceed total.",
  },
  manifestCompliant: {
    set: "both",
    check: z.boolean(),
    description: "Whether its manifest keeps to the rules; null: nobody has said.",
  },
  createdBy: {
    set: "create",
    check: said(100),
    description: "Who added it, at most 100 characters: the session (client id) or else the key, unless told.",
  },
  createdAt: { set: "server", description: "When it was added." },
  updatedAt: { set: "server", description: "When it was last changed." },
  version: { set: "server", description: "Counts the changes; for expectedVersion." },
} as const satisfies FieldsOf<Vendor>;

/** In statements the table is `v`. */
export const VENDOR = noun("Vendor", "v", OF_VENDOR);
export type VendorFields = typeof OF_VENDOR;

export interface VendorKey {
  readonly projectId: string;
  readonly vendorId: string;
}

/** Names a vendor, whatever the case of its name. */
export interface VendorAddress {
  readonly projectId: string;
  readonly name: string;
}
