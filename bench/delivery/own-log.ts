import { acting } from "../../src/access/act-as.ts";
import type { Viewer } from "../../src/access/viewer.ts";
import { type Database, openDatabase } from "../../src/db/database.ts";
import { KeyValidity } from "../../src/keys/validity.ts";
import { systemClock } from "../../src/log/clock.ts";
import { openLog } from "../../src/log/log.ts";
import { append } from "../../src/log/write/append.ts";
import { visibilityOfEvents } from "../../src/projects/visibility-of-events.ts";

/** Sees all there is. */
export const VIEWER: Viewer = {
  actor: "bench",
  name: "bench",
  client: null,
  keyId: null,
  role: "admin",
  projectIds: null,
  expiresAt: null,
};

/** As many as anyone asks for: all subscribers of a row come with one key. */
export const STREAMS_PER_CLIENT = 100_000;

/** An outage of the database would spoil the measurement. */
const logger = {
  info: () => undefined,
  error: (details: object, message: string) => console.error(message, details),
};

/** The log as a server process opens it, in this one. */
export async function openOwnLog(url: string) {
  await using opened = new AsyncDisposableStack();
  const database = openDatabase({ url, size: 10, applicationName: "docket bench" });
  opened.defer(() => database.close());
  const settings = { streamsPerClient: STREAMS_PER_CLIENT };
  const validity = new KeyValidity(database, systemClock, logger);
  const visibility = visibilityOfEvents(database);
  const log = await openLog({ database, listenUrl: url, logger, visibility, validity, settings });
  opened.defer(() => log.close());
  const owned = opened.move();
  return { database, log, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

export type OwnLog = Awaited<ReturnType<typeof openOwnLog>>;

/** One transaction with events as changes of one field leave them. Their subjects are numbered from `first`. */
export async function commitUpdates(db: Database, projectId: string, first: number, count = 1): Promise<void> {
  const events = Array.from({ length: count }, (_, i) => ({
    type: "task.updated" as const,
    projectId,
    subjectType: "task" as const,
    subjectId: String(first + i),
    payload: { changes: { status: { old: "pending", new: "in_progress" } } },
  }));
  await acting({ db, viewer: VIEWER, correlationId: "bench" }, (inside) => append(inside, ...events));
}
