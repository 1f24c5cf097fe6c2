import { readFile } from "node:fs/promises";
import { beforeAll, expect, it } from "vitest";
import { SERVER } from "../../src/access/viewer.ts";
import { expireLeases } from "../../src/tasks/expire-leases.ts";
import { connectOwner } from "../support/owner.ts";
import { shareServer, startTestServer } from "../support/server.ts";

/** The question as the README asks it, by the name of its query. */
async function question(name: string): Promise<string> {
  const readme = await readFile("README.md", "utf8");
  const [found] = [...readme.matchAll(/^```graphql\n(.*?)^```/gms)]
    .map(([, text = ""]) => text)
    .filter((text) => text.includes(`query ${name} `));
  if (found === undefined) throw new Error(`The README asks no ${name}`);
  return found;
}

const shared = shareServer();
const ask = async (name: string) => await shared.server.ask(await question(name));

/**
 * Two projects on the morning after, each task named for what became of it: alpha 1 was done at night, 2 long ago, 3 was
 * given back twice and waits, 4 was held beyond its lease; beta 1 waits since long, 2 is held, 3 is at work since two days.
 */
beforeAll(async () => {
  const { server, owner } = shared;
  const HOUR = 3600;
  for (const id of ["alpha", "beta"])
    await server.ask(`mutation { createProject(input: {projectId: "${id}", name: "P"}) { replayed } }`);
  const add = (projectId: string, count: number) =>
    server.ask(
      `mutation ($tasks: [AddTaskItem!]!) { addTasks(input: {projectId: "${projectId}", tasks: $tasks}) { taskIds } }`,
      { tasks: Array.from({ length: count }, () => ({ description: "work" })) },
    );
  const move = (projectId: string, taskId: string, status: string, more = "") =>
    server.ask(
      `mutation { updateTaskStatus(input: {projectId: "${projectId}", taskId: "${taskId}", status: ${status} ${more}}) { task { taskId } } }`,
    );
  const claim = (projectId: string, taskId: string, worker: string, leaseSeconds: number) =>
    move(projectId, taskId, "IN_PROGRESS", `, worker: "${worker}", leaseSeconds: ${leaseSeconds}`);

  await add("beta", 3);
  await claim("beta", "TASK-003", "cleo", 70 * HOUR);
  await owner.pass(24 * HOUR);
  await add("alpha", 4);
  await claim("alpha", "TASK-002", "agent-1", 3600);
  await move("alpha", "TASK-002", "COMPLETED");
  await owner.pass(30 * HOUR);
  await claim("alpha", "TASK-001", "agent-1", 3600);
  await move("alpha", "TASK-001", "COMPLETED", ', completionNotes: "by night"');
  for (const worker of ["ben", "agent-1"]) {
    await claim("alpha", "TASK-003", worker, 3600);
    await move("alpha", "TASK-003", "PENDING", `, completionNotes: "no database"`);
  }
  await claim("alpha", "TASK-004", "ben", 600);
  await owner.pass(HOUR);
  await expireLeases({ db: server.database, viewer: SERVER, correlationId: "leases" });
  await claim("beta", "TASK-002", "ben", 3600);
  for (const [projectId, ttlSeconds, branch] of [
    ["alpha", 1800, "soon"],
    ["beta", 600, "sooner"],
    ["beta", 7200, "later"],
  ])
    await server.ask(
      `mutation { reserveIds(input: {projectId: "${projectId}", artifactType: "US", ttlSeconds: ${ttlSeconds}, branchName: "${branch}"}) { reservedIds } }`,
    );
});

it("finds who is stuck", async () => {
  expect(await ask("WhoIsStuck")).toMatchObject({
    tasks: {
      nodes: [
        { projectId: "alpha", taskId: "TASK-004", claimedBy: null, attemptCount: 1 },
        { projectId: "beta", taskId: "TASK-003", claimedBy: "cleo", attemptCount: 1 },
      ],
    },
  });
});

