import { expect, it } from "vitest";
import { registerIds } from "../../src/ids/register.ts";
import { takeId } from "../../src/ids/take-id.ts";
import { createProject } from "../../src/projects/create.ts";
import { updateProject } from "../../src/projects/update.ts";
import { addTasks } from "../../src/tasks/add.ts";
import type { VerbTest } from "../support/verbs.ts";
import { share, withProjects } from "./projects.ts";

const ADMIN = { role: "admin" } as const;
const US = { projectId: "alpha", artifactType: "US" };

const register = (t: VerbTest, ...ids: string[]) => registerIds(t.as(), { projectId: "alpha", ids });
const add = (t: VerbTest, ...tasks: { taskId?: string; artifactId?: string; description?: string }[]) =>
  addTasks(t.as(), { projectId: "alpha", tasks: tasks.map((task) => ({ description: "x", ...task })) });
const refused = (id: string, highest: string | null) => ({
  code: "BAD_USER_INPUT",
  details: { id, highest, idJumpLimit: 10_000 },
});

it("registers up to 10,000 above the highest number and nothing beyond, all or none", async () => {
  const t = await withProjects("alpha");
  await expect(register(t, "US-001", "US-10001")).rejects.toMatchObject(refused("US-10001", null));
  expect(await takeId(t.as(), US)).toMatchObject({ id: "US-001" });
  await expect(register(t, "EPIC-001", "US-10002")).rejects.toMatchObject(refused("US-10002", "US-001"));
  expect((await t.owner.query("SELECT FROM id_registry WHERE artifact_type = 'EPIC'")).rowCount).toBe(0);
  expect(await register(t, "US-10001")).toMatchObject({ registered: ["US-10001"] });
  await expect(register(t, "US-2147483647")).rejects.toThrow(
    /US-2147483647 lies 2147473646 above US-10001.*10000 is the most.*slip.*allowJump: true.*idJumpLimit/s,
  );
  expect(await takeId(t.as(), US)).toMatchObject({ id: "US-10002" });
});

it("counts the task IDs and artifact IDs of new tasks too", async () => {
  const t = await withProjects("alpha");
  await expect(add(t, {}, { taskId: "TASK-20261125" })).rejects.toMatchObject(refused("TASK-20261125", null));
  await expect(add(t, { artifactId: "HLS-2147483647" })).rejects.toMatchObject(refused("HLS-2147483647", null));
  const { tasks } = await add(t, { taskId: "TASK-10000" }, { artifactId: "HLS-10000" });
  expect(tasks.map(({ taskId }) => taskId)).toEqual(["TASK-10000", "TASK-10001"]);
});

it("starts from the highest living task of plain SQL where that is higher", async () => {
  const t = await withProjects();
  await share(t, "joint", "alpha", "beta");
  await t.owner.query(`INSERT INTO tasks (project_id, task_id, description, deleted_at)
    VALUES ('beta', 'TASK-30000', 'x', NULL), ('beta', 'TASK-90000', 'x', now()), ('beta', 'US-90000', 'x', NULL)`);
  await expect(register(t, "TASK-40001")).rejects.toMatchObject(refused("TASK-40001", "TASK-30000"));
  expect(await register(t, "TASK-40000")).toMatchObject({ registered: ["TASK-40000"] });
});

it("lets an admin jump who says so, and nobody else", async () => {
  const t = await withProjects("alpha");
  const ids = ["US-2000000000"];
  const jump = { projectId: "alpha", ids, allowJump: true };
  await expect(registerIds(t.as(), jump)).rejects.toMatchObject({ code: "FORBIDDEN" });
  await expect(registerIds(t.as(ADMIN), { projectId: "alpha", ids })).rejects.toThrow("allowJump: true");
  expect(await registerIds(t.as(ADMIN), jump)).toMatchObject({ registered: ids });
  const tasks = [{ description: "x", taskId: "TASK-50000" }];
  const added = { projectId: "alpha", tasks, allowJump: true };
  await expect(addTasks(t.as(), added)).rejects.toMatchObject({ code: "FORBIDDEN" });
  expect(await addTasks(t.as(ADMIN), added)).toMatchObject({ tasks: [{ taskId: "TASK-50000" }] });
});

it("lets the admin of one project neither jump nor change the limit for others who share its namespace", async () => {
  const t = await withProjects();
  await share(t, "joint", "alpha", "beta");
  const jump = { projectId: "alpha", ids: ["US-50000"], allowJump: true };
  const limited = t.as({ ...ADMIN, projectIds: ["alpha"] });
  await expect(registerIds(limited, jump)).rejects.toMatchObject({ code: "FORBIDDEN" });
  const raise = { projectId: "alpha", idJumpLimit: 100_000 };
  await expect(updateProject(limited, raise)).rejects.toMatchObject({ code: "FORBIDDEN" });
  await updateProject(t.as({ ...ADMIN, projectIds: ["alpha", "beta"] }), raise);
  expect(await register(t, "US-100000")).toMatchObject({ registered: ["US-100000"] });
});

it("obeys the project's own limit, which takes an admin to set", async () => {
  const t = await withProjects();
  const alpha = { projectId: "alpha", name: "Alpha" };
  await expect(createProject(t.as(), { ...alpha, idJumpLimit: 5 })).rejects.toMatchObject({ code: "FORBIDDEN" });
  for (const idJumpLimit of [0, 2 ** 31])
    await expect(createProject(t.as(ADMIN), { ...alpha, idJumpLimit })).rejects.toThrow("from 1 to 2147483647");
  await createProject(t.as(ADMIN), { ...alpha, idJumpLimit: 5 });
  await expect(register(t, "US-006")).rejects.toMatchObject({ details: { idJumpLimit: 5 } });
  expect(await register(t, "US-005")).toMatchObject({ registered: ["US-005"] });
  await updateProject(t.as(ADMIN), { projectId: "alpha", idJumpLimit: 2 ** 31 - 1 });
  expect(await register(t, "US-2147483647")).toMatchObject({ registered: ["US-2147483647"] });
  expect((await t.events()).map(({ payload }) => payload["changes"])).toContainEqual({
    idJumpLimit: { old: 5, new: 2 ** 31 - 1 },
  });
});
