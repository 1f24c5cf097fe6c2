import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { EmbeddedServer } from "../../src/db/embedded/start.ts";
import type { ScratchDatabase } from "../scratch-database.ts";
import type { Fleet } from "./fleet.ts";
import type { Ledger } from "./ledger.ts";

interface Victims {
  readonly fleet: Fleet;
  readonly database: ScratchDatabase;
  readonly random: () => number;
  readonly print: (line: string) => void;
}

/** SIGKILL for servers, and for the PostgreSQL that they look after together. */
export class Killing {
  /** Of PostgreSQL. */
  databaseKills = 0;
  readonly #victims: Victims;
  readonly #ledger: Ledger;

  constructor(victims: Victims, ledger: Ledger) {
    this.#victims = victims;
    this.#ledger = ledger;
  }

  /** Spreads the kills over the work by its progress, not by the clock, so that each hits servers that are busy. */
  async run({ kills, databaseKills }: { readonly kills: number; readonly databaseKills: number }): Promise<void> {
    const { fleet, database, random } = this.#victims;
    const { embedded } = database;
    const moments = (count: number) => Array.from({ length: count }, (_, i) => (i + 0.2 + 0.6 * random()) / count);
    const plan = [
      ...moments(kills).map((moment) => ({ moment, kill: () => fleet.killOne() })),
      ...(embedded
        ? moments(databaseKills).map((moment) => ({ moment, kill: () => this.#killDatabase(embedded) }))
        : []),
    ].sort((a, b) => a.moment - b.moment);
    for (const { moment, kill } of plan) {
      while (this.#ledger.progress < moment) {
        if (this.#ledger.over.aborted) return;
        await delay(10);
      }
      await kill();
    }
  }

  async #killDatabase(embedded: EmbeddedServer): Promise<void> {
    while (!(await embedded.isRunning())) await delay(20);
    const pid = Number((await readFile(join(embedded.data, "postmaster.pid"), "utf8")).split("\n")[0]);
    process.kill(pid, "SIGKILL");
    this.databaseKills++;
    this.#victims.print(`kill of PostgreSQL ${this.databaseKills}: SIGKILL for its process ${pid}`);
  }
}
