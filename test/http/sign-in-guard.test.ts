import { expect, test } from "vitest";
import { createLimits } from "../../src/access/rate-limits.ts";
import { databaseUnavailable, unauthenticated } from "../../src/errors.ts";
import { SignInGuard } from "../../src/http/sign-in-guard.ts";

/** One wrong key a second, and so many at once, by a clock that is moved by hand. */
function guardOf(burst: number) {
  const time = { ms: 1_000 };
  const limits = { fieldsPerMinute: 0, reservationsPerMinute: 0, failedSignInsPerMinute: 60, burst };
  return { guard: new SignInGuard(createLimits(limits, () => time.ms)), time };
}

test("of wrong keys that come at once no more are looked up than of those that come one by one", async () => {
  const { guard, time } = guardOf(3);
  let looked = 0;
  const tryAll = async (name: string) => {
    const wrong = async () => {
      looked++;
      await Promise.resolve();
      throw unauthenticated("No such key");
    };
    await Promise.allSettled(Array.from({ length: 20 }, (_, i) => guard.judge("10.0.0.1", `${name}${i}`, wrong)));
  };
  for (const name of ["a", "b", "c"]) await guard.judge("10.0.0.1", name, async () => name);
  await tryAll("first");
  expect(looked).toBe(3);
  looked = 0;
  time.ms += 1_000;
  await tryAll("second");
  expect(looked).toBe(1);
  // What was seen good is taken all the same, and so is who comes from elsewhere.
  expect(await guard.judge("10.0.0.1", "a", async () => "good")).toBe("good");
  expect(await guard.judge("10.0.0.2", "new", async () => "good")).toBe("good");
});

test("good keys that come at once are all let in where too many wrong ones were, one after another", async () => {
  const { guard } = guardOf(3);
  const wrong = () => Promise.reject(unauthenticated("No such key"));
  await Promise.allSettled([guard.judge("10.0.0.1", "x", wrong), guard.judge("10.0.0.1", "y", wrong)]);
  const seen = new Set<string>();
  let [atOnce, most] = [0, 0];
  const good = (key: string) => async () => {
    const isNew = !seen.has(key);
    seen.add(key);
    if (isNew) most = Math.max(most, ++atOnce);
    await new Promise(setImmediate);
    if (isNew) atOnce--;
    return "in";
  };
  const keys = Array.from({ length: 40 }, (_, i) => `good${i % 20}`);
  const answers = await Promise.all(keys.map((key) => guard.judge("10.0.0.1", key, good(key))));
  expect(answers).toEqual(keys.map(() => "in"));
  expect(most).toBe(1);
  // One more may be wrong, none after it; who waits for it hears of it.
  const mixed = await Promise.allSettled(
    ["z1", "z2", "late"].map((key) => guard.judge("10.0.0.1", key, key === "late" ? good(key) : wrong)),
  );
  expect(mixed.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
  expect(mixed.map((one) => (one as PromiseRejectedResult).reason.code)).toEqual([
    "UNAUTHENTICATED",
    "RATE_LIMITED",
    "RATE_LIMITED",
  ]);
});

test("keys that wait for another one wait for a database that says nothing no longer than that one", async () => {
  const { guard } = guardOf(1);
  let looked = 0;
  const silent = async () => {
    looked++;
    await new Promise(setImmediate);
    throw databaseUnavailable(new Error("silent"));
  };
  const answers = await Promise.allSettled(["a", "b", "c"].map((key) => guard.judge("10.0.0.1", key, silent)));
  expect(answers.map((one) => (one as PromiseRejectedResult).reason.code)).toEqual(
    answers.map(() => "DATABASE_UNAVAILABLE"),
  );
  expect(looked).toBe(1);
  expect(await guard.judge("10.0.0.1", "d", async () => "in")).toBe("in");
});

test("no more than 10,000 requests wait to be let in", async () => {
  const { guard } = guardOf(1);
  const { promise: looked, resolve } = Promise.withResolvers<string>();
  const first = guard.judge("10.0.0.1", "good", () => looked);
  const others = Array.from({ length: 10_000 }, () => guard.judge("10.0.0.1", "good", async () => "in"));
  await expect(guard.judge("10.0.0.1", "good", async () => "in")).rejects.toMatchObject({
    code: "RATE_LIMITED",
    details: { retryAfterMs: 1_000 },
  });
  resolve("in");
  expect(new Set(await Promise.all([first, ...others]))).toEqual(new Set(["in"]));
  // Their places are free again.
  const two = ["b", "c"].map((key) => guard.judge("10.0.0.1", key, async () => "in"));
  expect(await Promise.all(two)).toEqual(["in", "in"]);
});

test("a key at work is still known once 10,000 others have been seen good", async () => {
  const { guard } = guardOf(1);
  const good = async () => "in";
  for (let i = 0; i < 10_001; i++) {
    await guard.judge("10.0.0.1", `token${i}`, good);
    if (i === 0 || i === 5_000) await guard.judge("10.0.0.1", "at work", good);
  }
  await expect(guard.judge("10.0.0.2", "x", () => Promise.reject(unauthenticated("No such key")))).rejects.toThrow();
  expect(await guard.judge("10.0.0.2", "at work", good)).toBe("in");
});

test("who sends thousands of wrong keys at once is refused one by one, so that others come between, and no more than 1,000 wait", async () => {
  const { guard } = guardOf(1);
  const wrong = () => Promise.reject(unauthenticated("No such key"));
  await expect(guard.judge("10.0.0.1", "first", wrong)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  let turns = 0;
  const turnsOf = async (i: number) => {
    await expect(guard.judge("10.0.0.1", `next${i}`, wrong)).rejects.toMatchObject({ code: "RATE_LIMITED" });
    return turns;
  };
  const refused = Promise.all(Array.from({ length: 1_200 }, (_, i) => turnsOf(i)));
  let counting = true;
  const count = () => {
    turns++;
    if (counting) setImmediate(count);
  };
  setImmediate(count);
  const refusedAt = await refused;
  counting = false;
  expect(refusedAt.filter((turn) => turn === 0)).toHaveLength(200);
  // Between two of them there is a turn for everybody else.
  expect(new Set(refusedAt).size).toBeGreaterThan(990);
});
