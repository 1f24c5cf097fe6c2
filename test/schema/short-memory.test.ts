import { expect, it } from "vitest";
import { ShortMemory } from "../../schema/short-memory.ts";
import { ManualClock } from "../log/manual-clock.ts";

it("remembers for a second, and then forgets by itself, although nobody asks or adds anything", async () => {
  const clock = new ManualClock();
  const memory = new ShortMemory<object>(clock);
  memory.set("early", {});
  await clock.advance(600);
  memory.set("late", {});
  await clock.advance(399);
  expect(memory.get("early")).toBeDefined();
  await clock.advance(1);
  expect(memory.get("early")).toBeUndefined();
  expect(memory.get("late")).toBeDefined();
  expect(memory.size).toBe(1);
  await clock.advance(1_000);
  expect(memory.size).toBe(0);
  expect(clock.pending).toBe(0);
});

it("holds 4,096 at most", () => {
  const memory = new ShortMemory<number>(new ManualClock());
  for (let i = 0; i <= 4_096; i++) memory.set(`${i}`, i);
  expect([memory.size, memory.get("0"), memory.get("1")]).toEqual([4_096, undefined, 1]);
});
