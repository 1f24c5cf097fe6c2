import { afterAll, beforeAll, expect, it } from "vitest";
import { answerTo } from "../../bench/compare/bare/answers.ts";
import { VIEWER } from "../../bench/compare/bare/viewer.ts";
import { compareOperation, type SystemName } from "../../bench/compare/compare.ts";
import { openAsker } from "../../bench/compare/load/asker.ts";
import { nameOf, OPERATIONS, type Operation, operationNamed } from "../../bench/compare/operations.ts";
import { hasPgbench, PGBENCH_OPERATIONS, scriptOf } from "../../bench/compare/pgbench.ts";
import { table } from "../../bench/compare/report.ts";
import { type Rig, startRig } from "../../bench/compare/rig.ts";
import { summarize } from "../../bench/compare/summary.ts";
import { connect } from "../../src/db/connect.ts";
import type { Db, Statement } from "../../src/db/database.ts";
import { builtDocket } from "../support/built-docket.ts";
import { createEmptyDatabase } from "../support/database.ts";

/** More than a round of a twentieth of a second claims. */
const TASKS = 500;

let rig: Rig;
const opened = new AsyncDisposableStack();

beforeAll(async () => {
  const { ownerUrl, drop } = await createEmptyDatabase();
  opened.defer(() => drop());
  rig = opened.use(await startRig({ given: ownerUrl, tasks: TASKS, docket: await builtDocket() }));
});
// Fails when a connection was left open.
afterAll(() => opened.disposeAsync());

const PACE = { rounds: 2, seconds: 0.05, warmSeconds: 0.02 };
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
  for (const [name, rounds] of [
    ["cycle", 2],
    ["reserve-hot", 1],
  ] as const)
    comparisons.push(await compareOperation(rig, operationNamed(name), 2, { pace: { ...PACE, rounds }, interrupted }));
  const rows = comparisons.flatMap(summarize);
  expect(rows.map(({ operation, system }) => `${operation} ${system}`)).toEqual([
    ...["statements", "bare", "combined", "docket"].map((system) => `cycle ${system}`),
    ...["statements", "bare", "combined", "docket"].map((system) => `reserve-hot ${system}`),
  ]);
  for (const row of rows) expect(row).toMatchObject({ perSecond: expect.any(Number), p50: expect.any(Number) });
  expect(table(rows)).not.toMatch(/NaN|Infinity/);
});

/** What the bare server's code sends for the second turn of an operation. */
async function sentFor(operation: string) {
  const { value } = operationNamed(operation).turn({ connection: 0, connections: 1, number: 1, key: "" }).next();
  const target = rig.systems.get("statements")?.target;
  if (!value || target?.kind !== "statements") throw new Error("There is nothing to ask.");
  const client = await connect(target.databaseUrl, "docket test");
  const sent: { readonly text: string; readonly values: readonly unknown[] }[] = [];
  const send = async <Row>(statement: Statement, values: readonly unknown[] = []) => {
    const text = typeof statement === "string" ? statement : statement.text;
    sent.push({ text, values });
    return (await client.query(text, [...values])).rows as Row[];
  };
  const db: Db = { read: send, write: send, transaction: (work) => work(db) };
  try {
    await answerTo(nameOf(value.document))({ db, viewer: VIEWER, correlationId: "" }, value.variables as never);
  } finally {
    await client.end();
  }
  return sent;
}

it.for([...PGBENCH_OPERATIONS])("gives pgbench the one statement of %s to the letter", async (operation) => {
  const { text, variables } = await scriptOf(operation, 1);
  const [{ text: sent, values } = expect.fail(), ...more] = await sentFor(operation);
  expect(more).toEqual([]);
  expect(text.replaceAll(/:v1_(?=\d)/g, "$")).toBe(`${sent};\n`);
  expect(variables).toHaveLength(values.length);
});

it("gives pgbench each parameter as a text that PostgreSQL reads as the same value", async () => {
  expect((await scriptOf("task", 1)).variables).toEqual(['v1_1={"compare-b"}', 'v1_2={"TASK-001"}']);
  expect((await scriptOf("list", 2)).variables).toEqual(["v2_1=51", "v2_2=compare-c"]);
  await expect(scriptOf("counts", 0)).rejects.toThrow("pgbench cannot send null.");
});

it.runIf(hasPgbench())("measures by pgbench what it can send", async () => {
  const pace = { ...PACE, rounds: 1 };
  const comparison = await compareOperation(rig, operationNamed("list"), 2, { pace, interrupted });
  const [row] = summarize(comparison);
  expect(row).toMatchObject({ system: "pgbench", processorTime: null });
  expect(row?.p50).toBeGreaterThan(0);
  expect(row?.perSecond).toBeGreaterThan(10);
  expect(table(summarize(comparison))).not.toMatch(/NaN|Infinity/);
});
