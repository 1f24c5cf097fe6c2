import { type Combined, combinedCondition, partsOf } from "../db/combined.ts";
import {
  ANYTHING,
  all,
  among,
  type ChoiceFilter,
  containing,
  type DateFilter,
  dateCondition,
  type IntFilter,
  inOneCase,
  intCondition,
  type Maybe,
  type StringFilter,
  stringCondition,
} from "../db/comparators.ts";
import type { Bind } from "../db/parameters.ts";
import { notArchived } from "../projects/open.ts";
import { failedAttempts } from "./failed.ts";
import { IS_OVERDUE } from "./overdue.ts";
import { READY } from "./ready.ts";
import { IS_STALLED } from "./stalled.ts";
import { TASK_STATUSES } from "./task.ts";

export interface LabelFilter {
  /** Each of these labels. */
  readonly all?: Maybe<readonly string[]>;
  /** At least one of these labels. */
  readonly any?: Maybe<readonly string[]>;
  /** Not one of these labels. */
  readonly none?: Maybe<readonly string[]>;
  /** This label. */
  readonly contains?: Maybe<string>;
  /** The same as `any`. */
  readonly in?: Maybe<readonly string[]>;
}

/** What holds of one and the same attempt. */
export interface AttemptFilter {
  readonly worker?: Maybe<StringFilter>;
  readonly outcome?: Maybe<ChoiceFilter<string>>;
  readonly claimedAt?: Maybe<DateFilter>;
  readonly endedAt?: Maybe<DateFilter>;
}

export interface TaskFilter extends Combined<TaskFilter> {
  readonly projects?: Maybe<readonly string[]>;
  readonly status?: Maybe<ChoiceFilter<string>>;
  readonly kind?: Maybe<ChoiceFilter<string>>;
  readonly labels?: Maybe<LabelFilter>;
  readonly priority?: Maybe<IntFilter>;
  /** Every word occurs in the ID, title, description, notes or artifact ID, whatever the case. */
  readonly text?: Maybe<string>;
  /** What a claim would take now. */
  readonly ready?: Maybe<boolean>;
  /** Kept from being claimed until somebody decides. */
  readonly parked?: Maybe<boolean>;
  /** Whether it is open, and its due date has passed. */
  readonly overdue?: Maybe<boolean>;
  /** Whether the attempt that holds it is stalled. */
  readonly stalled?: Maybe<boolean>;
  /** Archived ones. A filter that says nothing of it, in no part, leaves them out. */
  readonly archived?: Maybe<boolean>;
  /** Templates of recurring tasks. A filter that says nothing of it, in no part, leaves them out. */
  readonly template?: Maybe<boolean>;
  readonly artifactId?: Maybe<StringFilter>;
  /** The ID of the task that it is a part of; lower case is understood. */
  readonly parent?: Maybe<StringFilter>;
  readonly createdBy?: Maybe<StringFilter>;
  readonly claimedBy?: Maybe<StringFilter>;
  readonly attemptCount?: Maybe<IntFilter>;
  /** How many of its attempts failed in a row. */
  readonly failures?: Maybe<IntFilter>;
  /** How many of its attempts failed. */
  readonly failedAttempts?: Maybe<IntFilter>;
  /** Whether anybody ever claimed it. */
  readonly hasAttempts?: Maybe<boolean>;
  /** One of its attempts. */
  readonly attempts?: Maybe<AttemptFilter>;
  readonly dueDate?: Maybe<DateFilter>;
  readonly leaseExpiresAt?: Maybe<DateFilter>;
  readonly createdAt?: Maybe<DateFilter>;
  readonly startedAt?: Maybe<DateFilter>;
  readonly completedAt?: Maybe<DateFilter>;
  readonly updatedAt?: Maybe<DateFilter>;
}

/** The projects a filter names, also within those that it combines. @throws BAD_USER_INPUT for a filter beyond its limits. */
export function projectsOf(filter: TaskFilter): string[] {
  return partsOf(filter).flatMap(({ projects }) => projects ?? []);
}

/** Whether the filter says, in any of its parts, whether archived tasks are wanted. */
export const asksForArchived = (filter: TaskFilter): boolean =>
  partsOf(filter).some(({ archived }) => archived != null);

/** Whether the filter says, in any of its parts, whether templates are wanted. */
export const asksForTemplates = (filter: TaskFilter): boolean =>
  partsOf(filter).some(({ template }) => template != null);

/** Over several projects: an archived one has no work to give. */
const CLAIMABLE = `(${READY} AND ${notArchived("t.project_id")})`;

/** The filter as a condition on `tasks t`. What it leaves out, it allows. @throws BAD_USER_INPUT */
export const taskCondition = (filter: TaskFilter, bind: Bind): string => combinedCondition(filter, bind, condition);

