import { badInput } from "../errors.ts";

type Maybe<T> = T | null | undefined;

export interface StringFilter {
  readonly eq?: Maybe<string>;
  readonly in?: Maybe<readonly string[]>;
  /** Part of the text, whatever the case. */
  readonly contains?: Maybe<string>;
  readonly null?: Maybe<boolean>;
}

export interface IntFilter {
  readonly eq?: Maybe<number>;
  readonly in?: Maybe<readonly number[]>;
  readonly lt?: Maybe<number>;
  readonly lte?: Maybe<number>;
  readonly gt?: Maybe<number>;
  readonly gte?: Maybe<number>;
}

/** Instants as ISO 8601, or durations from now like -P1D. */
export interface DateFilter {
  readonly lt?: Maybe<string>;
  readonly lte?: Maybe<string>;
  readonly gt?: Maybe<string>;
  readonly gte?: Maybe<string>;
  readonly null?: Maybe<boolean>;
}

export interface TaskFilter {
  readonly projects?: Maybe<readonly string[]>;
  readonly status?: Maybe<Pick<StringFilter, "eq" | "in">>;
  readonly kind?: Maybe<Pick<StringFilter, "eq" | "in">>;
  readonly labels?: Maybe<Pick<StringFilter, "contains" | "in">>;
  readonly priority?: Maybe<IntFilter>;
  /** Every word occurs in the ID, title, description, notes or artifact ID, whatever the case. */
  readonly text?: Maybe<string>;
  /** What a claim would take now. */
  readonly ready?: Maybe<boolean>;
  readonly claimedBy?: Maybe<StringFilter>;
  readonly dueDate?: Maybe<DateFilter>;
  readonly updatedAt?: Maybe<DateFilter>;
  readonly and?: Maybe<readonly TaskFilter[]>;
  readonly or?: Maybe<readonly TaskFilter[]>;
}

type Bind = (value: unknown) => string;

/** The projects a filter names, also within `and` and `or`. */
export function projectsOf({ projects, and, or }: TaskFilter): string[] {
  return [...(projects ?? []), ...[...(and ?? []), ...(or ?? [])].flatMap(projectsOf)];
}

const SEARCHED = `concat_ws(' ', t.task_id, t.title, t.description, t.context_notes, t.completion_notes, t.artifact_id)`;
const READY = `(t.archived_at IS NULL AND (t.status = 'pending' OR (t.status = 'in_progress' AND t.lease_expires_at <= docket_now())))`;

/** The filter as a condition on `tasks t`. What it leaves out, it allows. @throws BAD_USER_INPUT */
export function taskCondition(filter: TaskFilter, bind: Bind): string {
  const { projects, status, kind, labels, priority, text, ready, claimedBy, dueDate, updatedAt, and, or } = filter;
  return all([
    projects && `t.project_id = ANY (${bind(projects)}::text[])`,
    status && stringCondition("t.status", status, bind),
    kind && stringCondition("t.kind", kind, bind),
    labels?.contains != null && `${bind(labels.contains)} = ANY (t.labels)`,
    labels?.in && `t.labels && ${bind(labels.in)}::text[]`,
    priority && intCondition("t.priority", priority, bind),
    ...(text ?? "")
      .split(/\s+/)
      .filter((word) => word !== "")
      .map((word) => `${SEARCHED} ILIKE ${bind(containing(word))}`),
    ready != null && (ready ? READY : `NOT ${READY}`),
    claimedBy && stringCondition("t.claimed_by", claimedBy, bind),
    dueDate && dateCondition("t.due_date", dueDate, bind),
    updatedAt && dateCondition("t.updated_at", updatedAt, bind),
    ...(and ?? []).map((part) => taskCondition(part, bind)),
    or && `(${or.length === 0 ? "FALSE" : or.map((part) => taskCondition(part, bind)).join(" OR ")})`,
  ]);
}

function stringCondition(column: string, filter: StringFilter, bind: Bind): string {
  return all([
    filter.eq != null && `${column} = ${bind(filter.eq)}`,
    filter.in && `${column} = ANY (${bind(filter.in)}::text[])`,
    filter.contains != null && `${column} ILIKE ${bind(containing(filter.contains))}`,
    nullCondition(column, filter.null),
  ]);
}

function intCondition(column: string, filter: IntFilter, bind: Bind): string {
  return all([
    filter.eq != null && `${column} = ${bind(filter.eq)}`,
    filter.in && `${column} = ANY (${bind(filter.in)}::int[])`,
    ...compare(column, filter, (value) => `${bind(value)}::int`),
  ]);
}

function dateCondition(column: string, filter: DateFilter, bind: Bind): string {
  return all([...compare(column, filter, (value) => instant(value, bind)), nullCondition(column, filter.null)]);
}

const COMPARATORS = { lt: "<", lte: "<=", gt: ">", gte: ">=" } as const;

function compare<T>(
  column: string,
  filter: { [Key in keyof typeof COMPARATORS]?: Maybe<T> },
  value: (given: T) => string,
) {
  return (["lt", "lte", "gt", "gte"] as const).map((comparator) => {
    const given = filter[comparator];
    return given != null && `${column} ${COMPARATORS[comparator]} ${value(given)}`;
  });
}

const DURATION = /^([+-]?)(P(?=\d|T\d)(?:\d+Y)?(?:\d+M)?(?:\d+W)?(?:\d+D)?(?:T(?:\d+H)?(?:\d+M)?(?:\d+S)?)?)$/;
const INSTANT = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/;

function instant(given: string, bind: Bind): string {
  const [, sign, duration] = DURATION.exec(given) ?? [];
  if (duration !== undefined) return `(docket_now() ${sign === "-" ? "-" : "+"} ${bind(duration)}::interval)`;
  if (INSTANT.test(given) && !Number.isNaN(Date.parse(given))) return `${bind(given)}::timestamptz`;
  throw badInput(
    `${JSON.stringify(given)} is neither an instant like 2026-03-01T09:00:00Z nor a duration from now like -P1D or PT2H.`,
  );
}

const nullCondition = (column: string, wanted: Maybe<boolean>) =>
  wanted != null && `${column} IS ${wanted ? "NULL" : "NOT NULL"}`;

/** A LIKE pattern that finds the text anywhere, its own wildcards taken as they are. */
const containing = (text: string) => `%${text.replace(/[\\%_]/g, "\\$&")}%`;

const all = (conditions: readonly (string | false | null | undefined)[]) => {
  const given = conditions.filter((condition) => typeof condition === "string");
  return given.length === 0 ? "TRUE" : `(${given.join(" AND ")})`;
};
