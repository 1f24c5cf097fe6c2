import { badInput } from "../../errors.ts";
import { EVENT_TYPES, SUBJECT_TYPES } from "../../event-types.ts";
import type { LoggedEvent } from "./event.ts";
import { names } from "./named.ts";
import { type AskedSpan, isWithin, type Span } from "./span.ts";
import { expandTypes, isPattern } from "./type-patterns.ts";

/** Subjects of one type; the same id may exist in several projects. */
interface Subjects {
  readonly type: string;
  readonly ids: readonly string[];
  /** The argument that names them, where that is not `subjects`. */
  readonly argument?: string;
}

/** What a caller asks for. What is left out selects everything; all that is given has to match. */
export interface EventFilter extends AskedSpan {
  readonly projects?: readonly string[] | null | undefined;
  /** Types like `task.completed`, or `task.*`. */
  readonly types?: readonly string[] | null | undefined;
  /** About any of these, or naming one that it makes or changes beside its subject. */
  readonly subjects?: readonly Subjects[] | null | undefined;
  readonly actors?: readonly string[] | null | undefined;
}

/** The events that a viewer may see. */
export interface VisibleEvents {
  /** null: every project, those yet to come too. */
  readonly projects: ReadonlySet<string> | null;
  /** Whether events of the server itself, which belong to no project, are selected. */
  readonly server: boolean;
}

/** What a viewer gets: the filter within what it may see. null: every. */
export interface Selection extends VisibleEvents {
  readonly types: ReadonlySet<string> | null;
  /** Ids, by the type of the subject. */
  readonly subjects: ReadonlyMap<string, ReadonlySet<string>> | null;
  readonly actors: ReadonlySet<string> | null;
  /** Left out: whenever they happened. */
  readonly span?: Span;
}

const MOST_VALUES = 1000;

/**
 * @param visibleTo what the viewer may see of the projects named.
 * @throws what `visibleTo` throws; BAD_USER_INPUT for an empty or overlong list, and for a type of events or subjects that there is not.
 */
export async function selectionOf(
  { projects, types, subjects, actors }: EventFilter,
  visibleTo: (named: readonly string[] | null) => Promise<VisibleEvents>,
): Promise<Selection> {
  const named = chosen("projects", projects);
  const patterns = chosen("types", types);
  for (const pattern of patterns ?? [])
    if (!isPattern(pattern))
      throw badInput(
        `There is no event type ${JSON.stringify(pattern)}. There are: ${EVENT_TYPES.join(", ")}; and task.* for all of tasks, and so on.`,
      );
  const rest = {
    types: patterns && new Set(expandTypes(patterns)),
    subjects: subjects == null ? null : idsByType(subjects),
    actors: chosen("actors", actors),
  };
  return { ...(await visibleTo(named && [...named])), ...rest };
}

/** The same for selections that select the same. */
export function keyOf({ projects, server, types, subjects, actors }: Selection): string {
  const sorted = (values: ReadonlySet<string> | null) => values && [...values].sort();
  const byType = [...(subjects ?? [])].map(([type, ids]) => [type, sorted(ids)] as const);
  const ofTypes = byType.sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([sorted(projects), server, sorted(types), subjects && ofTypes, sorted(actors)]);
}

export function isSelected(selection: Selection, event: LoggedEvent): boolean {
  const { projects, server, types, subjects, actors, span } = selection;
  if (event.projectId === null ? !server : projects !== null && !projects.has(event.projectId)) return false;
  return (
    (types === null || types.has(event.type)) &&
    (subjects === null || subjects.get(event.subjectType)?.has(event.subjectId) === true || names(event, subjects)) &&
    (actors === null || actors.has(event.actor)) &&
    isWithin(span, event.occurredAt)
  );
}

function idsByType(subjects: readonly Subjects[]): ReadonlyMap<string, ReadonlySet<string>> {
  const unknown = subjects.find(({ type }) => !SUBJECT_TYPES.some((known) => known === type));
  if (unknown)
    throw badInput(
      `There is no subject type ${JSON.stringify(unknown.type)}. There are: ${SUBJECT_TYPES.join(", ")}, as subjectType of an event says.`,
    );
  for (const { type, ids, argument } of subjects) {
    if (argument !== undefined) chosen(argument, ids);
    else if (ids.length === 0)
      throw badInput(`subjects has an empty list of ids for type ${type}. Leave that entry out of subjects.`);
  }
  chosen(
    "subjects",
    subjects.flatMap(({ ids }) => ids),
  );
  const byType = Map.groupBy(subjects, ({ type }) => type);
  return new Map([...byType].map(([type, group]) => [type, new Set(group.flatMap(({ ids }) => ids))]));
}

function chosen(name: string, values: readonly string[] | null | undefined): ReadonlySet<string> | null {
  if (values == null) return null;
  // Nothing would ever come, and the caller would wait for it.
  if (values.length === 0) throw badInput(`${name} is an empty list. Leave it out to select all.`);
  if (values.length > MOST_VALUES) throw badInput(`${name} may name ${MOST_VALUES} at most.`);
  return new Set(values);
}
