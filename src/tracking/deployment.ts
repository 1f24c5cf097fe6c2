import * as z from "zod";
import type { Deployment } from "../../prisma/generated/client/client.ts";
import { type FieldsOf, noun } from "../db/noun.ts";
import { jsonFault } from "../db/storable.ts";
import { said } from "../db/text-checks.ts";
import { fullCommit } from "./records.ts";

export type { Deployment };

/** Of kinds of tests, with what they are called. */
const MOST_COUNTS = 100;

const testSummary = z.record(said(100), z.int().min(0).max(2_147_483_647)).superRefine((given, ctx) => {
  const fault = jsonFault(given);
  if (fault) ctx.addIssue(fault);
  if (Object.keys(given).length > MOST_COUNTS) ctx.addIssue(`must have at most ${MOST_COUNTS} counts`);
});

const OF_DEPLOYMENT = {
  projectId: { set: "server", shown: "ID", description: "The project that it belongs to." },
  deploymentId: { set: "server", shown: "ID", description: "Names it among all deployments." },
  deployedAt: { set: "server", description: "When it went out." },
  commitHash: {
    set: "create",
    check: fullCommit("commit_hash"),
    description: "The Git commit that went out: 40 hexadecimal digits in lower case.",
  },
  prNumber: {
    set: "create",
    check: z.int().min(1).max(2_147_483_647),
    description: "The number of its pull request.",
  },
  prTitle: { set: "create", check: said(200), description: "The title of its pull request, 1 to 200 characters." },
  testSummary: {
    set: "create",
    check: testSummary,
    description: "How many tests of each kind there were, like {unit: 12, integration: 3}: at most 100 counts.",
  },
  constitutionalCompliance: {
    set: "create",
    check: z.boolean(),
    description: "Whether it keeps to the project's principles.",
  },
  createdBy: {
    set: "create",
    check: said(100),
    description: "Who recorded it, at most 100 characters: the session (client id) or else the key, unless told.",
  },
  createdAt: { set: "server", description: "When it was recorded." },
} as const satisfies FieldsOf<Deployment>;

/** In statements the table is `d`. */
export const DEPLOYMENT = noun("Deployment", "d", OF_DEPLOYMENT);
export type DeploymentFields = typeof OF_DEPLOYMENT;

export interface DeploymentKey {
  readonly projectId: string;
  readonly deploymentId: string;
}
