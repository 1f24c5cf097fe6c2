import type { DocketError } from "../errors.ts";
import type { Viewer } from "./viewer.ts";

/** How much of something each owner may have open on this process at once: streams, sockets, bytes. */
export class OpenLimit {
  readonly #most: number;
  readonly #open = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /**
   * Counts so many more; the answer, called once, counts them off.
   * @throws the refusal, when the owner would have more than `most` open.
   */
  enter(owner: string, refusal: (most: number) => DocketError, size = 1): () => void {
    const open = this.#open.get(owner) ?? 0;
    if (open + size > this.#most) throw refusal(this.#most);
    this.#open.set(owner, open + size);
    return () => {
      const left = (this.#open.get(owner) ?? 0) - size;
      if (left > 0) this.#open.set(owner, left);
      else this.#open.delete(owner);
    };
  }
}

/** A key and the session that it names, as the owner of what is open. */
export const clientOf = ({ keyId, actor, client }: Pick<Viewer, "keyId" | "actor" | "client">) =>
  JSON.stringify([keyId ?? actor, client]);
