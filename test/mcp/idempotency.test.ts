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
    for (const key of ["k1", "k2", "k2"]) calls.keep(key, "add");
    calls.keep("k3", "claim");
    expect([calls.take("add"), calls.take("add"), calls.take("add")]).toEqual(["k1", "k2", undefined]);
    expect(calls.take("claim")).toBe("k3");
  });

  test("is forgotten after ten minutes", () => {
    const calls = new UnansweredCalls();
    calls.keep("k1", "add");
    vi.advanceTimersByTime(9 * 60_000);
    calls.keep("k2", "add");
    vi.advanceTimersByTime(60_000);
    expect([calls.take("add"), calls.take("add")]).toEqual(["k2", undefined]);
  });

  test("is forgotten from the oldest on when there is too much of it", () => {
    const calls = new UnansweredCalls();
    for (let call = 0; call <= 1_000; call += 1) calls.keep(`k${call}`, `add ${call}`);
    expect([calls.take("add 0"), calls.take("add 1"), calls.take("add 1000")]).toEqual([undefined, "k1", "k1000"]);
  });
});
