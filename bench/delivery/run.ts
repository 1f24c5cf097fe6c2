import { connect } from "../../src/db/connect.ts";
import { migrate } from "../../src/db/migrate.ts";
import type { ScratchDatabase } from "../scratch-database.ts";
import { seedProject } from "../world.ts";
import { openEventStream } from "./event-stream.ts";
import { subscribersOf } from "./frame.ts";
import { followersOf } from "./in-process.ts";
import { mostSockets } from "./open-files.ts";
import { openOwnLog } from "./own-log.ts";
import { type Replay, replayByPages, replayFromLog, replayOverWebSocket, writeHistory } from "./replay.ts";
import type { DeliveryResult } from "./report.ts";
import { type Listeners, measureRows, type Rows, WARM_UP } from "./rows.ts";
import { type Server, startServer } from "./server.ts";
import { heldMemory, processorMs } from "./usage.ts";
import { openWebSocket } from "./websocket.ts";
import { startWriter } from "./writer.ts";

export interface DeliveryOptions {
  readonly subscribers: readonly number[];
  /** Events per second. */
  readonly rates: readonly number[];
  /** How long each rate lasts. */
  readonly seconds: number;
  /** In mixed audiences so many ask for the same. */
  readonly groupsOf: number;
  /** A second, beside the largest audiences; 0: none. */
  readonly claims: number;
  /** Events to replay; 0: none. */
  readonly replay: number;
  /** Which of those over the network; default: all. */
  readonly audiences?: readonly AudienceKind[];
}

interface Around {
  readonly database: ScratchDatabase;
  readonly interrupted: AbortSignal;
  print(line: string): void;
}

const LIVE = "live";
const HISTORY = "history";
const CLAIMED = "claimed";

/** Audiences over the network. */
export const AUDIENCES = [
  { how: "WebSocket", open: openWebSocket, mixed: false },
  { how: "WebSocket, groups of", open: openWebSocket, mixed: true },
  { how: "SSE", open: openEventStream, mixed: false },
  { how: "SSE, groups of", open: openEventStream, mixed: true },
] as const;
type AudienceKind = (typeof AUDIENCES)[number];

/** Live delivery by each way there is, and replay. @throws Error when an event did not arrive as promised. */
export async function runDelivery(options: DeliveryOptions, around: Around): Promise<DeliveryResult> {
  const { database } = around;
  const { audiences = AUDIENCES } = options;
  await migrate({ ownerUrl: database.url, loginUrl: database.url });
  await seedProjects(database.url, tasksToClaim(options, audiences.length));
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
    for (const kind of audiences) {
      for (const count of possible) {
        if (kind.mixed && count <= options.groupsOf) continue;
        const claims = count === Math.max(...possible) ? options.claims : 0;
        await measureServer({ database, kind, count, groupsOf: options.groupsOf, claims }, measure);
      }
    }
  }
  const replays = options.replay > 0 ? await measureReplays(options.replay, around) : [];
  return {
    latencies: live.flatMap(({ latencies }) => latencies),
    claims: live.flatMap(({ claims }) => claims),
    memory: live.map(({ memory }) => memory),
    replays,
    leftOut,
  };
}

const tasksToClaim = ({ claims, rates, seconds }: DeliveryOptions, audiences: number) =>
  audiences * claims * (rates.length * seconds + WARM_UP.seconds);

async function seedProjects(url: string, tasks: number): Promise<void> {
  const owner = await connect(url, "docket bench set-up");
  try {
    for (const projectId of [LIVE, HISTORY]) await seedProject({ owner }, projectId, 0);
    await seedProject({ owner }, CLAIMED, tasks);
  } finally {
    await owner.end();
  }
}

type Measure = (listeners: Listeners) => Promise<void>;

async function measureInProcess({ url }: ScratchDatabase, count: number, measure: Measure): Promise<void> {
  await using own = await openOwnLog(url);
  const process = { memory: async () => heldMemory(), processorMs: async () => processorMs() };
  const subscribe = followersOf(own, LIVE);
  await measure({ how: "log alone, no sockets", count, subscribe, process, groups: null, claims: null });
}

interface Served {
  readonly database: ScratchDatabase;
  readonly kind: AudienceKind;
  readonly count: number;
  readonly groupsOf: number;
  readonly claims: number;
}

async function measureServer({ database, kind, count, groupsOf, claims }: Served, measure: Measure): Promise<void> {
  await using server: Server = await startServer(database);
  const { url, apiKey } = server;
  const together = kind.mixed ? groupsOf : count;
  await measure({
    how: kind.mixed ? `${kind.how} ${groupsOf}` : kind.how,
    count,
    subscribe: subscribersOf({ open: kind.open, server, projectId: LIVE, groupsOf: together }),
    process: server,
    groups: Math.ceil(count / together),
    claims: claims > 0 ? { url, apiKey, projectId: CLAIMED, perSecond: claims } : null,
  });
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
