import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "pg";
import { connect } from "../../src/db/connect.ts";
import { seededRandom } from "../random.ts";
import type { ScratchDatabase } from "../scratch-database.ts";
import { createAsk, type Traffic } from "./asking.ts";
import { runClient } from "./clients.ts";
import { CreateRaceProject, CreateRaceReader } from "./documents.ts";
import { countInbox, readHeads, readStored } from "./evidence.ts";
import { Fleet } from "./fleet.ts";
import { runHostileReaders, type Turn } from "./hostile-readers.ts";
import { judge } from "./judge.ts";
import { Killing } from "./killing.ts";
import { Ledger } from "./ledger.ts";
import type { Finding, Stored } from "./records.ts";
import { Subscriber } from "./subscriber.ts";

export interface RaceOptions {
  readonly clients: number;
  readonly tasks: number;
  readonly reservations: number;
  readonly servers: number;
  readonly kills: number;
  /** Of the embedded PostgreSQL. */
  readonly databaseKills: number;
  /** Hostile readers that ask at once, in turns. */
  readonly hostile: number;
  readonly seed: number;
}

export interface RaceResult {
  readonly findings: readonly Finding[];
  /** Refusals that no client should meet, and whatever kept the race from its end. Must be empty as well. */
  readonly failures: readonly string[];
  readonly ledger: Ledger;
  readonly traffic: Traffic;
  readonly stored: Stored;
  /** What servers wrote into their logs as errors. */
  readonly logged: readonly string[];
  readonly kills: number;
  readonly databaseKills: number;
  /** Connections that were reset in the middle. */
  readonly resets: number;
  /** When hostile readers were at it. */
  readonly hostileTurns: readonly Turn[];
  readonly resumes: number;
  /** From the first request of the clients to the answer of the last. */
  readonly seconds: number;
}

/** All number their artifacts in one namespace, so that every reservation meets every other. */
const PROJECTS = ["race-alpha", "race-beta", "race-gamma", "race-delta"];
const LONGEST_MS = 300_000;
/** How long the log and its subscribers may take to catch up after the last answer. */
const CATCH_UP_MS = 15_000;

interface Surroundings {
  readonly database: ScratchDatabase;
  readonly print: (line: string) => void;
  /** Ends the race early, as a failed one. */
  readonly interrupted: AbortSignal;
}

/** Runs one race on an empty database and judges it. Everything it started has ended when it resolves. */
export async function runRace(
  options: RaceOptions,
  { database, print, interrupted }: Surroundings,
): Promise<RaceResult> {
  const random = seededRandom(options.seed);
  const { home, docket, embedded } = database;
  print(`Starting ${options.servers} servers on one database …`);
  const databaseUrl = embedded ? undefined : database.url;
  const fleet = await Fleet.start({ ...options, databaseUrl, home, docket, random, print });
  try {
    const key = async (file: string) => (await readFile(join(home, file), "utf8")).trim();
    const [apiKey, adminKey] = await Promise.all([key("agent-key"), key("api-key")]);
    return await race(options, { fleet, database, apiKey, adminKey, random, print, interrupted });
  } finally {
    await fleet.stop();
  }
}

interface Track {
  readonly fleet: Fleet;
  readonly database: ScratchDatabase;
  readonly apiKey: string;
  /** A namespace that projects share is an administrator's to name. */
  readonly adminKey: string;
  readonly random: () => number;
  readonly print: (line: string) => void;
  readonly interrupted: AbortSignal;
}

