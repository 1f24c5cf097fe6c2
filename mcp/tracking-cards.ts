import { z } from "zod";
import { lowerCase, upperCase } from "../client/enum-case.ts";
import { graphql } from "../client/gen/gql.ts";
import type {
  ActiveContextType,
  ConfigurationCardFragment,
  TaskKind,
  TaskStatus,
  VendorCardFragment,
  VendorStatus,
  WorkItemCardFragment,
} from "../client/gen/graphql.ts";
import { fromGraphQLStatus } from "./task-card.ts";
import { withoutEmpties } from "./without-empties.ts";

/** A task as a work item: its id is that of the task. */
graphql(`
  fragment WorkItemCard on Task {
    id: taskId
    project_id: projectId
    kind
    status
    title
    parent_id: parentTaskId
    version
    created_at: createdAt
    created_by: createdBy
    updated_at: updatedAt
  }
`);

graphql(`
  fragment VendorCard on Vendor {
    id: vendorId
    name
    status
    extractor_version: extractorVersion
    format_support: formatSupport {
      excel
      csv
      pdf
      ocr
    }
    test_results: testResults {
      passing
      total
      skipped
    }
    manifest_compliant: manifestCompliant
    version
    created_at: createdAt
    created_by: createdBy
    updated_at: updatedAt
  }
`);

graphql(`
  fragment ConfigurationCard on ProjectConfiguration {
    project_id: projectId
    active_context_type: activeContextType
    current_session: currentSession
    git_branch: gitBranch
    git_head_commit: gitHeadCommit
    default_token_budget: defaultTokenBudget
    version
    updated_at: updatedAt
    updated_by: updatedBy
  }
`);

export const itemType = z.enum(["project", "session", "task", "research"]);
export const toKind = (type: z.output<typeof itemType>): TaskKind => upperCase(type);

export const vendorStatus = z.enum(["operational", "broken"]);
export const toVendorStatus = (status: z.output<typeof vendorStatus>): VendorStatus => upperCase(status);

export const contextType = z.enum(["feature", "maintenance", "research"]);
export const toContextType = (type: z.output<typeof contextType>): ActiveContextType => upperCase(type);

export const formatSupport = z.strictObject({
  excel: z.boolean(),
  csv: z.boolean(),
  pdf: z.boolean(),
  ocr: z.boolean(),
});

const count = z.int().min(0).max(2_147_483_647);
export const testResults = z.strictObject({ passing: count, total: count, skipped: count });

/** The caller's own beside what its type knows; two members to begin with, as Gemini refuses an object without any. */
export const metadata = z.looseObject({ description: z.string().optional(), blocked_reason: z.string().optional() });

/** What every work item, and every vendor, shows of itself. */
export const madeSchema = z.object({
  id: z.string(),
  version: z.number(),
  created_at: z.string(),
  created_by: z.string().optional(),
});

export const configurationSchema = z.object({ project_id: z.string(), version: z.number() });

interface Kinded {
  readonly kind: TaskKind;
  readonly status: TaskStatus;
}

/** A task, or a part of it, as tools spell it. */
export const asItem = <Card extends Kinded>({ kind, status, ...rest }: Card) => ({
  item_type: lowerCase(kind),
  status: fromGraphQLStatus(status),
  ...rest,
});

export function workItem(card: WorkItemCardFragment) {
  const { id, version, created_at, ...rest } = asItem(card);
  return { id, version, created_at, ...withoutEmpties(rest) };
}

export function vendorCard({ id, version, created_at, status, ...rest }: VendorCardFragment) {
  return { id, version, created_at, status: lowerCase(status), ...withoutEmpties(rest) };
}

export function configurationCard({ active_context_type, ...rest }: ConfigurationCardFragment) {
  const { project_id, version, ...members } = rest;
  return { project_id, version, active_context_type: lowerCase(active_context_type), ...withoutEmpties(members) };
}
