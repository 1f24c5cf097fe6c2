interface Held {
  numbers: number[];
  /** In minutes of the model. */
  expires: number;
  state: "active" | "confirmed" | "ended";
}

/** What a sequence with reuse IMMEDIATELY must do, written without a database. Time is in minutes. */
export class SequenceModel {
  now = 0;
  #counter = 0;
  #released = new Set<number>();
  readonly #confirmed = new Set<number>();
  readonly #held: Held[] = [];

  reserve(count: number, ttl: number): number[] {
    this.#expire();
    const numbers = this.#take(count);
    this.#held.push({ numbers, expires: this.now + ttl, state: "active" });
    return numbers;
  }

  next(): number {
    this.#expire();
    const [number = 0] = this.#take(1);
    this.#confirmed.add(number);
    return number;
  }

  /** The numbers that were not confirmed before. */
  register(numbers: readonly number[]): number[] {
    this.#expire();
    const fresh = numbers.filter((number) => !this.#confirmed.has(number));
    for (const number of fresh) {
      this.#confirmed.add(number);
      this.#released.delete(number);
      this.#counter = Math.max(this.#counter, number);
    }
    for (const held of this.#held) {
      if (held.state !== "active") continue;
      const left = held.numbers.filter((number) => !fresh.includes(number));
      if (left.length === 0) held.state = "confirmed";
      else held.numbers = left;
    }
    return fresh;
  }

  /** Those of its numbers that the bits of `mask` choose; at least one. */
  some(nth: number, mask: number): number[] {
    const numbers = this.#held[nth]?.numbers ?? [];
    const chosen = numbers.filter((_, i) => mask & (1 << i));
    return chosen.length > 0 ? chosen : numbers.slice(0, 1);
  }

  /** The numbers given back. */
  confirm(nth: number, numbers?: readonly number[]): number[] | "refused" {
    const held = this.#current(nth);
    if (held === undefined) return "refused";
    if (held.state === "confirmed") return [];
    const kept = numbers ?? held.numbers;
    const rest = held.numbers.filter((number) => !kept.includes(number));
    held.numbers = held.numbers.filter((number) => kept.includes(number));
    held.state = "confirmed";
    for (const number of held.numbers) this.#confirmed.add(number);
    for (const number of rest) this.#released.add(number);
    return rest;
  }

  release(nth: number): number[] | "refused" {
    const held = this.#held[nth];
    // Released before: the same answer again. Expired ones end only when somebody looks, by #expire.
    if (held && this.#releasedBefore.has(held)) return held.numbers;
    const current = this.#current(nth);
    if (current === undefined || current.state === "confirmed") return "refused";
    current.state = "ended";
    this.#releasedBefore.add(current);
    for (const number of current.numbers) this.#released.add(number);
    return current.numbers;
  }
  readonly #releasedBefore = new Set<Held>();

  extend(nth: number, ttl: number): [] | "refused" {
    const held = this.#current(nth);
    if (held === undefined) return "refused";
    if (held.state === "active") held.expires = Math.max(held.expires, this.now + ttl);
    return [];
  }

  /** The reservation unless it ended or expired. */
  #current(nth: number): Held | undefined {
    const held = this.#held[nth];
    return held === undefined || held.state === "ended" || this.#isExpired(held) ? undefined : held;
  }

  #isExpired = ({ state, expires }: Held) => state === "active" && expires <= this.now;

  #expire(): void {
    for (const held of this.#held.filter(this.#isExpired)) {
      held.state = "ended";
      for (const number of held.numbers) this.#released.add(number);
    }
  }

  /** The lowest released run that fits, else the next numbers. */
  #take(count: number): number[] {
    const runAt = (first: number) => Array.from({ length: count }, (_, i) => first + i);
    const first = [...this.#released]
      .sort((a, b) => a - b)
      .find((number) => runAt(number).every((n) => this.#released.has(n)));
    const numbers = runAt(first ?? this.#counter + 1);
    for (const number of numbers) this.#released.delete(number);
    if (first === undefined) this.#counter += count;
    return numbers;
  }
}
