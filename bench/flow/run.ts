import { type Db, openDatabase, type Statement } from "../../src/db/database.ts";
import { addDependency } from "../../src/tasks/dependencies/add.ts";
import { descendantCounts, subtrees } from "../../src/tasks/hierarchy/tree.ts";
import { VIEWER } from "../compare/bare/viewer.ts";
import { below, inSequence, type Measurement, milliseconds, percentile, type Sample } from "../measure.ts";
import { ClaimBenchTask } from "../seeds/documents.ts";
import { startWorld, type World } from "../world.ts";
import { AddBenchDependency } from "./documents.ts";
import { BLOCKED, EDGES, fill, LINKED, PLAIN, POOL, ROOT, TASKS, TREE, TREE_TASKS } from "./fill.ts";

const CONNECTIONS = 32;
/** In a round; all rounds together take fewer than are ready. */
const CLAIMS = 800;
const EDGES_ADDED = 100;
const LOOKS = 20;

/** What dependencies, a pool of projects and trees cost, each beside the same without them, by turns in one run. */
export async function flow({
  rounds,
  print,
}: {
  readonly rounds: number;
  readonly print: (line: string) => void;
}): Promise<Measurement[]> {
  await using world = await startWorld({ profile: undefined });
  print(`${TASKS} tasks, half of them behind ${EDGES} dependencies, and ${POOL.length} projects …`);
  await fill(world);
  const ways = {
    plain: { projectId: PLAIN },
    linked: { projectId: LINKED },
    pool: { projects: POOL },
  };
  type Way = keyof typeof ways;
  const perSecond: Record<Way, number[]> = { plain: [], linked: [], pool: [] };
  for (const input of Object.values(ways)) await claims(world, input);
  for (let round = 1; round <= rounds; round++)
    for (const way of Object.keys(ways) as Way[]) perSecond[way].push(await claims(world, ways[way]));
  const ratio = (way: Way, to: number, what: string): Measurement => {
    const ratios = perSecond[way].map((count, i) => count / (perSecond.plain[i] ?? Number.NaN));
    const median = percentile(ratios, 0.5);
    return {
      what,
      measured: `${median.toFixed(2)} (${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}) of ${Math.round(percentile(perSecond.plain, 0.5))}/s`,
      target: `≥ ${to}`,
      ok: median >= to,
    };
  };

  print("edges and trees …");
  const withRequest = await inSequence(EDGES_ADDED, (i) => world.request(AddBenchDependency, { input: edge(i) }));
  const alone = await edgesAlone(world);
  const root = [{ projectId: TREE, taskId: ROOT }];
  const subtree = await inDatabase(world, (db) => subtrees(db, root));
  const rollUp = await inDatabase(world, (db) => descendantCounts(db, root));
  return [
    ratio(
      "linked",
      0.8,
      `claims among ${EDGES} dependencies, half the tasks blocked and in front, of those without any`,
    ),
    ratio("pool", 0.5, `claims from a pool of ${POOL.length} projects, of those from one`),
    below(`a dependency more at ${EDGES}, its transaction`, alone, 0.5, 5),
    below("  with its request over HTTP", withRequest, 0.5, 20),
    within(`five levels below one of ${TREE_TASKS} tasks, in the database`, subtree),
    within("  their counts by status", rollUp),
  ];
}

/** From what is ready to what is ready, far from both ends of the queue: none of these pairs is there, nor a circle. */
const edge = (i: number) => ({
  projectId: LINKED,
  taskId: taskId(BLOCKED + 2 * i + 2),
  dependsOn: { taskId: taskId(TASKS - i) },
});

/** The verb on a connection of this process, from BEGIN to COMMIT with all round trips, and nothing around it. */
async function edgesAlone({ databaseUrl }: World): Promise<Sample> {
  const db = openDatabase({ url: databaseUrl, size: 1, applicationName: "docket bench" });
  try {
    const ctx = { db, viewer: VIEWER, correlationId: "bench" };
    return await inSequence(EDGES_ADDED, (i) => addDependency(ctx, edge(EDGES_ADDED + i)));
  } finally {
    await db.close();
  }
}

const taskId = (n: number) => `TASK-${String(n).padStart(3, "0")}`;

/** How many claims a second are answered with a task, of so many connections that each claim one after the other. */
async function claims({ request }: World, input: { projectId: string } | { projects: string[] }): Promise<number> {
  let left = CLAIMS;
  const since = performance.now();
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      while (left-- > 0) {
        const { claimNextTask } = await request(ClaimBenchTask, { input });
        if (!claimNextTask?.task) throw new Error("A claim took nothing: there are too few tasks.");
      }
    }),
  );
  return (CLAIMS * 1000) / (performance.now() - since);
}

/** What PostgreSQL itself says that the statement of `ask` takes, in milliseconds; what would time each step is off. */
async function inDatabase({ owner }: World, ask: (db: Db) => Promise<unknown>): Promise<number[]> {
  const milliseconds: number[] = [];
  const explain = async <Row>(statement: Statement, values: readonly unknown[] = []): Promise<Row[]> => {
    const text = typeof statement === "string" ? statement : statement.text;
    const { rows } = await owner.query<{ "QUERY PLAN": [{ "Execution Time": number; "Planning Time": number }] }>(
      `EXPLAIN (ANALYZE, TIMING OFF, BUFFERS OFF, FORMAT JSON) ${text}`,
      [...values],
    );
    for (const {
      "QUERY PLAN": [plan],
    } of rows)
      milliseconds.push(plan["Execution Time"] + plan["Planning Time"]);
    return [];
  };
  const db: Db = {
    read: explain,
    write: () => Promise.reject(new Error("It reads.")),
    transaction: (work) => work(db),
  };
  for (let look = 0; look < LOOKS; look++) await ask(db);
  return milliseconds;
}

function within(what: string, durations: readonly number[]): Measurement {
  const median = percentile(durations, 0.5);
  return { what, measured: `p50 ${milliseconds(median)}`, target: "< 10 ms", ok: median < 10, ms: median };
}
