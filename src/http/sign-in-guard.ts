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

  constructor({ failedSignIns }: RateLimits) {
    this.#limit = failedSignIns;
  }

  /** @throws what `signIn` throws; RATE_LIMITED instead of calling it. */
  async judge<Result>(address: string | undefined, secret: string, signIn: () => Promise<Result>): Promise<Result> {
    if (!this.#limit || address === undefined) return await signIn();
    const owner = ownerOf(address);
    const known = hash("sha256", secret);
    const isKnown = this.#known.has(known);
    const waitMs = isKnown ? 0 : this.#limit.waitMs(owner);
    if (waitMs > 0) throw tooOften("Too many wrong keys, tokens or links have come from this address lately.", waitMs);
    try {
      const result = await signIn();
      if (!isKnown) this.#remember(known);
      return result;
    } catch (error) {
      if (error instanceof DocketError && error.code === "UNAUTHENTICATED") {
        this.#known.delete(known);
        this.#limit.take(owner);
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
