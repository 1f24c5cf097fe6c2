import { expect, it } from "vitest";
import { combiner } from "../../src/db/combiner.ts";
import { asRequester, CallerGone, currentRequester, Requester } from "../../src/db/requester.ts";

const never = () => false;

it("sends what came in one burst together, and what came meanwhile in the next batch", async () => {
  const batches: (readonly number[])[] = [];
  const late: Promise<number>[] = [];
  const ask = combiner<number, number>(
    async (take) => {
      const requests = take();
      batches.push(requests);
      if (batches.length === 1) late.push(ask(4), ask(5));
      return requests.map((request) => request * 10);
    },
    { largestBatch: 100, separable: never },
  );
  expect(await Promise.all([ask(1), ask(2), ask(3)])).toEqual([10, 20, 30]);
  expect(await Promise.all(late)).toEqual([40, 50]);
  expect(batches).toEqual([
    [1, 2, 3],
    [4, 5],
  ]);
});

it("never sends more at once than allowed", async () => {
  const sizes: number[] = [];
  const ask = combiner<number, number>(
    async (take) => {
      const requests = take();
      sizes.push(requests.length);
      return requests;
    },
    { largestBatch: 2, separable: never },
  );
  await Promise.all([1, 2, 3, 4, 5].map(ask));
  expect(sizes).toEqual([2, 2, 1]);
});

it("lets keys take turns, however much one of them has asked for", async () => {
  const batches: (readonly string[])[] = [];
  const ask = combiner<string, string>(
    async (take) => {
      const requests = take();
      batches.push(requests);
      return requests;
    },
    { largestBatch: 4, separable: never },
  );
  const asked = (key: string, count: number) =>
    Array.from({ length: count }, (_, i) => asRequester(new Requester(key), () => ask(`${key}${i}`)));
  await Promise.all([...asked("a", 6), ...asked("b", 1), ...asked("c", 2)]);
  expect(batches).toEqual([["a0", "b0", "c0", "a1"], ["a2", "c1", "a3", "a4"], ["a5"]]);
});

it("tries a failed batch request by request, so that a poisonous one fails alone", async () => {
  const ask = combiner<string, string>(
    async (take) => {
      const requests = take();
      if (requests.includes("poison")) throw new Error("poisoned");
      return requests;
    },
    { largestBatch: 100, separable: () => true },
  );
  const answers = await Promise.allSettled(["a", "poison", "b"].map(ask));
  expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(await ask("c")).toBe("c");
});

it("fails all of a batch whose failure is nobody's own, and goes on afterwards", async () => {
  let down = true;
  const ask = combiner<string, string>(
    async (take) => {
      const requests = take();
      if (down) throw new Error("away");
      return requests;
    },
    { largestBatch: 100, separable: never },
  );
  expect((await Promise.allSettled(["a", "b"].map(ask))).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  down = false;
  expect(await ask("c")).toBe("c");
});

it("leaves out those whose caller went away before their batch began", async () => {
  const batches: (readonly number[])[] = [];
  const caller = new AbortController();
  const ask = combiner<number, number>(
    async (take) => {
      const requests = take();
      batches.push(requests);
      return requests;
    },
    { largestBatch: 100, separable: never },
  );
  const left = asRequester(new Requester("a", { gone: caller.signal }), () => ask(1));
  const stays = new Requester("a");
  const stayed = asRequester(stays, () => ask(2));
  caller.abort();
  await expect(left).rejects.toBeInstanceOf(CallerGone);
  expect(await stayed).toBe(2);
  expect(stays.wrote).toBe(true);
  expect(batches).toEqual([[2]]);
});

it("tells each of a batch of the statements that are sent for all of it, and how they ended", async () => {
  const ask = combiner<number, number>(
    async (take) => {
      const requests = take();
      currentRequester()?.onStatement?.("together")("why");
      return requests;
    },
    { largestBatch: 100, separable: never },
  );
  const told: unknown[] = [];
  const asked = ["a", "b", null].map((who, request) => {
    const requester = new Requester("key");
    if (who !== null) requester.onStatement = (name) => (error) => told.push([who, name, error]);
    return asRequester(requester, () => ask(request));
  });
  expect(await Promise.all(asked)).toEqual([0, 1, 2]);
  expect(told).toEqual([
    ["a", "together", "why"],
    ["b", "together", "why"],
  ]);
  expect(await ask(3)).toBe(3);
  expect(told).toHaveLength(2);
});