function condition(filter: TaskFilter, bind: Bind): string {
  const { projects, ready, parked, stalled, hasAttempts } = filter;
  return all([
    projects && among("t.project_id", projects, bind),
    filter.status && statusCondition(filter.status, bind),
    filter.kind && stringCondition("t.kind", filter.kind, bind),
    filter.labels && labelCondition(filter.labels, bind),
    filter.priority && intCondition("t.priority", filter.priority, bind),
    textCondition(filter.text ?? "", bind),
    filter.archived != null && `t.archived_at IS ${filter.archived ? "NOT NULL" : "NULL"}`,
    filter.template != null && (filter.template ? "t.is_template" : "NOT t.is_template"),
    ready != null && (ready ? CLAIMABLE : `NOT ${CLAIMABLE}`),
    parked != null && `t.parked_at IS ${parked ? "NOT NULL" : "NULL"}`,
    filter.overdue != null && (filter.overdue ? IS_OVERDUE : `NOT ${IS_OVERDUE}`),
    stalled != null && (stalled ? IS_STALLED : `NOT ${IS_STALLED}`),
    filter.failures && intCondition("t.failures", filter.failures, bind),
    filter.artifactId && stringCondition("t.artifact_id", filter.artifactId, bind),
    filter.parent &&
      stringCondition(
        "t.parent_task_id",
        inOneCase(filter.parent, (id) => id.toUpperCase()),
        bind,
      ),
    filter.createdBy && stringCondition("t.created_by", filter.createdBy, bind),
    filter.claimedBy && stringCondition("t.claimed_by", filter.claimedBy, bind),
    filter.attemptCount && intCondition("t.attempts", filter.attemptCount, bind),
    filter.failedAttempts && intCondition(failedAttempts("t"), filter.failedAttempts, bind),
    hasAttempts != null && `t.attempts ${hasAttempts ? ">" : "="} 0`,
    filter.attempts && attemptCondition(filter.attempts, bind),
    filter.dueDate && dateCondition("t.due_date", filter.dueDate, bind),
    filter.leaseExpiresAt && dateCondition("t.lease_expires_at", filter.leaseExpiresAt, bind),
    filter.createdAt && dateCondition("t.created_at", filter.createdAt, bind, "createdAt"),
    filter.startedAt && dateCondition("t.started_at", filter.startedAt, bind, "startedAt"),
    filter.completedAt && dateCondition("t.completed_at", filter.completedAt, bind, "completedAt"),
    filter.updatedAt && dateCondition("t.updated_at", filter.updatedAt, bind, "updatedAt"),
  ]);
}

/** One status stands in the text, so that a plan that is made once for all values knows which index is of it. */
function statusCondition({ eq, ...rest }: ChoiceFilter<string>, bind: Bind): string {
  const status = TASK_STATUSES.find((status) => status === eq);
  return status === undefined
    ? stringCondition("t.status", { eq, ...rest }, bind)
    : all([`t.status = '${status}'`, stringCondition("t.status", rest, bind)]);
}

function attemptCondition({ worker, outcome, claimedAt, endedAt }: AttemptFilter, bind: Bind): string {
  const found = all([
    worker && stringCondition("a.worker", worker, bind),
    outcome && stringCondition("a.outcome", outcome, bind),
    claimedAt && dateCondition("a.claimed_at", claimedAt, bind, "claimedAt"),
    endedAt && dateCondition("a.ended_at", endedAt, bind, "endedAt"),
  ]);
  // As any filter that says nothing, it selects every task, also one without attempts.
  if (found === ANYTHING) return ANYTHING;
  return `EXISTS (SELECT FROM task_attempts a WHERE a.project_id = t.project_id AND a.task_id = t.task_id AND ${found})`;
}

function labelCondition(filter: LabelFilter, bind: Bind): string {
  return all([
    filter.all && `t.labels @> ${bind(filter.all)}::text[]`,
    filter.any && `t.labels && ${bind(filter.any)}::text[]`,
    filter.none && `NOT (t.labels && ${bind(filter.none)}::text[])`,
    filter.contains != null && `${bind(filter.contains)} = ANY (t.labels)`,
    filter.in && `t.labels && ${bind(filter.in)}::text[]`,
  ]);
}

/** What is looked for of a text. */
export const wordsOf = (text: string): string[] => text.split(/\s+/).filter((word) => word !== "");

/** Looked for beside the tasks, where the texts have an index; `text_was_read` makes the planner use it. */
function textCondition(text: string, bind: Bind): string | null {
  const words = wordsOf(text);
  if (words.length === 0) return null;
  // The longest first, as it is in the fewest: the others are looked for in these alone.
  const found = words
    .toSorted((a, b) => b.length - a.length)
    .map((word) => `x.text ILIKE ${bind(containing(word))}`)
    .join(" AND ");
  return `EXISTS (SELECT FROM task_texts x WHERE x.project_id = t.project_id AND x.task_id = t.task_id
    AND ${found} AND text_was_read(x.task_id))`;
}
