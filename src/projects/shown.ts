import type { Viewer } from "../access/viewer.ts";
import { visibleProjects } from "../access/visibility.ts";
import type { Bind } from "../db/parameters.ts";
import { notArchived } from "./open.ts";

/**
 * SQL for what is told of several projects: that a column names one of these or, where none are named, one that the
 * viewer sees and that is not archived. Whether the named ones may be seen, `requireProjects` has judged before.
 */
export function amongShown(
  column: string,
  viewer: Viewer,
  named: readonly string[] | null | undefined,
  bind: Bind,
): string {
  if (named) return `${column} = ANY (${bind(named)}::text[])`;
  const visible = visibleProjects(viewer);
  return visible ? `${column} = ANY (${bind(visible)}::text[]) AND ${notArchived(column)}` : notArchived(column);
}
