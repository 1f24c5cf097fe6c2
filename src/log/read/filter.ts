import type { Viewer } from "../../access/viewer.ts";
import { requireProjects, visibleProjects } from "../../access/visibility.ts";
import type { Db } from "../../db/database.ts";
import { badInput } from "../../errors.ts";
import { EVENT_TYPES } from "../write/append.ts";
import type { LoggedEvent } from "./event.ts";

/** What a caller asks for. A list that is left out selects everything; the lists are combined with "and". */
export interface EventFilter {
  readonly projects?: readonly string[] | null | undefined;
  readonly types?: readonly string[] | null | undefined;
  /** Task ids; the same id may exist in several projects. */
  readonly tasks?: readonly string[] | null | undefined;
  readonly actors?: readonly string[] | null | undefined;
}

/** What a viewer gets: the filter within what it may see. null: every. */
export interface Selection {
  readonly projects: ReadonlySet<string> | null;
  /** Whether events of the server itself, which belong to no project, are selected. */
  readonly server: boolean;
  readonly types: ReadonlySet<string> | null;
  readonly tasks: ReadonlySet<string> | null;
  readonly actors: ReadonlySet<string> | null;
}

const MOST_VALUES = 1000;
const KNOWN_TYPES: ReadonlySet<string> = new Set(EVENT_TYPES);

/**
 * A viewer without limits also selects projects that do not exist yet.
 * @throws PROJECT_NOT_FOUND when the filter names a project that is unknown or not the viewer's; BAD_USER_INPUT for an
 * empty or overlong list, and for a type that there is not.
 */
export async function selectFor(db: Db, viewer: Viewer, filter: EventFilter): Promise<Selection> {
  const named = chosen("projects", filter.projects);
  const rest = {
    types: chosen("types", filter.types),
    tasks: chosen("tasks", filter.tasks),
    actors: chosen("actors", filter.actors),
  };
  for (const type of rest.types ?? [])
    if (!KNOWN_TYPES.has(type))
      throw badInput(`There is no event type ${JSON.stringify(type)}. There are: ${EVENT_TYPES.join(", ")}.`);
  if (named === null) {
    const visible = visibleProjects(viewer);
    return { projects: visible && new Set(visible), server: visible === null && viewer.role === "admin", ...rest };
  }
  await requireProjects({ db, viewer }, [...named]);
  return { projects: named, server: false, ...rest };
}

export function isSelected({ projects, server, types, tasks, actors }: Selection, event: LoggedEvent): boolean {
  if (event.projectId === null ? !server : projects !== null && !projects.has(event.projectId)) return false;
  return (
    (types === null || types.has(event.type)) &&
    (tasks === null || (event.taskId !== null && tasks.has(event.taskId))) &&
    (actors === null || actors.has(event.actor))
  );
}

function chosen(name: string, values: readonly string[] | null | undefined): ReadonlySet<string> | null {
  if (values == null) return null;
  // Nothing would ever come, and the caller would wait for it.
  if (values.length === 0) throw badInput(`${name} is an empty list. Leave it out to select all.`);
  if (values.length > MOST_VALUES) throw badInput(`${name} may name ${MOST_VALUES} at most.`);
  return new Set(values);
}
