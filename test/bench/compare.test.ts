import { afterAll, beforeAll, expect, it } from "vitest";
import { compareOperation, type SystemName } from "../../bench/compare/compare.ts";
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
  rig = opened.use(await startRig({ given: ownerUrl }));
});
// Fails when a connection was left open.
afterAll(() => opened.disposeAsync());

const PACE = { rounds: 2, seconds: 0.1, warmSeconds: 0.05 };
const interrupted = new AbortController().signal;

/** The first turn of an operation that one question makes. */
async function answerOf({ turn }: Operation, name: SystemName): Promise<unknown> {
  const system = rig.systems.get(name);
  if (!system) throw new Error(`There is no ${name}.`);
  const asker = await openAsker(system.target, "asker");
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
    const answer = await answerOf(operation, "docket");
    expect(answer).toEqual(await answerOf(operation, "bare"));
  },
);

it("compares all systems at an operation of several requests and at one that is combined", async () => {
  const comparisons = [];
  for (const name of ["cycle", "reserve-hot"])
    comparisons.push(await compareOperation(rig, operationNamed(name), 2, { pace: PACE, interrupted }));
  const rows = comparisons.flatMap(summarize);
  expect(rows.map(({ operation, system }) => `${operation} ${system}`)).toEqual([
    ...["statements", "bare", "docket"].map((system) => `cycle ${system}`),
    ...["statements", "bare", "combined", "docket"].map((system) => `reserve-hot ${system}`),
  ]);
  for (const row of rows) expect(row).toMatchObject({ perSecond: expect.any(Number), p50: expect.any(Number) });
  expect(table(rows)).not.toMatch(/NaN|Infinity/);
});
