/** Calls that come sooner after one another than this belong to one wait: longer than the pauses between tries. */
const ONE_WAIT_MS = 1_000;

/** Since when the database has said nothing to somebody who asks it, over all tries. */
export class Silence {
  #since = Number.NEGATIVE_INFINITY;
  #givenUp = false;
  #calls = 0;
  #endedAt = Number.NEGATIVE_INFINITY;

  /** When it began to ask, or was answered last, in milliseconds of the process's clock. */
  get since(): number {
    return this.#since;
  }

  /** Whether it was told that the database does not answer, and has heard nothing since. */
  get givenUp(): boolean {
    return this.#givenUp;
  }

  /** Whether a call that began now would belong to the wait of those before. */
  get goesOn(): boolean {
    return this.#calls > 0 || performance.now() - this.#endedAt <= ONE_WAIT_MS;
  }

  begin(): void {
    if (!this.goesOn) this.heard(performance.now());
    this.#calls++;
  }

  end(): void {
    this.#calls--;
    this.#endedAt = performance.now();
  }

  heard(at: number): void {
    if (at <= this.#since) return;
    this.#since = at;
    this.#givenUp = false;
  }

  giveUp(): void {
    this.#givenUp = true;
  }
}
