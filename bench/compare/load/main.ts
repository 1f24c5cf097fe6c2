import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { type Operation, operationNamed } from "../operations.ts";
import { type Asker, openAsker } from "./asker.ts";
import type { Burst, Done } from "./process.ts";

interface Counted {
  readonly milliseconds: number[];
  errors: number;
  firstError: string | undefined;
}

/** How long a run may last for want of answers, and how often it is looked at, in milliseconds. */
const LONGEST_MS = 10_000;
const LOOK_MS = 10;

/** What a connection does in one go: the operation again and again, until it is over. */
interface Work {
  readonly operation: Operation;
  readonly place: number;
  readonly connections: number;
  readonly key: string;
  /** Of the first turn of each connection, by its place; moved on. */
  readonly numbers: number[];
  readonly over: () => boolean;
}

async function work(asker: Asker, { operation, place, connections, key, numbers, over }: Work, counted: Counted) {
  while (!over()) {
    const number = numbers[place] ?? 0;
    numbers[place] = number + 1;
    const startedAt = performance.now();
    const turn = operation.turn({ connection: place, connections, number, key: `${key}-${place}-${number}` });
    let fault: string | undefined;
    try {
      let step = turn.next();
      while (!step.done) step = turn.next(await asker.ask(step.value));
    } catch (error) {
      fault = error instanceof Error ? error.message : String(error);
    }
    // A turn that ends later is not counted: nor is its time.
    if (over()) return;
    counted.milliseconds.push(performance.now() - startedAt);
    if (fault === undefined) continue;
    counted.errors++;
    counted.firstError ??= fault;
  }
}

/** Lets all connections work for so long, and tells what they did, and when the last of them has ended. */
async function run(askers: readonly Asker[], what: Omit<Work, "place" | "over">, seconds: number) {
  const counted: Counted = { milliseconds: [], errors: 0, firstError: undefined };
  let isOver = false;
  const startedAt = performance.now();
  const before = process.cpuUsage();
  const works = Promise.all(askers.map((asker, place) => work(asker, { ...what, place, over: () => isOver }, counted)));
  await delay(seconds * 1000);
  // A slow operation goes on until there is something to tell of it.
  while (counted.milliseconds.length < askers.length && performance.now() - startedAt < LONGEST_MS)
    await delay(LOOK_MS);
  isOver = true;
  const { user, system } = process.cpuUsage(before);
  const done: Done = {
    ...counted,
    seconds: (performance.now() - startedAt) / 1000,
    processorMs: (user + system) / 1000,
  };
  return { done, settled: works };
}

async function burst({ target, connections, key, seconds, warmSeconds, ...asked }: Burst): Promise<void> {
  const operation = operationNamed(asked.operation);
  const askers = await Promise.all(Array.from({ length: connections }, (_, i) => openAsker(target, `client-${i}`)));
  // What was claimed while they warmed up is not asked for again.
  const numbers: number[] = [];
  const warm = await run(askers, { operation, connections, key: `${key}-warm`, numbers }, warmSeconds);
  await warm.settled;
  const go = once(process, "message");
  process.send?.("ready");
  await go;
  const { done, settled } = await run(askers, { operation, connections, key, numbers }, seconds);
  const close = once(process, "message");
  process.send?.(done);
  // A backend that ends takes its time with it.
  await Promise.all([settled, close]);
  for (const asker of askers) asker.close();
  process.send?.("settled");
}

process.on("disconnect", () => process.exit());
process.on("message", (message) => {
  if (typeof message === "object") void burst(message as Burst);
});
