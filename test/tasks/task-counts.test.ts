import { describe, expect, it } from "vitest";
import type { Owner } from "../support/owner.ts";
import { addAttempt, addTask, archive, refusals, startWith } from "./day-of-work.ts";

describe("taskCounts", () => {
  async function fill(owner: Owner) {
    await addTask(owner, "TASK-001", { labels: ["db", "ui"], kind: "research" });
    await addTask(owner, "TASK-002", { labels: ["db"], completed: "2026-03-02T10:00" });
    await addAttempt(owner, "TASK-002", {
      ...{ worker: "anna", claimed: "2026-03-02T09:00Z", ended: "2026-03-02T10:00Z", outcome: "completed" },
    });
    // Given back: it is nobody's now.
    await addTask(owner, "TASK-003", {});
    await addAttempt(owner, "TASK-003", {
      ...{ worker: "anna", claimed: "2026-03-02T09:00Z", ended: "2026-03-02T10:00Z", outcome: "released" },
    });
    await addTask(owner, "TASK-004", { deleted: true });
    await addTask(owner, "TASK-001", { project: "beta", status: "in_progress", holder: "ben" });
  }

  it.each([
    [
      "[PROJECT, STATUS]",
      "projectId status",
      [
        { projectId: "alpha", status: "COMPLETED", count: 1 },
        { projectId: "alpha", status: "PENDING", count: 2 },
        { projectId: "beta", status: "IN_PROGRESS", count: 1 },
      ],
    ],
    [
      "[LABEL]",
      "label",
      [
        { label: "db", count: 2 },
        { label: "ui", count: 1 },
        { label: null, count: 2 },
      ],
    ],
    [
      "[WORKER, KIND]",
      "worker kind",
      [
        { worker: "anna", kind: "TASK", count: 1 },
        { worker: "ben", kind: "TASK", count: 1 },
        { worker: null, kind: "RESEARCH", count: 1 },
        { worker: null, kind: "TASK", count: 1 },
      ],
    ],
    ["[KIND, KIND]", "projectId status label worker", [{ count: 1 }, { count: 3 }]],
    ["[]", "", [{ count: 4 }]],
  ])("counts by %s", async (by, fields, expected) => {
    const { server, owner } = await startWith("alpha", "beta");
    await fill(owner);
    const { taskCounts } = await server.ask<{ taskCounts: unknown[] }>(`{ taskCounts(by: ${by}) { ${fields} count } }`);
    expect(taskCounts).toHaveLength(expected.length);
    expect(taskCounts).toMatchObject(expected);
  });

  it("counts what the filter lets through of the projects that a key sees, archived ones only if named", async () => {
    const { server, owner } = await startWith("alpha", "beta");
    await fill(owner);
    const counts = (args: string, key = server.agentKey) =>
      server.ask(`{ taskCounts(${args}, by: [PROJECT]) { projectId count } }`, {}, { key });
    expect(await counts('filter: {labels: {contains: "db"}}')).toEqual({
      taskCounts: [{ projectId: "alpha", count: 2 }],
    });
    const { secret } = await server.makeKey({ role: "reader", projectIds: ["beta"] });
    expect(await counts("filter: {}", secret)).toEqual({ taskCounts: [{ projectId: "beta", count: 1 }] });
    await archive(server, "beta");
    expect(await counts("filter: {}", secret)).toEqual({ taskCounts: [] });
    expect(await counts('filter: {projects: ["beta"]}', secret)).toEqual({
      taskCounts: [{ projectId: "beta", count: 1 }],
    });
    expect(await refusals(server, '{ taskCounts(filter: {projects: ["beta"]}, by: []) { count } }')).toEqual([
      "PROJECT_NOT_FOUND",
    ]);
  });

  it("refuses more groups than can be shown", async () => {
    const { server, owner } = await startWith("alpha");
    await owner.query(`INSERT INTO tasks (project_id, task_id, description, labels)
      SELECT 'alpha', 'TASK-' || 1000 + n, 'work', ARRAY['l' || n] FROM generate_series(1, 1001) n`);
    expect(await refusals(server, "{ taskCounts(by: [LABEL]) { count } }")).toEqual(["BAD_USER_INPUT"]);
    expect(await server.ask("{ taskCounts(by: [KIND]) { count } }")).toEqual({ taskCounts: [{ count: 1001 }] });
  });
});
