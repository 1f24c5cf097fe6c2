import {
  all,
  type Bind,
  type ChoiceFilter,
  containing,
  type DateFilter,
  dateCondition,
  type IntFilter,
  intCondition,
  type Maybe,
  type StringFilter,
  stringCondition,
} from "../db/comparators.ts";
import { badInput } from "../errors.ts";
import { notArchived } from "../projects/open.ts";
import { READY } from "./ready.ts";

export interface TaskFilter {
  readonly projects?: Maybe<readonly string[]>;
  readonly status?: Maybe<ChoiceFilter<string>>;
  readonly kind?: Maybe<ChoiceFilter<string>>;
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

/** More than people and programs write, and far from what a statement can hold (65,535 parameters). */
const DEEPEST = 10;
const MOST_CONDITIONS = 500;

/** The projects a filter names, also within `and` and `or`. @throws BAD_USER_INPUT for a filter beyond its limits. */
export function projectsOf(filter: TaskFilter): string[] {
  return partsOf(filter).flatMap(({ projects }) => projects ?? []);
}

/** The filter and every filter within it. @throws BAD_USER_INPUT for too many, or too deep. */
function partsOf(filter: TaskFilter): TaskFilter[] {
  const parts: TaskFilter[] = [];
  let level: readonly TaskFilter[] = [filter];
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > DEEPEST) throw badInput(`This filter is nested more than ${DEEPEST} levels deep. Write it flatter.`);
    if (parts.length + level.length > MOST_CONDITIONS) throw tooManyConditions();
    parts.push(...level);
    level = level.flatMap(({ and, or }) => [...(and ?? []), ...(or ?? [])]);
  }
  return parts;
}

const tooManyConditions = () =>
  badInput(`This filter has more than ${MOST_CONDITIONS} conditions. Use in for many values, or ask in several parts.`);

/** Over several projects: an archived one has no work to give. */
const CLAIMABLE = `(${READY} AND ${notArchived("t.project_id")})`;

/** The filter as a condition on `tasks t`. What it leaves out, it allows. @throws BAD_USER_INPUT */
export function taskCondition(filter: TaskFilter, bind: Bind): string {
  partsOf(filter);
  let conditions = 0;
  return condition(filter, (value) => {
    conditions++;
    if (conditions > MOST_CONDITIONS) throw tooManyConditions();
    return bind(value);
  });
}

function condition(filter: TaskFilter, bind: Bind): string {
  const { projects, status, kind, labels, priority, text, ready, claimedBy, dueDate, updatedAt, and, or } = filter;
  return all([
    projects && `t.project_id = ANY (${bind(projects)}::text[])`,
    status && stringCondition("t.status", status, bind),
    kind && stringCondition("t.kind", kind, bind),
    labels?.contains != null && `${bind(labels.contains)} = ANY (t.labels)`,
    labels?.in && `t.labels && ${bind(labels.in)}::text[]`,
    priority && intCondition("t.priority", priority, bind),
    textCondition(text ?? "", bind),
    ready != null && (ready ? CLAIMABLE : `NOT ${CLAIMABLE}`),
    claimedBy && stringCondition("t.claimed_by", claimedBy, bind),
    dueDate && dateCondition("t.due_date", dueDate, bind),
    updatedAt && dateCondition("t.updated_at", updatedAt, bind),
    ...(and ?? []).map((part) => condition(part, bind)),
    or && `(${or.length === 0 ? "FALSE" : or.map((part) => condition(part, bind)).join(" OR ")})`,
  ]);
}

/** Looked for beside the tasks, where the texts have an index; `text_was_read` makes the planner use it. */
function textCondition(text: string, bind: Bind): string | null {
  const words = text.split(/\s+/).filter((word) => word !== "");
  if (words.length === 0) return null;
  const found = words.map((word) => `x.text ILIKE ${bind(containing(word))}`).join(" AND ");
  return `EXISTS (SELECT FROM task_texts x WHERE x.project_id = t.project_id AND x.task_id = t.task_id
    AND ${found} AND text_was_read(x.task_id))`;
}
