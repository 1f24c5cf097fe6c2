import type { SubjectType } from "../../event-types.ts";
import type { LoggedEvent } from "./event.ts";

/** Events may make or change things of this type beside their subject: a list in their payload names them. */
const TYPE: SubjectType = "reservation";
const LIST = "reservationIds";

/**
 * Events of a table called `e` that name one of some ids beside their subject, by idx_events_reservations.
 * @param ids SQL: the ids, a text[].
 * @param asked SQL without `e`: whether there is anything to look for.
 */
export const naming = (ids: string, asked: string) =>
  // OFFSET: no other condition may draw PostgreSQL to another index.
  `(SELECT * FROM events e WHERE ${asked} AND e.payload ? '${LIST}' AND e.payload -> '${LIST}' ?| ${ids} OFFSET 0) e`;

/** SQL: an event of a table `e` that names none, as older versions left all of them. */
export const NAMING_NONE = `NOT e.payload ? '${LIST}'`;

/** SQL: whether this is a type of which things are named so. */
export const isNamed = (type: string) => `${type} = '${TYPE}'`;

/** The ids of things that events may name. */
export const namable = (subjects: ReadonlyMap<string, ReadonlySet<string>>) => [...(subjects.get(TYPE) ?? [])];

/** Whether an event names one of the ids, which are of each type. Its payload is looked at only where it might. */
export function names(event: LoggedEvent, subjects: ReadonlyMap<string, ReadonlySet<string>>): boolean {
  const wanted = subjects.get(TYPE);
  const named = wanted && event.payload[LIST];
  return Array.isArray(named) && named.some((id) => wanted?.has(id));
}
