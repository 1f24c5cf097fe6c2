import type { Viewer } from "../access/viewer.ts";
import type { DocketError } from "../errors.ts";

/** How much each client, which is a key and the session it names, has open on this process. */
export class ClientLimit {
  readonly #most: number;
  readonly #refusal: (most: number, client: string | null) => DocketError;
  readonly #open = new Map<string, number>();

  /** @param refusal what is thrown at a client that has `most` open already. */
  constructor(most: number, refusal: (most: number, client: string | null) => DocketError) {
    this.#most = most;
    this.#refusal = refusal;
  }

  /**
   * Counts so many more; the answer, called once, counts them off.
   * @throws the refusal.
   */
  enter({ keyId, actor, client }: Pick<Viewer, "keyId" | "actor" | "client">, size = 1): () => void {
    const id = JSON.stringify([keyId ?? actor, client]);
    const open = this.#open.get(id) ?? 0;
    if (open + size > this.#most) throw this.#refusal(this.#most, client);
    this.#open.set(id, open + size);
    return () => {
      const left = (this.#open.get(id) ?? 0) - size;
      if (left > 0) this.#open.set(id, left);
      else this.#open.delete(id);
    };
  }
}
