interface Held {
  numbers: number[];
  /** In minutes of the model. */
  expires: number;
  state: "active" | "confirmed" | "released" | "expired";
}

/** What a sequence with reuse IMMEDIATELY must do, written without a database. Time is in minutes. */
export class SequenceModel {
  now = 0;
  readonly #jumpLimit: number;
  #counter = 0;
  #released = new Set<number>();
  readonly #confirmed = new Set<number>();
  readonly #held: Held[] = [];
  /** When each number was last given to somebody. */
  readonly #givenAt = new Map<number, number>();

  constructor(jumpLimit: number) {
    this.#jumpLimit = jumpLimit;
  }

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
  register(numbers: readonly number[], allowJump: boolean): number[] | "refused" {
    if (!allowJump && Math.max(...numbers) > this.#counter + this.#jumpLimit) return "refused";
    this.#expire();
    const fresh = numbers.filter((number) => !this.#confirmed.has(number));
    for (const number of fresh) {
      this.#confirmed.add(number);
      this.#givenAt.set(number, this.now);
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

  /** Some that are confirmed, counted from the highest; and numbers that may not be, where there are too few. */
  confirmedOnes(places: readonly number[]): number[] {
    const highestFirst = [...this.#confirmed].sort((a, b) => b - a);
    return [...new Set(places.map((place) => highestFirst[place] ?? place + 1))];
  }

  /** The counter afterwards, as the list of it. */
  void(numbers: readonly number[]): number[] | "refused" {
    if (!numbers.every((number) => this.#confirmed.has(number))) return "refused";
    this.#expire();
    for (const number of numbers) this.#confirmed.delete(number);
    const active = this.#held.filter(({ state }) => state === "active").flatMap((held) => held.numbers);
    this.#counter = Math.max(0, ...this.#confirmed, ...active);
    for (const held of this.#held) {
      if (held.state !== "confirmed") continue;
      const left = held.numbers.filter((number) => !numbers.includes(number));
      if (left.length === 0) held.state = "released";
      else held.numbers = left;
    }
    for (const number of this.#released) if (number > this.#counter) this.#released.delete(number);
    return this.#counter === 0 ? [] : [this.#counter];
  }

  /** The numbers given back. */
  confirm(nth: number, numbers?: readonly number[]): number[] | "refused" {
    const held = this.#held[nth];
    if (held === undefined || held.state === "released") return "refused";
    if (held.state === "confirmed") return [];
    const kept = numbers ?? held.numbers;
    const rest = held.numbers.filter((number) => !kept.includes(number));
    if (held.state === "expired") {
      if (kept.some((number) => (this.#givenAt.get(number) ?? 0) >= held.expires)) return "refused";
      this.#passTo(Math.max(...kept));
    }
    for (const number of kept) {
      this.#confirmed.add(number);
      this.#released.delete(number);
    }
    const released = held.state === "active" ? rest : [];
    for (const number of released) this.#released.add(number);
    held.numbers = held.numbers.filter((number) => kept.includes(number));
    held.state = "confirmed";
    return released;
  }

  release(nth: number): number[] | "refused" {
    const held = this.#held[nth];
    // Released before: the same answer again.
    if (held?.state === "released") return held.numbers;
    if (held?.state !== "active" || this.#isExpired(held)) return "refused";
    held.state = "released";
    for (const number of held.numbers) this.#released.add(number);
    return held.numbers;
  }

  extend(nth: number, ttl: number): [] | "refused" {
    const held = this.#held[nth];
    if (held?.state === "confirmed") return [];
    if (held?.state !== "active" || this.#isExpired(held)) return "refused";
    held.expires = Math.max(held.expires, this.now + ttl);
    return [];
  }

  #isExpired = ({ state, expires }: Held) => state === "active" && expires <= this.now;

  /** Numbers that expired go back only when the next is given, registered or voided. */
  #expire(): void {
    for (const held of this.#held.filter(this.#isExpired)) {
      held.state = "expired";
      for (const number of held.numbers) this.#released.add(number);
    }
  }

  /** The counter rises to this number; those it passes are free. */
  #passTo(number: number): void {
    while (this.#counter < number) this.#released.add(++this.#counter);
  }

  /** The lowest released run that fits, else the next numbers. */
  #take(count: number): number[] {
    const runAt = (first: number) => Array.from({ length: count }, (_, i) => first + i);
    const first = [...this.#released]
      .sort((a, b) => a - b)
      .find((number) => runAt(number).every((n) => this.#released.has(n)));
    const numbers = runAt(first ?? this.#counter + 1);
    for (const number of numbers) {
      this.#released.delete(number);
      this.#givenAt.set(number, this.now);
    }
    if (first === undefined) this.#counter += count;
    return numbers;
  }
}
