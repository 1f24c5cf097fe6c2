import { expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { rest } from "../support/rest.ts";
import { makeProject, shareServer } from "../support/server.ts";

const shared = shareServer();

test("GET /tasks follows its pages, and goes on behind a limit", async () => {
  const server = await makeProject(
    shared.server,
    Array.from({ length: 250 }, (_, i) => `work ${i}`),
  );
  const list = async (more = "") => (await rest(server, `GET /tasks?project=${server.projectId}${more}`)).body;
  const all = await list();
  expect(all).toMatchObject({ count: 250, total: 250 });
  expect(Object.keys(all)).toEqual(["success", "tasks", "count", "total"]);
  const seen: unknown[] = [];
  let cursor = "";
  for (const count of [120, 120, 10]) {
    const page = await list(`&limit=120${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    expect(page).toMatchObject({ success: true, count, total: 250 });
    seen.push(...(page["tasks"] as unknown[]));
    cursor = String(page["next_cursor"] ?? "");
  }
  expect(cursor).toBe("");
  expect(seen).toEqual(all["tasks"]);
});

test("GET /tasks ends an answer after 16 MB, and says where it goes on", async () => {
  const server = await makeProject(shared.server, []);
  await shared.owner.query(
    `INSERT INTO tasks (project_id, task_id, description, context_notes)
     SELECT $1, artifact_id('TASK', n), repeat('y', 100000), repeat('x', 100000) FROM generate_series(1, 90) n`,
    [server.projectId],
  );
  const first = (await rest(server, `GET /tasks?project=${server.projectId}`)).body;
  expect(first).toMatchObject({ truncated: true, total: 90, next_cursor: expect.any(String) });
  const count = Number(first["count"]);
  expect(JSON.stringify(first).length).toBeGreaterThan(16_500_000);
  expect(JSON.stringify(first).length).toBeLessThan(16 * 1024 * 1024 + 200);
  const others = (await rest(server, `GET /tasks?project=${server.projectId}&cursor=${first["next_cursor"]}`)).body;
  expect(others).toMatchObject({ count: 90 - count, total: 90 });
  expect(others).not.toHaveProperty("truncated");
  await eventually(() => {
    const line = shared.server.logged.findLast(({ path }) => path === "/tasks");
    expect(line).toMatchObject({ status_code: 200, level: "info", operation: "RestListTasks" });
  });
});
