import { expect, it } from "vitest";
import { figuresOf, goals, report } from "../../bench/tokens/report.ts";
import { countAll } from "../../bench/tokens/run.ts";
import { makeTasks, todoFile } from "../../bench/tokens/todo.ts";
import { createRequest } from "../../client/request.ts";
import { tools } from "../../mcp/registry.ts";
import { connectOwner } from "../support/owner.ts";
import { startTestServer } from "../support/server.ts";

it("counts what a real session of a real client is shown, and leaves its work in the database", async () => {
  const server = await startTestServer();
  const owner = await connectOwner(server.test);
  const { url, agentKey: apiKey } = server;
  const request = createRequest({ url, apiKey, clientId: "bench" });
  const result = await countAll({ url, apiKey, request, owner }, { sizes: [50], cycles: 2 });

  expect(result.definitions.tools).toBe(tools.length);
  expect(result.definitions.outputSchemas).toBeGreaterThan(0);
  const [session] = result.sessions;
  expect(session?.calls.map(({ tool }) => tool)).toEqual(
    Array.from({ length: 2 }, () => [
      ...["get_next_task", "renew_task_lease", "reserve_id_range", "confirm_reservation", "update_task_status"],
    ]).flat(),
  );
  for (const { request: asked, answer, structured } of session?.calls ?? [])
    expect([asked > 5, answer > 20, structured]).toEqual([true, true, answer]);

  const { rows } = await owner.query<{ status: string; count: number }>(
    "SELECT status, count(*)::int FROM tasks WHERE project_id = 'shop-1' GROUP BY status ORDER BY status",
  );
  const held = (status: string) => makeTasks(50, 3).filter((task) => task.status === status).length;
  expect(rows).toEqual([
    { status: "completed", count: held("completed") + 2 },
    { status: "in_progress", count: 3 },
    { status: "pending", count: held("pending") - 2 },
  ]);
  const { rows: confirmed } = await owner.query(
    "SELECT 1 FROM id_reservations WHERE project_id = 'shop-1' AND confirmed_at IS NOT NULL",
  );
  expect(confirmed).toHaveLength(2);

  expect(goals(result)).toHaveLength(1);
  expect(figuresOf(result).map(({ value }) => value)).not.toContain(Number.NaN);
  expect(report(result)).not.toMatch(/NaN|Infinity|undefined/);
});

it("makes the same checklist in every run, with each task once and three under way", () => {
  const file = todoFile(makeTasks(500, 3));
  expect(todoFile(makeTasks(500, 3))).toBe(file);
  const boxes = [...file.matchAll(/^- \[(.)\] (TASK-\d+)/gm)];
  expect(new Set(boxes.map(([, , id]) => id)).size).toBe(500);
  expect(boxes).toHaveLength(500);
  expect(boxes.filter(([, box]) => box === "~")).toHaveLength(3);
});
