import type { Client } from "pg";
import { connect } from "../../db/connect.ts";
import { DOCKET_ROLE } from "../../db/docket-role.ts";
import type { Clock } from "../clock.ts";
import { Outage, type OutageLogger } from "../outage.ts";

export interface ListenerSettings {
  /**
   * Pause between two checks that the connection still answers, in milliseconds: a half-open one says nothing by
   * itself.
   */
  readonly heartbeatMs: number;
  /** Pause before a lost connection is made again, in milliseconds. */
  readonly reconnectMs: number;
}

/** The channel on which it is told that something may be due earlier than was known, and no event tells of it. */
const DUE_CHANNEL = "docket_due";

export interface Heard {
  /** Told the position of the last event of the log. */
  onHead(position: number): void;
  /** Something may be due earlier than was known: it was said, or may have been while nobody listened. */
  onDue(): void;
}

/** How long an answer may take before the connection counts as lost, in milliseconds. */
const ANSWER_MS = 3_000;

/**
 * Hears of new events from the drains of all processes, on a connection of its own. It gives hints only: the tail's
 * polling finds the events whose hint was lost while the connection was away.
 */
export class Listener {
  readonly #url: string;
  readonly #clock: Clock;
  readonly #settings: ListenerSettings;
  readonly #heard: Heard;
  readonly #outage: Outage;
  #client: Client | undefined;
  #cancel: () => void = () => undefined;
  #closed = false;
  #connecting: Promise<void>;

  constructor(url: string, clock: Clock, logger: OutageLogger, settings: ListenerSettings, heard: Heard) {
    this.#url = url;
    this.#clock = clock;
    this.#settings = settings;
    this.#heard = heard;
    this.#outage = new Outage(logger, "Listening for new events");
    this.#connecting = this.#connect();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel();
    await this.#connecting;
    if (this.#client) await this.#end(this.#client);
  }

  /** A half-open connection never says good-bye. */
  async #end(client: Client): Promise<void> {
    await Promise.race([client.end(), new Promise<void>((resolve) => this.#clock.after(ANSWER_MS, resolve))]);
  }

  async #connect(): Promise<void> {
    let client: Client | undefined;
    try {
      client = await connect(this.#url, "docket listen", {
        options: `-c role=${DOCKET_ROLE}`,
        keepAlive: true,
        query_timeout: ANSWER_MS,
      });
      client.on("notification", ({ channel, payload }) => {
        if (channel === DUE_CHANNEL) this.#heard.onDue();
        else this.#heard.onHead(Number(payload));
      });
      await client.query(`LISTEN docket_log; LISTEN ${DUE_CHANNEL}`);
      if (this.#closed) return await this.#end(client);
      this.#client = client;
      client.on("end", () => this.#lost(client, new Error("The connection was closed")));
      this.#outage.over();
      this.#heartbeat(client);
      this.#heard.onDue();
    } catch (error) {
      client?.end().catch(() => undefined);
      this.#lost(undefined, error);
    }
  }

  #heartbeat(client: Client): void {
    this.#cancel = this.#clock.after(this.#settings.heartbeatMs, () => {
      client.query("SELECT").then(
        () => this.#client === client && this.#heartbeat(client),
        (error: unknown) => this.#lost(client, error),
      );
    });
  }

  /** Each connection is lost once, however many of its parts notice. */
  #lost(client: Client | undefined, error: unknown): void {
    if (this.#closed || this.#client !== client) return;
    this.#client = undefined;
    this.#outage.failed(error);
    client?.end().catch(() => undefined);
    this.#cancel();
    this.#cancel = this.#clock.after(this.#settings.reconnectMs, () => {
      this.#connecting = this.#connect();
    });
  }
}
