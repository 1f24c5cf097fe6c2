import { expect, test } from "vitest";
import { frameKeeper } from "../../src/http/graphiql-page.ts";

const next = (id: string, events: unknown[]) =>
  JSON.stringify({ type: "next", id, payload: { data: { taskEvents: { events } } } });
/** The events of the earlier frames that a message shows. */
const earlier = (text: string) =>
  (JSON.parse(text).payload.extensions?.earlierFrames ?? []).map(
    (frame: { taskEvents: { events: unknown[] } }) => frame.taskEvents.events[0],
  );

test("shows the frames before, newest first, the last ones only, each subscription its own; empty ones are not kept", () => {
  const keep = frameKeeper(3, 1_000);
  expect(keep(next("a", [1]))).toBe(next("a", [1]));
  expect(earlier(keep(next("a", [])))).toEqual([1]);
  expect(earlier(keep(next("a", [2])))).toEqual([1]);
  expect(earlier(keep(next("b", [9])))).toEqual([]);
  for (const event of [3, 4]) keep(next("a", [event]));
  expect(earlier(keep(next("a", [5])))).toEqual([4, 3, 2]);
  const complete = JSON.stringify({ type: "complete", id: "a" });
  expect(keep(complete)).toBe(complete);
  expect(earlier(keep(next("a", [6])))).toEqual([]);
});

test("keeps no more text than it may, and the last frame in any case", () => {
  const keep = frameKeeper(50, 200);
  for (const event of ["x".repeat(70), "y".repeat(70), "z".repeat(70)]) keep(next("a", [event]));
  expect(earlier(keep(next("a", [])))).toEqual(["z".repeat(70), "y".repeat(70)]);
  keep(next("a", ["w".repeat(500)]));
  expect(earlier(keep(next("a", [])))).toEqual(["w".repeat(500)]);
});

test("leaves alone what is no frame", () => {
  const keep = frameKeeper(50, 200);
  for (const message of [{ type: "ping" }, { type: "next", id: "a", payload: { errors: [] } }])
    expect(keep(JSON.stringify(message))).toBe(JSON.stringify(message));
});
