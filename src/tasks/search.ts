import { amongProjects, type Looking } from "../access/visibility.ts";
import { containing } from "../db/comparators.ts";
import { type CountedPage, countedPage } from "../db/counted-list.ts";
import type { Order, PageArgs, PageQuery } from "../db/page.ts";
import type { Bind } from "../db/parameters.ts";
import { isStorable, NOT_STORABLE } from "../db/storable.ts";
import { badInput } from "../errors.ts";
import { TASK, type Task, type TaskFields, TITLE } from "./fields.ts";
import { projectsOf, type TaskFilter, wordsOf } from "./filter.ts";
import { listed } from "./list.ts";

/** Each is looked for in every task that has the others. */
export const MOST_WORDS = 10;
/** Where more are found, so many of them, the last of the queue, are compared: the newest, but for those that were moved there. */
export const MOST_RANKED = 5_000;

export interface SearchTasks extends PageArgs {
  /** Every word of it occurs in the task. */
  readonly text: string;
  readonly projects?: readonly string[] | null | undefined;
  /** Which of those that are found. */
  readonly filter?: TaskFilter | null | undefined;
  /** What is read of each, beside its key. */
  readonly fields: readonly (keyof TaskFields)[];
}

/** A task with how well it fits. */
export type FoundTask = Task & { readonly rank: number };

/** The best first, of those that fit as well the newest, wherever it was moved in the queue. */
const BY_RANK: Order = {
  name: "tasks.rank.DESC",
  columns: [
    { sql: "f.rank", type: "integer" },
    { sql: "f.created_at", type: "timestamptz" },
    { sql: "f.queue_position", type: "bigint" },
  ],
  direction: "DESC",
};

/**
 * A page of the visible tasks in which every word of a text occurs, those first that it names or whose title it is of.
 * What is found is what the filter `text` finds, by the same index; only that is ranked.
 * @throws PROJECT_NOT_FOUND for an unknown or foreign project; BAD_USER_INPUT for a text without words, or with too many.
 */
export async function searchTasks(
  ctx: Looking,
  { text, projects, filter, fields, ...page }: SearchTasks,
): Promise<CountedPage<FoundTask>> {
  const words = wordsOf(text);
  if (words.length === 0) throw badInput("text must have at least one word to look for.");
  if (words.length > MOST_WORDS) throw badInput(`text has ${words.length} words; ${MOST_WORDS} at most.`);
  if (!isStorable(text)) throw badInput(`text ${NOT_STORABLE}.`);
  const wanted: TaskFilter = { ...(projects && { projects }), text, ...(filter && { and: [filter] }) };
  const list = (bind: Bind) => ({
    get all() {
      return `FROM tasks t WHERE ${listed(ctx.viewer, wanted, bind)}`;
    },
    page: ({ key, condition, sort, limit }: PageQuery) =>
      `SELECT ${TASK.selectOnly(["projectId", "taskId", ...fields])}, f.rank, ${key} AS "cursorKey" FROM (
         SELECT f.* FROM (
           SELECT t.project_id, t.task_id, t.created_at, t.queue_position, ${rank(words, bind)} AS rank FROM (
             SELECT t.project_id, t.task_id, t.title, t.description, t.artifact_id, t.created_at, t.queue_position
             FROM tasks t WHERE ${listed(ctx.viewer, wanted, bind)} ORDER BY t.queue_position DESC LIMIT ${MOST_RANKED}
           ) t
         ) f WHERE ${condition} ${sort} ${limit}
       ) f JOIN tasks t USING (project_id, task_id) ${sort}`,
  });
  return await amongProjects(
    ctx,
    projectsOf(wanted),
    () => countedPage<FoundTask>(ctx.db, list, BY_RANK, page),
    ({ edges }) => edges.map(({ node }) => node.projectId),
  );
}

/** SQL: how well a task fits in which all the words occur; of several words also whether they occur in a row. */
function rank(words: readonly string[], bind: Bind): string {
  const each = words.map((word) => {
    const id = `upper(${bind(word)}::text)`;
    const part = `${bind(containing(word))}::text`;
    return `CASE WHEN t.task_id = ${id} OR upper(t.artifact_id) = ${id} THEN 1000
      WHEN ${TITLE} ILIKE ${part} THEN CASE WHEN ${TITLE} ~* ${bind(asOneWord(word))}::text THEN 8 ELSE 4 END
      WHEN t.description ILIKE ${part} THEN 2 ELSE 1 END`;
  });
  if (words.length > 1) {
    const row = `${bind(containing(words.join(" ")))}::text`;
    each.push(`CASE WHEN ${TITLE} ILIKE ${row} THEN 8 WHEN t.description ILIKE ${row} THEN 2 ELSE 0 END`);
  }
  return `(${each.join(" + ")})`;
}

/** A regular expression that finds the word where it is no part of another. */
const asOneWord = (word: string) => `(^|\\W)${word.replace(/[^\p{L}\p{N}]/gu, "\\$&")}(\\W|$)`;