it("tells what was finished last night, per project", async () => {
  expect(await ask("FinishedLastNight")).toMatchObject({
    projects: {
      nodes: [
        {
          projectId: "alpha",
          tasks: { totalCount: 1, nodes: [{ taskId: "TASK-001", completionNotes: "by night" }] },
        },
        { projectId: "beta", tasks: { totalCount: 0, nodes: [] } },
      ],
    },
  });
});

it("shows which reservations end within the hour, the first first", async () => {
  expect(await ask("EndingReservations")).toMatchObject({
    reservations: {
      nodes: [
        { projectId: "beta", branchName: "sooner" },
        { projectId: "alpha", branchName: "soon" },
      ],
    },
  });
});

it("shows what has waited longest", async () => {
  const nodes = [
    { projectId: "beta", taskId: "TASK-001" },
    { projectId: "alpha", taskId: "TASK-003" },
    { projectId: "alpha", taskId: "TASK-004" },
  ];
  expect(await ask("WaitingLongest")).toMatchObject({ tasks: { nodes } });
});

it("shows which tasks failed most", async () => {
  expect(await ask("FailedMost")).toEqual({
    tasks: {
      nodes: [
        // TASK-003 was given back twice, which is no failure.
        {
          projectId: "alpha",
          taskId: "TASK-004",
          failedAttempts: 1,
          attemptCount: 1,
          attempts: [{ worker: "ben", outcome: "EXPIRED", notes: null }],
        },
      ],
    },
  });
});

it("ranks tasks by the attempts that failed, however often others were given back", async () => {
  const server = await startTestServer();
  const owner = await connectOwner(server.test);
  await server.ask(
    `mutation { addTasks(input: {projectId: "alpha", createProject: true, tasks: [{description: "a"}, {description: "b"}, {description: "c"}]}) { taskIds } }`,
  );
  const set = (taskId: string, status: string) =>
    server.ask(
      `mutation { updateTaskStatus(input: {projectId: "alpha", taskId: "${taskId}", status: ${status}}) { replayed } }`,
    );
  const fail = async (taskId: string) => {
    await set(taskId, "IN_PROGRESS");
    await owner.pass(100 * 3600);
    await expireLeases({ db: server.database, viewer: SERVER, correlationId: "leases" });
  };
  const giveBack = async (taskId: string) => {
    await set(taskId, "IN_PROGRESS");
    await set(taskId, "PENDING");
    // What was given back without a checkpoint waits, and is parked in the end.
    await server.ask(`mutation { unparkTask(input: {projectId: "alpha", taskId: "${taskId}"}) { replayed } }`);
  };
  for (const taskId of ["TASK-001", "TASK-001", "TASK-001", "TASK-001", "TASK-002", "TASK-002"]) await giveBack(taskId);
  for (const taskId of ["TASK-002", "TASK-003", "TASK-003"]) await fail(taskId);
  expect(await server.ask(await question("FailedMost"))).toMatchObject({
    tasks: {
      nodes: [
        { taskId: "TASK-003", failedAttempts: 2, attemptCount: 2 },
        { taskId: "TASK-002", failedAttempts: 1, attemptCount: 3 },
      ],
    },
  });
  // Those without a failure last, where nobody leaves them out.
  const all = await server.ask(
    "{ tasks(orderBy: {field: FAILED_ATTEMPTS, direction: DESC}) { nodes { taskId failedAttempts } } }",
  );
  expect(all).toMatchObject({ tasks: { nodes: [{}, {}, { taskId: "TASK-001", failedAttempts: 0 }] } });
});

it("tells what this worker did since yesterday", async () => {
  const did = await ask("WhatAgent1Did");
  expect(did).toMatchObject({
    tasks: {
      nodes: [
        { taskId: "TASK-003", status: "PENDING", attempts: [{ worker: "ben" }, { worker: "agent-1" }] },
        { taskId: "TASK-001", status: "COMPLETED", attempts: [{ worker: "agent-1", outcome: "COMPLETED" }] },
      ],
    },
  });
});
