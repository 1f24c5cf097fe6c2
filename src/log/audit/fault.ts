import { createHash } from "node:crypto";
import type { Bounds, LostPlace, Row, Stranded } from "./auditor.ts";
import type { KeptHeads } from "./kept-heads.ts";

/** One row that is not as it was written. What is not known of a row that is gone is null. */
export interface AuditFault {
  /**
   * changed: its content does not match its hash. removed: it is not there any more. inserted: its number was given
   * before. number: its number skips others. rewritten: its hash is not the one that was kept elsewhere. floor: retention
   * has not put the beginning of the log there. stranded: it was committed and can never come into the log.
   */
  readonly what: "changed" | "removed" | "inserted" | "number" | "rewritten" | "floor" | "stranded";
  readonly position: number | null;
  /** `_server` for the server's own events. */
  readonly projectId: string | null;
  readonly number: number | null;
  readonly eventId: string | null;
  /** For a person. */
  readonly reason: string;
}

/** Where the chain of a project stands. */
export interface Link {
  readonly number: number;
  readonly hash: Buffer;
}

/** What is wrong with a row that should follow on a link. @param expected the position it should have; null: not judged. */
export function linkFault(row: Row, { number, hash }: Link, expected: number | null): AuditFault | undefined {
  const position = Number(row.position);
  const given = Number(row.number);
  if (expected !== null && position > expected) {
    const reason = position === expected + 1 ? "it is missing" : `positions ${expected} to ${position - 1} are missing`;
    return { what: "removed", position: expected, projectId: null, number: null, eventId: null, reason };
  }
  if (given <= number)
    return { ...rowOf(row), what: "inserted", reason: `its project had come to number ${number} before` };
  if (given > number + 1 && expected === null) {
    const reason = `number ${given} follows on number ${number}`;
    return { what: "removed", position: null, projectId: row.project_id, number: number + 1, eventId: null, reason };
  }
  if (given > number + 1)
    return { ...rowOf(row), what: "number", reason: `it follows on number ${number} of its project` };
  if (createHash("sha256").update(hash).update(row.entry).digest().equals(row.hash)) return undefined;
  const reason = "its hash does not follow from it and the event before: it was changed, or put in by hand";
  return { ...rowOf(row), what: "changed", reason };
}

export const rowOf = (row: Row) => ({
  position: Number(row.position),
  projectId: row.project_id,
  number: Number(row.number),
  eventId: row.event_id,
});

export const REWRITTEN = {
  what: "rewritten",
  reason: "its hash is not the one that was kept: this event, or one before it, was changed and the chain made anew",
} as const;

export function endsEarlier(projectId: string, last: number, number: number): AuditFault {
  const reason = `the project's chain ends at number ${last}, and the head that was kept is number ${number}`;
  return { what: "removed", position: null, projectId, number: last + 1, eventId: null, reason };
}

export function beginsLater(projectId: string, begin: number, number: number): AuditFault {
  const reason = `the project's chain begins after number ${begin}, and the head of less than a month ago is number ${number}: retention keeps a month`;
  return { what: "removed", position: null, projectId, number, eventId: null, reason };
}

/** Retention takes out whole partitions, and nothing that is younger than a month: anything else was done by hand. */
export function floorFaults({ floor, below, partitions }: Bounds, against: KeptHeads | undefined): AuditFault[] {
  const fault = (position: number, reason: string): AuditFault[] => [
    { what: "floor", position, projectId: null, number: null, eventId: null, reason },
  ];
  if (below !== null) return fault(below, `it is in the log, which is said to begin after position ${floor}`);
  if (partitions !== floor + 1)
    return fault(floor, `the log is said to begin after it, and its oldest partition begins at ${partitions}`);
  if (against && floor > against.floor && floor >= against.position && isYoung(against))
    return fault(floor, "the log is said to begin after it, and less than a month ago it ended before");
  return [];
}

/** Whether the heads were taken so lately that nothing of the log as it was then can have been taken out for its age. */
export const isYoung = ({ takenAt }: KeptHeads) => Date.now() - Date.parse(takenAt) < MONTH_MS;
const MONTH_MS = 28 * 86_400_000;

export function placeLost({ reader, position }: LostPlace): AuditFault {
  const reason = `the sink ${reader} has read another event here than the log has, or the log ends before`;
  return { what: "rewritten", position: Number(position), projectId: null, number: null, eventId: null, reason };
}

export function isStranded({ event_id, project_id, events }: Stranded): AuditFault {
  const all = events === "1" ? "it waits" : `it and ${Number(events) - 1} more wait`;
  const reason = `${all} in event_inbox at or below inbox_floor, where no drain looks: somebody has meddled there`;
  return { what: "stranded", position: null, projectId: project_id, number: null, eventId: event_id, reason };
}
