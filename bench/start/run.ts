import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Memory } from "../delivery/usage.ts";
import type { PartOptions } from "../part.ts";
import type { ScratchDatabase } from "../scratch-database.ts";
import { ServerProcess } from "../server-process.ts";

/** What has been reached at these moments; the first and the last are seen from outside. */
export const MOMENTS = ["called", "begun", "postgres", "migrated", "loaded", "answered"] as const;
type Moments = Readonly<Partial<Record<(typeof MOMENTS)[number], number>>>;

export interface Start {
  /** In milliseconds of one clock; a server that starts no PostgreSQL has not all of them. */
  readonly moments: Moments & { readonly called: number; readonly answered: number };
  /** Processor time of the process until then. */
  readonly processorMs: number;
  /** Bytes of the process, in which nothing but the first answer was asked for, after a garbage collection. */
  readonly idleBytes: number;
}

/** Starts of servers that differ in where their PostgreSQL is. */
export interface Starts {
  readonly database: "embedded PostgreSQL" | "DATABASE_URL";
  readonly starts: readonly Start[];
}

interface StartOptions extends Pick<PartOptions, "interrupted" | "print"> {
  readonly times: number;
  readonly scratch: ScratchDatabase;
  /** The command of an installed package, in place of this clone's. */
  readonly docket?: string | undefined;
}

const ASK_AGAIN_MS = 5;

/** Starts each server so many times, by turns, on data that an earlier start has left. */
export async function measureStarts({ times, scratch, docket, interrupted, print }: StartOptions): Promise<Starts[]> {
  const { url: databaseUrl, folder, home } = scratch;
  const systems = [
    { database: "embedded PostgreSQL", settings: { databaseUrl: undefined, home: join(folder, "own") } },
    { database: "DATABASE_URL", settings: { databaseUrl, home } },
  ] as const;
  const measured = [];
  for (const { database, settings } of systems) {
    print(`a first start, ${database} …`);
    const server = new ServerProcess({ ...settings, docket, probe: new URL("./probe.js", import.meta.url) });
    process.once("exit", () => server.killNow());
    await stopping(server, () => server.start());
    const apiKey = (await readFile(join(settings.home, "agent-key"), "utf8")).trim();
    measured.push({ database, server, apiKey, starts: [] as Start[] });
  }
  print(`${times} starts of each …`);
  for (let i = 0; i < times; i++)
    for (const { server, apiKey, starts } of measured) {
      interrupted.throwIfAborted();
      starts.push(await stopping(server, () => start(server, apiKey)));
    }
  return measured.map(({ database, starts }) => ({ database, starts }));
}

async function stopping<T>(server: ServerProcess, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    await server.stop();
  }
}

async function start(server: ServerProcess, apiKey: string): Promise<Start> {
  const over = new AbortController();
  const called = now();
  try {
    const [answered] = await Promise.all([firstAnswer(server.url, apiKey, over.signal), server.start()]);
    const { moments, processorMs } = (await server.ask("start")) as { moments: Moments; processorMs: number };
    const { rss: idleBytes } = (await server.ask("memory")) as Memory;
    return { moments: { ...moments, called, answered }, processorMs, idleBytes };
  } finally {
    over.abort();
  }
}

/** Asks as soon as somebody listens, and returns when the answer is there. @throws Error when it is none. */
async function firstAnswer(url: string, apiKey: string, signal: AbortSignal): Promise<number> {
  for (;;) {
    const response = await fetch(`${url}/graphql`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${apiKey}` },
      body: JSON.stringify({ query: "{ projects { totalCount } }" }),
    }).catch(() => undefined);
    signal.throwIfAborted();
    if (response === undefined) {
      await delay(ASK_AGAIN_MS);
      continue;
    }
    const answer = await response.text();
    if (answer.includes('"totalCount":')) return now();
    throw new Error(`The first answer was ${response.status}: ${answer}`);
  }
}

const now = () => performance.timeOrigin + performance.now();
