import { afterAll, beforeAll, expect, it } from "vitest";
import { compareOperation, SYSTEMS } from "../../bench/compare/compare.ts";
import { openAsker } from "../../bench/compare/load/asker.ts";
import { OPERATIONS, type Operation, operationNamed } from "../../bench/compare/operations.ts";
import { table } from "../../bench/compare/report.ts";
import { type Rig, startRig } from "../../bench/compare/rig.ts";
import { summarize } from "../../bench/compare/summary.ts";
import { createEmptyDatabase } from "../support/database.ts";

let rig: Rig;
const opened = new AsyncDisposableStack();

beforeAll(async () => {
  const { ownerUrl, drop } = await createEmptyDatabase();
  opened.defer(() => drop());
  rig = opened.use(await startRig(ownerUrl));
});
// Fails when a connection was left open.
afterAll(() => opened.disposeAsync());

const PACE = { rounds: 2, seconds: 0.1, warmSeconds: 0.05 };
const interrupted = new AbortController().signal;

/** The first turn of an operation that one question makes. */
async function answerOf({ turn }: Operation, target: Parameters<typeof openAsker>[0]): Promise<unknown> {
  const asker = await openAsker(target, "asker");
  const { value } = turn({ connection: 0, connections: 1, number: 0, key: "key" }).next();
  if (!value) throw new Error("It asks nothing.");
  try {
    return await asker.ask({ ...value, wanted: true });
  } finally {
    asker.close();
  }
}

it.for(OPERATIONS.filter(({ writes }) => !writes))(
  "gives one answer to $name, whichever system is asked",
  async (operation) => {
    const answer = await answerOf(operation, rig.docket.target);
    expect(answer).toEqual(await answerOf(operation, rig.bare.target));
  },
);

it("compares all systems at an operation of several requests and at one that is combined", async () => {
  const comparisons = [];
  for (const name of ["cycle", "reserve-hot"])
    comparisons.push(await compareOperation(rig, operationNamed(name), 2, { pace: PACE, interrupted }));
  const rows = comparisons.flatMap(summarize);
  expect(rows.map(({ operation, system }) => `${operation} ${system}`)).toEqual([
    ...SYSTEMS.filter((system) => system !== "combined").map((system) => `cycle ${system}`),
    ...SYSTEMS.map((system) => `reserve-hot ${system}`),
  ]);
  for (const row of rows) expect(row).toMatchObject({ perSecond: expect.any(Number), p50: expect.any(Number) });
  expect(table(rows)).not.toMatch(/NaN|Infinity/);
});
