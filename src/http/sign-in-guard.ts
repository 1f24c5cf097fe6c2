import { hash } from "node:crypto";
import { tooOften } from "../access/rate-limit.ts";
import type { RateLimits } from "../access/rate-limits.ts";
import { DocketError } from "../errors.ts";
import type { Authenticate, Credentials } from "../keys/authenticate.ts";

/** Credentials that are known to have been good. */
const MOST_KNOWN = 10_000;

/**
 * Holds back who tries one wrong key after another: once an address has tried too many, what it sends is no longer
 * looked up. Credentials that this process has seen good are looked up all the same: others at the same address may be
 * at work with theirs.
 */
export class SignInGuard {
  readonly #limit: RateLimits["failedSignIns"];
  /** By their hash, the one seen last as the last. */
  readonly #known = new Set<string>();
  /** How many credentials each owner has under way of which nothing is known yet. */
  readonly #underWay = new Map<string, number>();

  constructor({ failedSignIns }: RateLimits) {
    this.#limit = failedSignIns;
  }

  /** @throws what `signIn` throws; RATE_LIMITED instead of calling it. */
  async judge<Result>(address: string | undefined, secret: string, signIn: () => Promise<Result>): Promise<Result> {
    if (!this.#limit || address === undefined) return await signIn();
    const owner = ownerOf(address);
    const known = hash("sha256", secret);
    if (this.#known.has(known)) return await this.#tried(owner, known, signIn);
    // Those under way may all be wrong: otherwise as many as come during one look would be looked up.
    const underWay = this.#underWay.get(owner) ?? 0;
    const waitMs = this.#limit.waitMs(owner, underWay + 1);
    if (waitMs > 0) throw tooOften("Too many wrong keys, tokens or links have come from this address lately.", waitMs);
    this.#underWay.set(owner, underWay + 1);
    try {
      const result = await this.#tried(owner, known, signIn);
      this.#remember(known);
      return result;
    } finally {
      const left = (this.#underWay.get(owner) ?? 1) - 1;
      if (left > 0) this.#underWay.set(owner, left);
      else this.#underWay.delete(owner);
    }
  }

  async #tried<Result>(owner: string, known: string, signIn: () => Promise<Result>): Promise<Result> {
    try {
      return await signIn();
    } catch (error) {
      if (error instanceof DocketError && error.code === "UNAUTHENTICATED") {
        this.#known.delete(known);
        this.#limit?.take(owner);
      }
      throw error;
    }
  }

  #remember(known: string): void {
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