async function race(options: RaceOptions, track: Track): Promise<RaceResult> {
  const { fleet, database, apiKey, adminKey, random, print, interrupted } = track;
  const { urls } = fleet;
  const finish = new AbortController();
  const over = AbortSignal.any([finish.signal, interrupted, AbortSignal.timeout(LONGEST_MS)]);
  const ledger = new Ledger({ ...options, projects: PROJECTS, over });
  // A client that still has no answer by then will not get one.
  const signal = AbortSignal.timeout(LONGEST_MS + CATCH_UP_MS);
  const traffic: Traffic = { requests: 0, unanswered: 0, replayed: 0, repeated: 0 };
  const asking = { urls, apiKey, traffic, contradictions: ledger.contradictions, signal };
  const failures: string[] = [];
  const noted = (who: string) => (error: unknown) =>
    void failures.push(`${who}: ${error instanceof Error ? error.message : String(error)}`);

  const hangUp = new AbortController();
  const subscribers = urls.map((_, i) => new Subscriber({ urls, apiKey, signal: hangUp.signal }, i));
  await Promise.all(subscribers.map(({ listening }) => listening));
  const setUp = createAsk({ ...asking, apiKey: adminKey, clientId: undefined, random });
  for (const projectId of PROJECTS) await setUp(CreateRaceProject, { projectId, name: projectId, idNamespace: "race" });

  const { answer } = await setUp(CreateRaceReader, { name: "hostile reader", role: "READER" });
  const hostile = { urls, apiKey: answer.createApiKey.secret ?? "", readers: options.hostile, random, signal: over };
  const hostileTurns = options.hostile === 0 ? Promise.resolve([]) : runHostileReaders(hostile);

  print(`${options.clients} clients begin: ${options.tasks} tasks, ${options.reservations} reservations.`);
  const startedAt = performance.now();
  const clients = Array.from({ length: options.clients }, (_, i) => {
    const own = seededRandom(options.seed * 100_003 + i);
    const worker = `client-${i + 1}`;
    const ask = createAsk({ ...asking, clientId: randomUUID(), random: own });
    const strangerAsk = createAsk({ ...asking, clientId: undefined, random: own });
    return runClient(worker, { ask, strangerAsk, ledger, random: own }).catch(noted(worker));
  });
  const finished = Promise.all(clients).then(() => finish.abort());
  const killing = new Killing(track, ledger);
  await Promise.all([finished, killing.run(options).catch(noted("kills"))]);
  const seconds = (performance.now() - startedAt) / 1000;
  if (!ledger.done) failures.push(`the race was ended after ${Math.round(seconds)} s, before its work was done`);

  print("All clients have finished. The log and its subscribers catch up …");
  await fleet.settle().catch(noted("restart"));
  const owner = await connect(database.url, "docket race judge");
  await catchUp(owner, subscribers);
  hangUp.abort();
  await Promise.all(subscribers.map(({ ended }) => ended.catch(noted("subscriber"))));
  const stored = await readStored(owner).finally(() => owner.end());
  const streams = subscribers.map(({ received }) => received);
  return {
    findings: judge({ ...ledgerOf(ledger), streams }, stored),
    failures,
    ledger,
    traffic,
    stored,
    logged: fleet.servers.flatMap(({ logged }) => logged),
    kills: fleet.kills,
    databaseKills: killing.databaseKills,
    resets: fleet.resets,
    hostileTurns: await hostileTurns,
    resumes: subscribers.reduce((sum, { resumes }) => sum + resumes, 0),
    seconds,
  };
}

const ledgerOf = ({ added, claimed, left, reserved, settled, contradictions, intrusions }: Ledger) => ({
  added,
  claimed,
  left,
  reserved,
  settled,
  contradictions,
  intrusions,
});

/** Waits until servers have moved every event into the log and subscribers have all of it; what is missing then, is. */
async function catchUp(owner: Client, subscribers: readonly Subscriber[]): Promise<void> {
  const deadline = performance.now() + CATCH_UP_MS;
  const until = async (reached: () => Promise<boolean>) => {
    while (!(await reached()) && performance.now() < deadline) await delay(50);
  };
  await until(async () => (await countInbox(owner)) === 0);
  const heads = await readHeads(owner);
  await until(async () => subscribers.every((subscriber) => subscriber.hasReached(heads)));
}
