import { createRequest } from "../../client/request.ts";
import { systemClock } from "../../src/log/clock.ts";
import { BEGINNING } from "../../src/log/read/cursor.ts";
import { readHead, readPage } from "../../src/log/read/page.ts";
import type { Arrival } from "./audience.ts";
import { FollowDelivery, PageOfDelivery } from "./documents.ts";
import { commitUpdates, type OwnLog } from "./own-log.ts";
import type { Server } from "./server.ts";
import { openWebSocket } from "./websocket.ts";

/** How long one reader took from a cursor before the first event to the end. */
export interface Replay {
  readonly how: string;
  readonly events: number;
  /** Frames or pages that it came in. */
  readonly parts: number;
  readonly ms: number;
}

const EVENTS_OF_A_TRANSACTION = 500;
const PAGE = 1_000;

/** @returns the cursor before the first of them. */
export async function writeHistory({ database, log }: OwnLog, projectId: string, events: number): Promise<string> {
  const cursor = await log.cursor();
  for (let from = 0; from < events; from += EVENTS_OF_A_TRANSACTION) {
    const count = Math.min(EVENTS_OF_A_TRANSACTION, events - from);
    await commitUpdates(database, projectId, from, count);
  }
  await log.cursor();
  return cursor;
}

/** A subscription that resumes far back; its frames come ten a second at most. */
export async function replayOverWebSocket(server: Server, projectId: string, after: string): Promise<Replay> {
  const counter = new Counter("WebSocket, subscription after the cursor");
  const caughtUp = Promise.withResolvers<void>();
  const close = openWebSocket({
    server,
    document: FollowDelivery.toString(),
    variables: { projectId, after },
    index: 0,
    onFrame(frame) {
      try {
        counter.take(frame.events);
        if (frame.caughtUp) caughtUp.resolve();
      } catch (error) {
        caughtUp.reject(error);
      }
    },
    onFault: caughtUp.reject,
  });
  await caughtUp.promise.finally(close);
  return counter.result();
}

/** Page after page of 100, as clients do that cannot subscribe. */
export async function replayByPages({ url, apiKey }: Server, projectId: string, cursor: string): Promise<Replay> {
  const counter = new Counter("HTTP, events(first: 100) page by page");
  const request = createRequest({ url, apiKey });
  for (let after = cursor; ; ) {
    const { events: page } = await request(PageOfDelivery, { projectId, after });
    counter.take(page.events);
    if (page.caughtUp) return counter.result();
    after = page.cursor;
  }
}

/** What a sink does, and what the two others cost without GraphQL and the network. */
export async function replayFromLog({ database }: OwnLog, projectId: string): Promise<Replay> {
  const counter = new Counter(`log alone, readPage of ${PAGE.toLocaleString("en")}`);
  const selection = { projects: new Set([projectId]), server: false, types: null, subjects: null, actors: null };
  const until = await readHead(database);
  for (let after = BEGINNING; after.position < until.position; ) {
    const page = await readPage(database, systemClock, selection, { after, until, limit: PAGE });
    counter.take(page.events);
    after = page.place;
  }
  return counter.result();
}

/** Counts, and holds the reader to every event once and in order. */
class Counter {
  readonly #how: string;
  readonly #startedAt = performance.now();
  #events = 0;
  #parts = 0;

  constructor(how: string) {
    this.#how = how;
  }

  take(events: readonly Arrival[]): void {
    this.#parts++;
    for (const { number } of events) {
      this.#events++;
      if (number !== this.#events) throw new Error(`${this.#how}: event ${number} came as number ${this.#events}.`);
    }
  }

  result(): Replay {
    return { how: this.#how, events: this.#events, parts: this.#parts, ms: performance.now() - this.#startedAt };
  }
}
