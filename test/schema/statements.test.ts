import { expect, it } from "vitest";
import { startTestServer } from "../support/server.ts";

/** What runs beside a request (drain, tail) asks now and then as well; one statement per row would be 50. */
const HANDFUL = 12;

it.each([
  ["a page of whole tasks", "{ tasks(first: 50) { nodes { taskId kind status labels inputs metadata version } } }"],
  ["a page with projects and attempts", "{ tasks(first: 50) { nodes { project { name } attempts { attempt } } } }"],
  ["a page with the history of each task", "{ tasks(first: 50) { nodes { history { events { type } } } } }"],
  [
    "projects with their tasks and counts",
    "{ projects { nodes { taskCounts { count } tasks { nodes { status } } } } }",
  ],
])("asks the database a handful of times for %s, not once per row", async (_what, document) => {
  // Jobs ask the database on their own.
  const server = await startTestServer({ env: { DOCKET_JOBS: "none" } });
  const tasks = Array.from({ length: 50 }, (_, i) => ({ description: `work ${i}` }));
  await server.ask(
    'mutation ($tasks: [AddTaskItem!]!) { addTasks(input: {projectId: "alpha", createProject: true, tasks: $tasks}) { tasksAdded } }',
    { tasks },
  );
  let taken = 0;
  const count = () => void taken++;
  server.database.pool.on("acquire", count);
  await server.ask(document);
  server.database.pool.off("acquire", count);
  expect(taken).toBeLessThanOrEqual(HANDFUL);
});
