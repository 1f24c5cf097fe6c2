import { hash } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import { tooOften } from "../access/rate-limit.ts";
import type { RateLimits } from "../access/rate-limits.ts";
import { DocketError } from "../errors.ts";
import type { Authenticate, Credentials } from "../keys/authenticate.ts";

/** Credentials that are known to have been good. */
const MOST_KNOWN = 10_000;

/** Refusals that wait for their turn of the event loop; who sends more at once is refused at once. */
const MOST_HELD = 1_000;

/** Requests of all owners that wait to be let in, whose memory is counted for no key yet; those beyond are refused. */
const MOST_WAITING = 10_000;
/** When those may come back, in milliseconds. */
const FULL_MS = 1_000;

/** The credentials of an owner of which nothing is known yet. */
interface UnderWay {
  /** Of those that are being looked up. */
  count: number;
  /** Resolved when one of them has turned out good or wrong. */
  readonly waiting: PromiseWithResolvers<void>[];
}

/**
 * Holds back who tries one wrong key after another: once an address has tried too many, what it sends is no longer
 * looked up. Credentials that this process has seen good are looked up all the same: others at the same address may be
 * at work with theirs.
 */
export class SignInGuard {
  readonly #limit: RateLimits["failedSignIns"];
  /** By their hash, the one seen last as the last. */
  readonly #known = new Set<string>();
  readonly #underWay = new Map<string, UnderWay>();
  #waiting = 0;
  #held = 0;
  #lastHeld = Promise.resolve();

  constructor({ failedSignIns }: RateLimits) {
    this.#limit = failedSignIns;
  }

  /** @throws what `signIn` throws; RATE_LIMITED instead of calling it. */
  async judge<Result>(address: string | undefined, secret: string, signIn: () => Promise<Result>): Promise<Result> {
    if (!this.#limit || address === undefined) return await signIn();
    const owner = ownerOf(address);
    const known = hash("sha256", secret);
    while (!this.#known.has(known)) {
      const waitMs = this.#limit.waitMs(owner);
      if (waitMs > 0) return await this.#refuse(owner, waitMs);
      const underWay = this.#underWay.get(owner);
      // Those under way may all be wrong: where one more would be too many, it waits for how one of them turns out.
      const count = (underWay?.count ?? 0) + 1;
      if (!underWay || (count <= this.#limit.burst && this.#limit.waitMs(owner, count) === 0))
        return await this.#lookUp(owner, known, signIn);
      if (this.#waiting >= MOST_WAITING) throw tooOften("Too many requests wait to be let in.", FULL_MS);
      const turn = Promise.withResolvers<void>();
      underWay.waiting.push(turn);
      this.#waiting++;
      await turn.promise.finally(() => this.#waiting--);
    }
    this.#callNext(owner);
    return await this.#tried(owner, known, signIn);
  }

  async #lookUp<Result>(owner: string, known: string, signIn: () => Promise<Result>): Promise<Result> {
    const underWay = this.#underWay.get(owner) ?? { count: 0, waiting: [] };
    this.#underWay.set(owner, underWay);
    underWay.count++;
    try {
      return await this.#tried(owner, known, signIn);
    } catch (error) {
      // Those that wait for it would wait for one time limit after another.
      if (error instanceof DocketError && error.code === "DATABASE_UNAVAILABLE")
        for (const { reject } of underWay.waiting.splice(0)) reject(error);
      throw error;
    } finally {
      underWay.count--;
      this.#callNext(owner);
    }
  }

  /** Whoever does not look up a credential itself lets the next one that waits see how things are now. */
  #callNext(owner: string): void {
    const underWay = this.#underWay.get(owner);
    if (!underWay) return;
    const next = underWay.waiting.shift();
    if (!next && underWay.count === 0) this.#underWay.delete(owner);
    next?.resolve();
  }

  /** One refusal in a turn of the event loop: who sends thousands would keep others waiting for all of them. */
  async #refuse(owner: string, waitMs: number): Promise<never> {
    this.#callNext(owner);
    if (this.#held < MOST_HELD) {
      this.#held++;
      this.#lastHeld = this.#lastHeld.then(nextTurn);
      await this.#lastHeld;
      this.#held--;
    }
    throw tooOften("Too many wrong keys, tokens or links have come from this address lately.", waitMs);
  }

  async #tried<Result>(owner: string, known: string, signIn: () => Promise<Result>): Promise<Result> {
    try {
      const result = await signIn();
      this.#remember(known);
      return result;
    } catch (error) {
      if (error instanceof DocketError && error.code === "UNAUTHENTICATED") {
        this.#known.delete(known);
        this.#limit?.take(owner);
      }
      throw error;
    }
  }

  #remember(known: string): void {
    this.#known.delete(known);
    this.#known.add(known);
    if (this.#known.size <= MOST_KNOWN) return;
    const [first] = this.#known;
    if (first !== undefined) this.#known.delete(first);
  }
}

/** The same with each address held to its limit. Who sends nothing tries nothing. */
export function guarded(authenticate: Authenticate, guard: SignInGuard): Authenticate {
  return (credentials: Credentials) => {
    const { authorization, session, address } = credentials;
    const secret = authorization ?? session;
    return secret === null ? authenticate(credentials) : guard.judge(address, secret, () => authenticate(credentials));
  };
}

/** Whoever has one IPv6 address has the 2^64 of its network. */
function ownerOf(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.split("::", 2);
  const groups = head.split(":").filter((group) => group !== "");
  const behind = tail?.split(":").filter((group) => group !== "") ?? [];
  const zeros =
    tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - groups.length - behind.length) }, () => "0");
  return [...groups, ...zeros, ...behind].slice(0, 4).join(":").toLowerCase();
}
