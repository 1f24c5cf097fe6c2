import * as z from "zod";
import { faultsOf } from "./field-faults.ts";
import type { TaskKind } from "./task.ts";

const text = (most: number) => z.string().max(most);
const hours = z.number().min(0).max(1_000);

/** The keys of metadata that each kind knows; any others are notes of a machine. */
const KNOWN = {
  project: {
    description: text(1_000),
    target_quarter: z.string().nullish(),
    constitutional_principles: z.array(z.string()).optional(),
  },
  session: {
    token_budget: z.int().min(1_000).max(1_000_000),
    prompts_count: z.int().min(0),
    yaml_frontmatter: z.looseObject({ schema_version: z.union([z.string().min(1), z.number()]) }),
  },
  task: {
    estimated_hours: hours.nullish(),
    actual_hours: hours.nullish(),
    blocked_reason: text(500).nullish(),
  },
  research: {
    research_questions: z.array(z.string()).optional(),
    findings_summary: text(2_000).nullish(),
    references: z.array(z.string()).optional(),
  },
} satisfies Record<TaskKind, z.core.$ZodLooseShape>;

const CHECKS: Readonly<Record<string, z.ZodType>> = {
  project: z.looseObject(KNOWN.project),
  session: z.looseObject(KNOWN.session),
  task: z.looseObject(KNOWN.task),
  research: z.looseObject(KNOWN.research),
};

/** What is wrong with the metadata of a task of this kind; where there is none, nothing is required. */
export function metadataFaults(kind: string, metadata: unknown, at = "metadata"): string[] {
  if (Object.keys(metadata ?? {}).length === 0) return [];
  const { error } = CHECKS[kind]?.safeParse(metadata) ?? {};
  return error ? faultsOf(error, at) : [];
}

/** Metadata with a patch: each key of it replaces one, null takes it away. */
export const merged = (metadata: object, patch: unknown): Record<string, unknown> =>
  Object.fromEntries(Object.entries({ ...metadata, ...(patch ?? {}) }).filter(([, value]) => value !== null));
