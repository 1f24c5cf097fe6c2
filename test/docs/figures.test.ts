import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { startTestServer } from "../support/server.ts";

interface Figures {
  readonly projectTrends: { projectId: string; created: number; completed: number; failed: number }[];
  readonly workers: unknown[];
  readonly taskCounts: unknown[];
}

it("tells of throughput per day and project, who works, and where tasks stand, as the README asks for it", async () => {
  const readme = await readFile("README.md", "utf8");
  const blocks = [...readme.matchAll(/^```graphql\n(.*?)^```/gms)].map(([, text = ""]) => text);
  const document = blocks.find((text) => text.includes("projectTrends(")) ?? "";
  const server = await startTestServer();
  await server.ask(
    `mutation {
      alpha: createProject(input: {projectId: "alpha", name: "A"}) { replayed }
      beta: createProject(input: {projectId: "beta", name: "B"}) { replayed }
      addTasks(input: {projectId: "alpha", tasks: [{description: "a"}, {description: "b"}, {description: "c"}]}) { taskIds }
      anna: claimNextTask(input: {projectId: "alpha", worker: "anna"}) { attempt }
      updateTaskStatus(input: {projectId: "alpha", taskId: "TASK-001", status: COMPLETED}) { task { taskId } }
      ben: claimNextTask(input: {projectId: "alpha", worker: "ben"}) { attempt }
    }`,
    {},
    { key: server.adminKey },
  );
  const { projectTrends, workers, taskCounts } = await server.ask<Figures>(document);
  const sums = (of: string) => {
    const days = projectTrends.filter(({ projectId }) => projectId === of);
    const sum = (field: "created" | "completed" | "failed") => days.reduce((total, day) => total + day[field], 0);
    return { days: days.length, created: sum("created"), completed: sum("completed"), failed: sum("failed") };
  };
  expect(sums("alpha")).toEqual({ days: 8, created: 3, completed: 1, failed: 0 });
  expect(sums("beta")).toEqual({ days: 8, created: 0, completed: 0, failed: 0 });
  expect(projectTrends).toContainEqual(
    expect.objectContaining({ projectId: "alpha", cycleSecondsMedian: expect.any(Number) }),
  );
  expect(workers).toMatchObject([
    { worker: "anna", held: [], completed: 1, failed: 0 },
    { worker: "ben", held: [{ taskId: "TASK-002" }], completed: 0, failed: 0 },
  ]);
  expect(taskCounts).toEqual([
    { projectId: "alpha", status: "COMPLETED", count: 1 },
    { projectId: "alpha", status: "IN_PROGRESS", count: 1 },
    { projectId: "alpha", status: "PENDING", count: 1 },
  ]);
});
