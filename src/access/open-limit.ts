import type { DocketError } from "../errors.ts";
import type { Viewer } from "./viewer.ts";

/** How much of something each owner may have open on this process at once: streams, sockets, bytes. */
export class OpenLimit {
  readonly #most: number;
  readonly #open = new Map<string, Owned>();

  constructor(most: number) {
    this.#most = most;
  }

  /**
   * Counts so many more; the answer, called once, counts them off.
   * @throws the refusal, when the owner would have more than `most` open.
   */
  enter(owner: string, refusal: (most: number) => DocketError, size = 1): () => void {
    const owned = this.#open.get(owner) ?? { owner, size: 0 };
    if (owned.size + size > this.#most) throw refusal(this.#most);
    owned.size += size;
    this.#open.set(owner, owned);
    return this.#leave(owned, size);
  }

  /** A function of its own: thousands of answers are kept, and keep nothing else of what was asked. */
  #leave(owned: Owned, size: number): () => void {
    return () => {
      owned.size -= size;
      if (owned.size <= 0) this.#open.delete(owned.owner);
    };
  }
}

interface Owned {
  readonly owner: string;
  /** How much it has open. */
  size: number;
}

/** A key and the session that it names, as the owner of what is open. */
export const clientOf = ({ keyId, actor, client }: Pick<Viewer, "keyId" | "actor" | "client">) =>
  JSON.stringify([keyId ?? actor, client]);
