import type { Viewer } from "../../access/viewer.ts";
import type { Database } from "../../db/database.ts";
import type { Clock } from "../../log/clock.ts";
import { Outage, type OutageLogger } from "../../log/outage.ts";
import { type ClaimedDelivery, claimDeliveries, nextDeliveryInMs } from "./claim.ts";
import { Guard } from "./guard.ts";
import { recordOutcome } from "./outcome.ts";
import { send } from "./send.ts";

/** Requests that a process has under way at most. */
const MOST_REQUESTS = 20;
/** How long attempts under way may take when the process is to end, in milliseconds. */
const CLOSING_MS = 5_000;

export interface SenderOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: OutageLogger;
  /** Private addresses and networks (CIDR) that may be sent to. */
  readonly privateNetworks: readonly string[];
  /** Stands in the event of a webhook that pauses by itself. */
  readonly viewer: Viewer;
  /** Told after each attempt: there is room for another. */
  readonly onEnd: () => void;
}

/** Sends what is due, several requests at once. What it leaves unfinished is sent again, by whatever process. */
export class Sender {
  /** Since the start. */
  readonly attempts = { delivered: 0, failed: 0 };
  readonly #options: SenderOptions;
  readonly #guard: Guard;
  readonly #recording: Outage;
  readonly #underWay = new Map<ClaimedDelivery, { readonly stop: AbortController; readonly ended: Promise<void> }>();

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#guard = new Guard(options.privateNetworks);
    this.#recording = new Outage(options.logger, "Recording what came of webhook deliveries");
  }

  /**
   * Begins to send as much as is due and there is room for.
   * @returns milliseconds until the next delivery may go; null: nothing is pending, or `onEnd` will tell of room.
   * @throws DATABASE_UNAVAILABLE
   */
  async sendDue(): Promise<number | null> {
    const { database } = this.#options;
    const most = MOST_REQUESTS - this.#underWay.size;
    if (most === 0) return null;
    for (const delivery of await claimDeliveries(database, { most, busy: this.#busy() })) {
      const stop = new AbortController();
      const ended = this.#attempt(delivery, stop).finally(() => {
        this.#underWay.delete(delivery);
        this.#options.onEnd();
      });
      this.#underWay.set(delivery, { stop, ended });
    }
    return this.#underWay.size < MOST_REQUESTS ? nextDeliveryInMs(database, this.#busy()) : null;
  }

  /** Requests under way by webhook. */
  #busy(): Map<string, number> {
    const busy = new Map<string, number>();
    for (const { webhookId } of this.#underWay.keys()) busy.set(webhookId, (busy.get(webhookId) ?? 0) + 1);
    return busy;
  }

  /** Waits for what is under way, but not for long. Nothing may be begun any more. */
  async close(): Promise<void> {
    const requests = [...this.#underWay.values()];
    const cancel = this.#options.clock.after(CLOSING_MS, () => {
      for (const { stop } of requests) stop.abort(GIVEN_UP);
    });
    await Promise.all(requests.map(({ ended }) => ended));
    cancel();
    this.#guard.close();
  }

  async #attempt(delivery: ClaimedDelivery, stop: AbortController): Promise<void> {
    const { database: db, clock, viewer } = this.#options;
    const answer = await send(delivery, { guard: this.#guard, clock, stop });
    // That we gave up says nothing about the endpoint.
    if (answer.statusCode === null && stop.signal.reason === GIVEN_UP) return;
    this.attempts[answer.error === null ? "delivered" : "failed"]++;
    try {
      await recordOutcome({ db, viewer, correlationId: delivery.eventId }, delivery, answer);
      this.#recording.over();
    } catch (error) {
      this.#recording.failed(error);
    }
  }
}

const GIVEN_UP = new Error("The server is stopping.");
