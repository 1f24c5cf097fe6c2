import { fork } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import * as fc from "fast-check";
import { expect, it, onTestFinished } from "vitest";
import { SERVER } from "../../../src/access/viewer.ts";
import { openDatabase } from "../../../src/db/database.ts";
import { expireLeases } from "../../../src/tasks/expire-leases.ts";
import { idOfTask } from "../../../src/tasks/find.ts";
import { keyColumns } from "../../../src/tasks/keys.ts";
import { areReady } from "../../../src/tasks/reasons.ts";
import { wakeTasks } from "../../../src/tasks/wake.ts";
import { createTestDatabase } from "../../support/database.ts";
import { connectOwner } from "../../support/owner.ts";
import { PATIENCE } from "../../support/patience.ts";
import { act, anyAction, keyOf, type Projects } from "./act.ts";
import { expectFailuresAsTold, readyByTheGraph, tasksOf } from "./graph.ts";
import type { Work } from "./process.ts";

/** More of them: DOCKET_GRAPH_RUNS=1000 npx vitest run test/tasks/graph */
const RUNS = Number(process.env["DOCKET_GRAPH_RUNS"] ?? 10);

const fromHere = (file: string) => fileURLToPath(new URL(file, import.meta.url));

/** A database whose claims are watched, and a second process on it. */
async function twoProcesses() {
  const test = await createTestDatabase();
  onTestFinished(() => test.drop());
  const owner = await connectOwner(test);
  await owner.query(await readFile(fromHere("witness.sql"), "utf8"));
  const database = openDatabase({ url: test.url, size: 4, applicationName: "docket", patience: PATIENCE });
  onTestFinished(() => database.close());
  const child = fork(fromHere("process.ts"), [test.url], { execArgv: [] });
  onTestFinished(async () => {
    if (!child.connected) return;
    child.disconnect();
    await once(child, "exit");
  });
  const answer = async () => (await once(child, "message"))[0] as string | null;
  expect(await answer()).toBeNull();
  return {
    owner,
    ctx: { db: database, viewer: SERVER, correlationId: "first process" },
    elsewhere: (work: Work) => {
      child.send(work);
      return answer();
    },
  };
}

const graph = fc.record({
  // Few tasks are fought over, many make long chains.
  count: fc.oneof(fc.integer({ min: 2, max: 5 }), fc.integer({ min: 2, max: 30 }), fc.integer({ min: 2, max: 200 })),
  links: fc.array(fc.tuple(fc.nat({ max: 199 }), fc.nat({ max: 199 })), { maxLength: 300 }),
  most: fc.option(fc.integer({ min: 1, max: 3 })),
  lists: fc.array(fc.array(anyAction, { maxLength: 25 }), { minLength: 4, maxLength: 4 }),
  later: fc.array(anyAction, { maxLength: 15 }),
});

const PROJECT = `WITH named AS (INSERT INTO namespaces (namespace, shared) VALUES ($1, false) RETURNING namespace)
INSERT INTO projects (project_id, name, id_namespace, settings) SELECT namespace, namespace, namespace, $2 FROM named`;
const TASKS = `INSERT INTO tasks (project_id, task_id, description) SELECT project_id, id, 'work' FROM unnest($1::text[], $2::text[]) AS t (project_id, id)`;
const LINKS = `INSERT INTO task_dependencies (project_id, task_id, depends_on_project_id, depends_on_task_id, kind)
SELECT of, id, of_before, before, 'blocks' FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS link (of, id, of_before, before) ON CONFLICT DO NOTHING`;

it(
  "lets nobody hold what was not ready, and keeps graph, failures and limits exact while two processes change them",
  async () => {
    const { owner, ctx, elsewhere } = await twoProcesses();
    let project = 0;
    await fc.assert(
      fc.asyncProperty(graph, async ({ count, links, most, lists, later }) => {
        const projects: Projects = [`graph-${++project}`, `graph-${project}-too`];
        for (const projectId of projects)
          await owner.query(PROJECT, [projectId, { maxInProgress: most, maxAttempts: 3, retrySeconds: 30 }]);
        const all = Array.from({ length: count }, (_, i) => keyOf(projects, i + 1));
        await owner.query(TASKS, keyColumns(all));
        // From lower to higher numbers: no circle.
        const given = links.map(([a, b]) => [a % count, b % count] as const).filter(([a, b]) => a !== b);
        const ends = (pick: typeof Math.max) => keyColumns(given.map((link) => keyOf(projects, pick(...link) + 1)));
        await owner.query(LINKS, [...ends(Math.max), ...ends(Math.min)]);

        const [here = [], there = [], ...rest] = lists;
        const both = async (mine: typeof lists, theirs: typeof lists) => {
          const [wrong] = await Promise.all([
            elsewhere({ projects, count, lists: theirs }),
            ...mine.map((actions) => act(ctx, projects, count, actions)),
          ]);
          expect(wrong).toBeNull();
        };
        await both([here, there], rest);
        // What is still held expires, and what waits has its time, while both go on.
        await owner.pass(61);
        const swept = async () => {
          while (await expireLeases(ctx));
          while (await wakeTasks(ctx));
        };
        await Promise.all([both([later.slice(0, 7)], [later.slice(7)]), swept()]);
        await owner.pass(61);
        await swept();

        const tasks = await tasksOf(owner, projects);
        const ready = await areReady(ctx.db, tasks);
        expect(tasks.flatMap((task, i) => (ready[i] ? [idOfTask(task)] : []))).toEqual(
          await readyByTheGraph(owner, projects),
        );
        await expectFailuresAsTold(owner, projects);
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
  },
  60_000 + RUNS * 1_000,
);
