import { connect } from "../../src/db/connect.ts";
import { migrate } from "../../src/db/migrate.ts";
import type { ScratchDatabase } from "../scratch-database.ts";
import { seedProject } from "../world.ts";
import { openEventStream } from "./event-stream.ts";
import { type Subscription, subscribersOf } from "./frame.ts";
import { followersOf } from "./in-process.ts";
import { mostSockets } from "./open-files.ts";
import { openOwnLog } from "./own-log.ts";
import { type Replay, replayByPages, replayFromLog, replayOverWebSocket, writeHistory } from "./replay.ts";
import type { DeliveryResult } from "./report.ts";
import { type Listeners, measureRows, type Rows, thisProcess } from "./rows.ts";
import { startServer } from "./server.ts";
import { openWebSocket } from "./websocket.ts";
import { startWriter } from "./writer.ts";

export interface DeliveryOptions {
  readonly subscribers: readonly number[];
  /** Events per second. */
  readonly rates: readonly number[];
  /** How long each rate lasts. */
  readonly seconds: number;
  /** Events to replay; 0: none. */
  readonly replay: number;
}

interface Around {
  readonly database: ScratchDatabase;
  readonly interrupted: AbortSignal;
  print(line: string): void;
}

const LIVE = "live";
const HISTORY = "history";
/** Server-sent events go the way of WebSockets up to the last step: so many show what that step costs. */
const MOST_EVENT_STREAMS = 100;

/** Live delivery by each way there is, and replay. @throws Error when an event did not arrive as promised. */
export async function runDelivery(options: DeliveryOptions, around: Around): Promise<DeliveryResult> {
  const { database } = around;
  await migrate({ ownerUrl: database.url, loginUrl: database.url });
  await seedProjects(database.url);
  const most = mostSockets();
  const possible = options.subscribers.filter((count) => count <= most);
  const leftOut = options.subscribers
    .filter((count) => count > most)
    .map((count) => `${count} WebSockets: a process may have ${most} here. Raise ulimit -Hn to ${count + 1_000}.`);

  const live: Rows[] = [];
  {
    await using writer = await startWriter(database.url, LIVE);
    const measure = async (listeners: Listeners) => {
      around.print(`${listeners.count} × ${listeners.how} …`);
      live.push(await measureRows(listeners, writer, { ...options, interrupted: around.interrupted }));
    };
    // First, as this process is still small.
    await measureInProcess(database, Math.max(...options.subscribers), measure);
    for (const count of possible) await measureServer(database, "WebSocket", openWebSocket, count, measure);
    for (const count of possible.filter((many) => many <= MOST_EVENT_STREAMS))
      await measureServer(database, "SSE", openEventStream, count, measure);
  }
  const replays = options.replay > 0 ? await measureReplays(options.replay, around) : [];
  return {
    latencies: live.flatMap(({ latencies }) => latencies),
    memory: live.map(({ memory }) => memory),
    replays,
    leftOut,
  };
}

async function seedProjects(url: string): Promise<void> {
  const owner = await connect(url, "docket bench set-up");
  try {
    for (const projectId of [LIVE, HISTORY]) await seedProject({ owner }, projectId, 0);
  } finally {
    await owner.end();
  }
}

type Measure = (listeners: Listeners) => Promise<void>;

async function measureInProcess({ url }: ScratchDatabase, count: number, measure: Measure): Promise<void> {
  await using own = await openOwnLog(url);
  await measure({ how: "log alone, no sockets", count, subscribe: followersOf(own, LIVE), process: thisProcess });
}

async function measureServer(
  database: ScratchDatabase,
  how: string,
  open: (subscription: Subscription) => () => void,
  count: number,
  measure: Measure,
): Promise<void> {
  await using server = await startServer(database);
  await measure({ how, count, subscribe: subscribersOf(open, server, LIVE), process: server });
}

async function measureReplays(events: number, { database, interrupted, print }: Around): Promise<Replay[]> {
  print(`replay of ${events} events …`);
  await using own = await openOwnLog(database.url);
  const cursor = await writeHistory(own, HISTORY, events);
  // Started after they were written: it finds none of them in its memory.
  await using server = await startServer(database);
  const replays: Replay[] = [];
  for (const replay of [replayOverWebSocket, replayByPages]) {
    interrupted.throwIfAborted();
    replays.push(await replay(server, HISTORY, cursor));
  }
  replays.push(await replayFromLog(own, HISTORY));
  for (const { how, events: came } of replays)
    if (came !== events) throw new Error(`Lost: ${how} gave ${came} of ${events} events.`);
  return replays;
}
