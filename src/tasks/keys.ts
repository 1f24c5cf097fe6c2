import type { Bind } from "../db/parameters.ts";
import type { TaskKey } from "./task.ts";

/** Keys as the two columns that `unnest($1::text[], $2::text[])` of a statement makes a table of. */
export const keyColumns = (keys: readonly TaskKey[]): [projectIds: string[], taskIds: string[]] => [
  keys.map(({ projectId }) => projectId),
  keys.map(({ taskId }) => taskId),
];

/** SQL: such a table, for a statement that is put together. */
export const keyTable = (keys: readonly TaskKey[], bind: Bind): string =>
  `unnest(${keyColumns(keys)
    .map((column) => `${bind(column)}::varchar[]`)
    .join(", ")})`;
