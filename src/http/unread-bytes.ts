/** A connection that is sent something. */
export interface Reader {
  /** In whose name it reads: the actor of its key; null until that is known. */
  readonly owner: string | null;
  /** Ends the connection, telling the other side to come back where there is a way to say so. */
  leave(): void;
  /** Ends it at once. */
  destroy(): void;
}

/** What each write costs beside its bytes. */
const WRITE_BYTES = 256;

/**
 * Bytes that were sent and not read wait in this process's memory: one budget per key over all its connections, and one
 * for all that have not said yet who they are. A key that is beyond it loses its slowest connections until it is
 * within; nobody else notices.
 */
export class UnreadBytes {
  readonly #most: number;
  readonly #accounts = new Map<string | null, Account>();

  /** @param most bytes per key */
  constructor(most: number) {
    this.#most = most;
  }

  /** Counts what is about to be sent. Call the answer once it has left, or never will. */
  add(reader: Reader, bytes: number): () => void {
    const { owner } = reader;
    const account = this.#accounts.get(owner) ?? new Account();
    this.#accounts.set(owner, account);
    const counted = bytes + WRITE_BYTES;
    account.add(reader, counted);
    account.relieve(this.#most);
    return () => {
      account.take(reader, counted);
      this.#tidy(owner, account);
    };
  }

  /** Forgets a connection that is gone. */
  drop(reader: Reader): void {
    const { owner } = reader;
    const account = this.#accounts.get(owner);
    if (!account) return;
    account.forget(reader);
    this.#tidy(owner, account);
  }

  #tidy(owner: string | null, account: Account): void {
    if (account.total === 0 && this.#accounts.get(owner) === account) this.#accounts.delete(owner);
  }
}

class Account {
  total = 0;
  /** By reader, the one that has taken nothing for longest first. */
  readonly #waiting = new Map<Reader, number>();
  readonly #leaving = new Set<Reader>();

  add(reader: Reader, bytes: number): void {
    this.#waiting.set(reader, (this.#waiting.get(reader) ?? 0) + bytes);
    this.total += bytes;
  }

  take(reader: Reader, bytes: number): void {
    const waiting = this.#waiting.get(reader);
    if (waiting === undefined) return;
    const leaves = this.#leaving.has(reader);
    this.forget(reader);
    if (waiting <= bytes) return;
    this.add(reader, waiting - bytes);
    if (leaves) this.#leaving.add(reader);
  }

  relieve(most: number): void {
    if (this.total <= most) return;
    let staying = this.total;
    for (const reader of this.#leaving) staying -= this.#waiting.get(reader) ?? 0;
    for (const [reader, bytes] of this.#waiting) {
      if (staying <= most) break;
      if (this.#leaving.has(reader)) continue;
      this.#leaving.add(reader);
      staying -= bytes;
      reader.leave();
    }
    // They may read how they were refused only while that costs no more than the budget itself.
    if (this.total - staying <= most) return;
    for (const reader of this.#leaving) {
      this.forget(reader);
      reader.destroy();
    }
  }

  forget(reader: Reader): void {
    this.total -= this.#waiting.get(reader) ?? 0;
    this.#waiting.delete(reader);
    this.#leaving.delete(reader);
  }
}
