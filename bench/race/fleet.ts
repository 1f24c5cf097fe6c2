import { setTimeout as delay } from "node:timers/promises";
import { pick } from "../random.ts";
import { ServerProcess, WITHOUT_LIMITS } from "../server-process.ts";
import { Line } from "./line.ts";

interface FleetSettings {
  readonly databaseUrl: string | undefined;
  readonly home: string;
  readonly docket: string | undefined;
  readonly servers: number;
  readonly random: () => number;
  readonly print: (line: string) => void;
}

const MOST_STARTS = 5;

/** As whatever looks after a server does: one that meets a PostgreSQL that was just killed does not start. */
async function startAgain(server: ServerProcess): Promise<void> {
  for (let starts = 1; ; starts++) {
    try {
      return await server.start();
    } catch (error) {
      if (starts === MOST_STARTS) throw error;
    }
  }
}

/** The server processes of a race, on one database, and the lines that lead to them. */
export class Fleet {
  readonly servers: readonly ServerProcess[];
  kills = 0;
  #lines: readonly Line[] = [];
  readonly #random: () => number;
  readonly #print: (line: string) => void;
  readonly #restarts = new Set<Promise<void>>();

  private constructor(servers: readonly ServerProcess[], { random, print }: FleetSettings) {
    this.servers = servers;
    this.#random = random;
    this.#print = print;
  }

  /** @throws Error with what a server printed that did not start. */
  static async start(settings: FleetSettings): Promise<Fleet> {
    const fleet = new Fleet(
      Array.from({ length: settings.servers }, () => new ServerProcess({ ...settings, environment: WITHOUT_LIMITS })),
      settings,
    );
    // A child outlives its parent unless told; this is the last moment at which it can be.
    process.once("exit", () => fleet.killNow());
    await Promise.all(fleet.servers.map((server) => server.start()));
    const { random } = settings;
    fleet.#lines = await Promise.all(fleet.servers.map(({ url: target }) => Line.open({ target, random })));
    return fleet;
  }

  /** Where clients reach the servers: some connections break. */
  get urls(): string[] {
    return this.#lines.map(({ url }) => url);
  }

  /** Connections that were reset. */
  get resets(): number {
    return this.#lines.reduce((sum, { resets }) => sum + resets, 0);
  }

  /** Kills one that is at work, and starts it again after a moment. A server that does not come back fails `settle`. */
  async killOne(): Promise<void> {
    let ready = this.servers.filter((server) => server.ready);
    while (ready.length === 0) {
      await delay(20);
      ready = this.servers.filter((server) => server.ready);
    }
    const victim = pick(ready, this.#random);
    await victim.kill();
    this.kills++;
    this.#print(`kill ${this.kills}: SIGKILL for the server at ${victim.url}`);
    const restart = delay(this.#random() * 500).then(() => startAgain(victim));
    this.#restarts.add(restart);
    // Seen in settle(); until then it is no unhandled rejection.
    restart.catch(() => undefined);
  }

  /** Resolves when every server that was killed is back. */
  async settle(): Promise<void> {
    await Promise.all(this.#restarts);
  }

  async stop(): Promise<void> {
    await Promise.allSettled(this.#restarts);
    for (const line of this.#lines) line.close();
    await Promise.all(this.servers.map((server) => server.stop()));
  }

  killNow(): void {
    for (const server of this.servers) server.killNow();
  }
}
