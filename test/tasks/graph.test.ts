import { expect, it } from "vitest";
import { MOST_LINKS, MOST_NODES, projectGraph } from "../../src/tasks/dependencies/project-graph.ts";
import { shareServer } from "../support/server.ts";
import { seedTasks, verbTest } from "../support/verbs.ts";

const shared = shareServer();

interface Shown {
  readonly projectGraph: {
    readonly nodes: { projectId: string; taskId: string; blockedByHidden: boolean }[];
    readonly edges: { kind: string; from: { taskId: string }; to: { taskId: string } }[];
    readonly nodeCount: number;
    readonly edgeCount: number;
    readonly truncated: boolean;
  };
}
const ASK = `query ($completed: Boolean) { projectGraph(projectId: "alpha", completed: $completed) {
  nodes { projectId taskId blockedByHidden } edges { kind from { taskId } to { taskId } } nodeCount edgeCount truncated } }`;

it("shows the open tasks of a project, and how they and those of other projects hang together", async () => {
  const { server } = shared;
  const act = (mutation: string) => server.ask(`mutation { done: ${mutation} }`);
  for (const projectId of ["alpha", "beta"])
    await act(`createProject(input: {projectId: "${projectId}", name: "P"}) { replayed }`);
  await act(
    `addTasks(input: {projectId: "beta", tasks: [{description: "x", taskId: "TASK-101"}, {description: "y", taskId: "TASK-102"}]}) { replayed }`,
  );
  await act(`addTasks(input: {projectId: "alpha", tasks: [{key: "whole", description: "whole", priority: 0},
    {key: "a", description: "a", parentKey: "whole"}, {description: "b", dependsOn: ["a", "beta/TASK-101"]},
    {description: "done", dependsOn: ["a"]}]}) { replayed }`);
  const relate = (dependsOn: string, kind: string) =>
    act(
      `addDependency(input: {projectId: "alpha", taskId: "TASK-002", dependsOn: ${dependsOn}, kind: ${kind}}) { added }`,
    );
  await relate('{taskId: "TASK-003"}', "RELATES_TO");
  await act(
    `addDependency(input: {projectId: "beta", taskId: "TASK-102", dependsOn: {projectId: "alpha", taskId: "TASK-001"}}) { added }`,
  );
  await shared.owner.query("UPDATE tasks SET status = 'completed' WHERE project_id = 'alpha' AND task_id = 'TASK-004'");

  const all = (await server.ask<Shown>(ASK)).projectGraph;
  expect(all.nodes.map(({ taskId }) => taskId)).toEqual(["TASK-001", "TASK-002", "TASK-003", "TASK-101", "TASK-102"]);
  expect(all.edges.map(({ kind, from, to }) => `${from.taskId} ${kind} ${to.taskId}`)).toEqual([
    "TASK-002 PARENT TASK-001",
    "TASK-003 BLOCKS TASK-002",
    "TASK-003 BLOCKS TASK-101",
    "TASK-102 BLOCKS TASK-001",
    "TASK-002 RELATES_TO TASK-003",
  ]);
  expect(all).toMatchObject({ nodeCount: 5, edgeCount: 5, truncated: false });

  const whole = (await server.ask<Shown>(ASK, { completed: true })).projectGraph;
  expect(whole.nodes.map(({ taskId }) => taskId)).toContain("TASK-004");
  expect(whole).toMatchObject({ nodeCount: 6, edgeCount: 6 });

  const { secret: key } = await server.makeKey({ name: "limited", projectIds: ["alpha"] });
  const limited = (await server.ask<Shown>(ASK, {}, { key })).projectGraph;
  expect(limited.nodes.map(({ projectId, taskId, blockedByHidden }) => [projectId, taskId, blockedByHidden])).toEqual([
    ["alpha", "TASK-001", false],
    ["alpha", "TASK-002", false],
    ["alpha", "TASK-003", true],
  ]);
  expect(limited).toMatchObject({ nodeCount: 3, edgeCount: 3, truncated: false });
  for (const projectId of ["beta", "gamma"]) {
    const { errors } = await server.gql(`{ projectGraph(projectId: "${projectId}") { nodeCount } }`, {}, { key });
    expect(errors).toMatchObject([{ extensions: { code: "PROJECT_NOT_FOUND" } }]);
  }
});

it("leaves out what is more than an answer holds, and says so", async () => {
  const t = await verbTest();
  const ids = await seedTasks(t, "alpha", MOST_NODES + 1);
  // Counting what waits takes the longest by far, and the graph does not ask for it.
  await t.owner.query("SET session_replication_role = replica");
  const graph = () => projectGraph(t.as(), { projectId: "alpha", completed: false });
  const wait = (from: number, to: number) =>
    t.owner.query(
      `INSERT INTO task_dependencies (project_id, task_id, depends_on_project_id, depends_on_task_id, kind)
       SELECT 'alpha', a.id, 'alpha', b.id, 'blocks' FROM unnest($1::text[]) WITH ORDINALITY a (id, n)
         JOIN unnest($1::text[]) WITH ORDINALITY b (id, n) ON a.n - b.n BETWEEN $2 AND $3 WHERE a.n <= ${MOST_NODES}`,
      [ids, from, to],
    );
  await wait(1, 5);
  expect(await graph()).toMatchObject({ nodeCount: MOST_NODES + 1, edgeCount: 4_985 });
  await t.owner.query("UPDATE tasks SET status = 'completed', completed_at = docket_now() WHERE task_id = $1", [
    ids.at(-1),
  ]);
  const before = await graph();
  expect([before.nodes.length, before.nodeCount, before.edges.length]).toEqual([MOST_NODES, MOST_NODES, 4_985]);
  await wait(6, 6);
  const { edges, edgeCount } = await graph();
  expect([edges.length, edgeCount]).toEqual([MOST_LINKS, 5_979]);
});
