import type { Viewer } from "../access/viewer.ts";
import { type Sight, visibleProjects } from "../access/visibility.ts";
import { among } from "../db/comparators.ts";
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

/**
 * SQL for a list of what projects have: that a column names one that the viewer sees, of archived ones only those that
 * its filter names somewhere. Whether these may be seen, `requireProjects` has judged before.
 */
export function amongListed(column: string, viewer: Sight, named: readonly string[], bind: Bind): string {
  const visible = visibleProjects(viewer);
  const inUse = notArchived(column);
  const listed = named.length === 0 ? inUse : `(${inUse} OR ${among(column, named, bind)})`;
  return visible ? `${among(column, visible, bind)} AND ${listed}` : listed;
}
