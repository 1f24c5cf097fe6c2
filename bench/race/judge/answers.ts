import type { Finding, Stored, StoredReservation, Told } from "../records.ts";
import { attemptName } from "./claims.ts";
import { nameOf } from "./group.ts";

const lostAnswer = (text: string): Finding => ({ fault: "lost answer", text });

/**
 * What a client was told and the database does not know, and the other way round: every client asked until it had an
 * answer, so an effect that nobody was told of is a second effect of a request that was repeated.
 */
export function findLostAnswers(told: Told, stored: Stored): Finding[] {
  return [
    ...told.contradictions.map(({ operation, first, again }) =>
      lostAnswer(`${operation} answered ${first}, and then ${again} under the same key`),
    ),
    ...tasks(told, stored),
    ...attempts(told, stored),
    ...reservations(told, stored),
  ];
}

function* tasks({ added, left }: Told, stored: Stored): Iterable<Finding> {
  const found = new Map(stored.tasks.map((task) => [nameOf(task), task]));
  for (const { projectId, taskIds, descriptions } of added) {
    for (const [i, taskId] of taskIds.entries()) {
      const name = nameOf({ projectId, taskId });
      const description = found.get(name)?.description;
      if (description === undefined) yield lostAnswer(`${name} was added, and is not in the database`);
      else if (description !== descriptions[i]) yield lostAnswer(`${name} was added as another task`);
    }
    if (taskIds.length !== descriptions.length)
      yield lostAnswer(`${descriptions.length} tasks were sent to ${projectId}, and ${taskIds.length} IDs came back`);
  }
  const known = new Set(added.flatMap(({ projectId, taskIds }) => taskIds.map((taskId) => `${projectId}/${taskId}`)));
  for (const name of found.keys()) {
    if (!known.has(name)) yield lostAnswer(`${name} is in the database, and nobody was told`);
  }
  for (const leaving of left) {
    if (leaving.outcome === "completed" && found.get(nameOf(leaving))?.status !== "completed")
      yield lostAnswer(`${nameOf(leaving)} was completed, and is not in the database`);
  }
}

function* attempts({ claimed, left }: Told, stored: Stored): Iterable<Finding> {
  const found = new Map(stored.attempts.map((attempt) => [attemptName(attempt), attempt]));
  const known = new Set(claimed.map(attemptName));
  for (const claim of claimed) {
    const name = attemptName(claim);
    const attempt = found.get(name);
    if (attempt?.worker !== claim.worker)
      yield lostAnswer(
        `${name} was given to ${claim.worker}; in the database it belongs to ${attempt?.worker ?? "nobody"}`,
      );
  }
  for (const [name, { worker }] of found) {
    if (!known.has(name)) yield lostAnswer(`${name} is held for ${worker ?? "somebody"}, who was not told`);
  }

  const ends = new Map(left.map((leaving) => [attemptName(leaving), leaving.outcome]));
  for (const [name, outcome] of ends) {
    const kept = found.get(name)?.outcome ?? "open";
    if (kept !== outcome) yield lostAnswer(`${name} was ${outcome} by its worker; in the database it is ${kept}`);
  }
  for (const [name, { outcome }] of found) {
    if ((outcome === "completed" || outcome === "released") && !ends.has(name))
      yield lostAnswer(`${name} is ${outcome} in the database, and nobody was told`);
  }
}

function* reservations({ reserved, settled }: Told, stored: Stored): Iterable<Finding> {
  const found = new Map(stored.reservations.map((reservation) => [reservation.reservationId, reservation]));
  const settledAs = new Map(settled.map((settlement) => [settlement.reservationId, settlement]));
  for (const { reservationId, projectId, ids } of reserved) {
    const settlement = settledAs.get(reservationId);
    const status = settlement?.outcome ?? "active";
    const kept = settlement?.outcome === "confirmed" ? settlement.kept : ids;
    const row = found.get(reservationId);
    if (row?.projectId !== projectId || row.status !== status || !sameIds(row, kept))
      yield lostAnswer(
        `reservation ${reservationId} is ${status} with ${kept.join(", ")}; the database has ` +
          (row ? `it ${row.status} with ${row.ids.join(", ")}` : "no trace of it"),
      );
  }
  const known = new Set(reserved.map(({ reservationId }) => reservationId));
  const given = new Set(stored.tasks.map(({ taskId }) => taskId));
  for (const { reservationId, status, ids } of stored.reservations) {
    // What a partial confirmation gave back is a released row of its own; task IDs are judged with their tasks.
    if (status === "released" || known.has(reservationId) || ids.every((id) => given.has(id))) continue;
    yield lostAnswer(`reservation ${reservationId} (${ids.join(", ")}) is ${status}, and nobody was told`);
  }
}

const sameIds = ({ ids }: StoredReservation, others: readonly string[]) =>
  ids.length === others.length && ids.every((id) => others.includes(id));
