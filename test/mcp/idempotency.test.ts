import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { UnansweredCalls } from "../../mcp/idempotency.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("what was left unanswered", () => {
  test("is taken up once for each time that it was", () => {
    const calls = new UnansweredCalls();
    for (const key of ["k1", "k2", "k2"]) calls.keep("me", key, "add");
    calls.keep("me", "k3", "claim");
    expect([calls.take("me", "add"), calls.take("me", "add"), calls.take("me", "add")]).toEqual([
      "k1",
      "k2",
      undefined,
    ]);
    expect(calls.take("me", "claim")).toBe("k3");
  });

  test("is forgotten after ten minutes", () => {
    const calls = new UnansweredCalls();
    calls.keep("me", "k1", "add");
    vi.advanceTimersByTime(9 * 60_000);
    calls.keep("me", "k2", "add");
    vi.advanceTimersByTime(60_000);
    expect([calls.take("me", "add"), calls.take("me", "add")]).toEqual(["k2", undefined]);
  });

  test("is forgotten from the oldest on when there is too much of it", () => {
    const calls = new UnansweredCalls();
    for (let call = 0; call <= 1_000; call += 1) calls.keep("me", `k${call}`, `add ${call}`);
    expect([calls.take("me", "add 0"), calls.take("me", "add 1"), calls.take("me", "add 1000")]).toEqual([
      undefined,
      "k1",
      "k1000",
    ]);
  });

  test("of one actor is not pushed out, nor taken up, by another", () => {
    const calls = new UnansweredCalls();
    calls.keep("me", "k1", "add");
    for (let call = 0; call <= 2_000; call += 1) calls.keep("other", `o${call}`, `add ${call}`);
    expect([calls.take("other", "add"), calls.take("me", "add")]).toEqual([undefined, "k1"]);
    expect([calls.take("other", "add 1000"), calls.take("other", "add 1001")]).toEqual([undefined, "o1001"]);
  });
});
