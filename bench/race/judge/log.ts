import { createHash } from "node:crypto";
import { SERVER_STREAM } from "../../../src/log/write/append.ts";
import type { Finding, Stored, StoredEvent, Told } from "../records.ts";
import { attemptName } from "./claims.ts";
import { groupBy, nameOf } from "./group.ts";

const hole = (text: string): Finding => ({ fault: "hole in the log", text });

/** Numbers left out, links that do not fit, changes without their event, and streams that missed or repeated one. */
export function findHoles(told: Told, stored: Stored): Finding[] {
  const ofProject = groupBy(stored.events, ({ projectId }) => projectId);
  return [
    ...(stored.inbox > 0 ? [hole(`${stored.inbox} events never came into the log`)] : []),
    ...stored.events.flatMap(({ position }, i) =>
      position === i + 1 ? [] : [hole(`place ${i + 1} of the log is held by position ${position}`)],
    ),
    ...[...ofProject].flatMap(([projectId, events]) => [...chain(projectId, events)]),
    ...changes(told, stored),
    ...told.streams.flatMap((stream, i) => [...streamed(i + 1, stream, ofProject)]),
  ];
}

function* chain(projectId: string, events: readonly StoredEvent[]): Iterable<Finding> {
  let previous = Buffer.alloc(0);
  for (const [i, { number, entry, hash }] of events.entries()) {
    if (number !== i + 1) yield hole(`${projectId}: number ${number} stands in place ${i + 1}`);
    const link = createHash("sha256").update(previous).update(entry).digest();
    if (link.toString("hex") !== hash) yield hole(`${projectId}: the chain is broken at number ${number}`);
    // Go on from what is stored: one broken link is one finding.
    previous = Buffer.from(hash, "hex");
  }
}

/** Every change that was acknowledged has one event, and there is no event of these types without such a change. */
function* changes(told: Told, stored: Stored): Iterable<Finding> {
  const left = new Map<string, number>();
  for (const name of stored.events.flatMap(eventName)) left.set(name, (left.get(name) ?? 0) + 1);
  for (const name of acknowledged(told, stored)) {
    const count = left.get(name) ?? 0;
    if (count === 0) yield hole(`${name}: acknowledged, and not in the log`);
    else left.set(name, count - 1);
  }
  for (const [name, count] of left) {
    if (count > 0) yield hole(`${name}: ${count} more in the log than were acknowledged`);
  }
}

function* acknowledged({ added, claimed, left, reserved, settled }: Told, { attempts }: Stored): Iterable<string> {
  for (const { projectId, taskIds } of added)
    for (const taskId of taskIds) yield `task.created ${nameOf({ projectId, taskId })}`;
  for (const claim of claimed) yield `task.claimed ${attemptName(claim)}`;
  for (const leaving of left)
    yield leaving.outcome === "completed"
      ? `task.completed ${nameOf(leaving)}`
      : `task.released ${attemptName(leaving)}`;
  for (const { reservationId } of reserved) yield `ids.reserved ${reservationId}`;
  for (const { outcome, reservationId } of settled) yield `ids.${outcome} ${reservationId}`;
  // No client is told when its own lease ends; the database says which did.
  for (const attempt of attempts) if (attempt.outcome === "expired") yield `task.lease_expired ${attemptName(attempt)}`;
}

function eventName({ type, projectId, subjectId: taskId, attempt }: StoredEvent): string[] {
  switch (type) {
    case "task.created":
    case "task.completed":
      return [`${type} ${nameOf({ projectId, taskId })}`];
    case "task.claimed":
    case "task.released":
    case "task.lease_expired":
      return [`${type} ${attemptName({ projectId, taskId, attempt: attempt ?? 0 })}`];
    case "ids.reserved":
    case "ids.confirmed":
    case "ids.released":
      return [`${type} ${taskId}`];
    default:
      return [];
  }
}

/** A subscriber that listened from the start received 1, 2, 3 … of every project, each once. */
function* streamed(
  subscriber: number,
  stream: Told["streams"][number],
  ofProject: ReadonlyMap<string, readonly StoredEvent[]>,
): Iterable<Finding> {
  const received = groupBy(stream, ({ projectId }) => projectId ?? "");
  for (const [projectId, events] of ofProject) {
    // For unlimited admins only, and the subscribers are agents.
    if (projectId === SERVER_STREAM) continue;
    const numbers = (received.get(projectId) ?? []).map(({ number }) => number);
    const wrong = numbers.findIndex((number, i) => number !== i + 1);
    if (wrong >= 0)
      yield hole(`subscriber ${subscriber} received number ${numbers[wrong]} of ${projectId} in place ${wrong + 1}`);
    else if (numbers.length !== events.length)
      yield hole(`subscriber ${subscriber} received ${numbers.length} of the ${events.length} events of ${projectId}`);
  }
}
