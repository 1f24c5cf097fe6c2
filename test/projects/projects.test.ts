import { expect, it } from "vitest";
import { archiveProject, unarchiveProject } from "../../src/projects/archive.ts";
import { createProject } from "../../src/projects/create.ts";
import { listProjects } from "../../src/projects/list.ts";
import { updateProject } from "../../src/projects/update.ts";
import { verbTest } from "../support/verbs.ts";

const admin = { role: "admin" as const };

it("tells what changed, old and new, the reuse of the namespace too, and nothing that did not", async () => {
  const t = await verbTest();
  await createProject(t.as(admin), { projectId: "alpha", name: "Alpha", leaseSeconds: 60 });
  const change = {
    projectId: "alpha",
    name: "Alpha",
    leaseSeconds: 90,
    idReuse: "after" as const,
    idQuarantineSeconds: 30,
  };
  await updateProject(t.as(admin), change);
  await updateProject(t.as(admin), change);
  const events = await t.events();
  expect(events.map(({ type }) => type)).toEqual(["project.created", "project.configured"]);
  expect(events[1]?.payload).toEqual({
    changes: {
      leaseSeconds: { old: 60, new: 90 },
      idReuse: { old: "IMMEDIATELY", new: "AFTER" },
      idQuarantineSeconds: { old: null, new: 30 },
    },
  });
});

it("tells the whole of a new project, also what it was not given", async () => {
  const t = await verbTest();
  const shared = { idNamespace: "shared", idReuse: "after", idQuarantineSeconds: 30 } as const;
  await createProject(t.as(admin), { projectId: "alpha", name: "Alpha", leaseSeconds: 60, ...shared });
  await createProject(t.as(admin), { projectId: "beta", name: "Beta", idNamespace: "shared", artifactTypes: ["SPEC"] });
  const limits = {
    maxInProgress: null,
    maxInProgressPerWorker: null,
    maxAttempts: 5,
    retrySeconds: 15,
    stalledAfterSeconds: 3_600,
    budget: null,
    raisePriorityBefore: null,
  };
  const settings = { leaseSeconds: 3_600, artifactTypes: [], idJumpLimit: 10_000, ...limits };
  const reuse = { idNamespace: "shared", idReuse: "AFTER", idQuarantineSeconds: 30 };
  expect((await t.events()).map(({ payload }) => payload)).toEqual([
    { project: { projectId: "alpha", name: "Alpha", ...settings, leaseSeconds: 60, ...reuse } },
    { project: { projectId: "beta", name: "Beta", ...settings, artifactTypes: ["SPEC"], ...reuse } },
  ]);
});

it("refuses a quarantine without saying that numbers are given again after one", async () => {
  const t = await verbTest();
  for (const idQuarantineSeconds of [0, 30])
    await expect(
      createProject(t.as(admin), { projectId: "alpha", name: "Alpha", idQuarantineSeconds }),
    ).rejects.toThrow("idReuse AFTER needs idQuarantineSeconds (more than 0), and only AFTER takes it.");
});

it("tells to the microsecond when a project was archived", async () => {
  const t = await verbTest();
  await createProject(t.as(admin), { projectId: "alpha", name: "Alpha" });
  await t.owner.query("SET TIME ZONE 'UTC'");
  await archiveProject(t.as(admin), { projectId: "alpha" });
  const { rows } = await t.owner.query("SELECT to_jsonb(archived_at) AS at FROM projects");
  await unarchiveProject(t.as(admin), { projectId: "alpha" });
  const [, archived, unarchived] = await t.events();
  expect(archived?.payload).toEqual({ changes: { archivedAt: { old: null, new: rows[0].at } } });
  expect(unarchived?.payload).toEqual({ changes: { archivedAt: { old: rows[0].at, new: null } } });
});

it("tells every project of a shared namespace when its reuse changes", async () => {
  const t = await verbTest();
  for (const projectId of ["alpha", "beta"])
    await createProject(t.as(admin), { projectId, name: projectId, idNamespace: "shared" });
  await updateProject(t.as(admin), { projectId: "alpha", name: "Alpha", idReuse: "never" });
  const events = await t.events();
  const idReuse = { old: "IMMEDIATELY", new: "NEVER" };
  expect(events.slice(-2)).toMatchObject([
    { type: "project.configured", project_id: "alpha", payload: { changes: { name: { old: "alpha" }, idReuse } } },
    { type: "project.configured", project_id: "beta", payload: { changes: { idReuse } } },
  ]);
});

it.each([
  ["an id that is no slug", { projectId: "Alpha!", name: "x" }, "must be 1 to 100 of a-z"],
  ["no name", { projectId: "beta", name: "" }, "name must have 1 to 200"],
  ["a lease of no length", { projectId: "beta", name: "x", leaseSeconds: 0 }, "from 1 to 604800"],
  ["a type that is none", { projectId: "beta", name: "x", artifactTypes: ["a1"] }, "2 to 10 letters"],
  ["a quarantine without AFTER", { projectId: "beta", name: "x", idQuarantineSeconds: 5 }, "idReuse AFTER"],
  ["an id that exists", { projectId: "alpha", name: "x" }, "already exists"],
  ["another project's own namespace", { projectId: "beta", name: "x", idNamespace: "alpha" }, "cannot be shared"],
])("refuses %s and says what would be right", async (_what, input, message) => {
  const t = await verbTest();
  await createProject(t.as(admin), { projectId: "alpha", name: "Alpha" });
  await expect(createProject(t.as(admin), input)).rejects.toMatchObject({
    code: "BAD_USER_INPUT",
    message: expect.stringContaining(message),
  });
});

it("refuses a project whose own namespace would be one that others share", async () => {
  const t = await verbTest();
  await createProject(t.as(admin), { projectId: "alpha", name: "Alpha", idNamespace: "together" });
  await expect(createProject(t.as(admin), { projectId: "together", name: "x" })).rejects.toThrow(
    "already called together",
  );
});

it("lets agents create projects of their own namespace only, and limited keys none", async () => {
  const t = await verbTest();
  await createProject(t.as(), { projectId: "alpha", name: "Alpha" });
  const shared = createProject(t.as(), { projectId: "beta", name: "Beta", idNamespace: "together" });
  await expect(shared).rejects.toMatchObject({ code: "FORBIDDEN" });
  const limited = createProject(t.as({ ...admin, projectIds: ["beta"] }), { projectId: "beta", name: "Beta" });
  await expect(limited).rejects.toMatchObject({ code: "FORBIDDEN" });
  await expect(updateProject(t.as(), { projectId: "alpha", name: "x" })).rejects.toMatchObject({ code: "FORBIDDEN" });
});

it("refuses a change that expected another version, and one of a shared namespace that reaches beyond the key", async () => {
  const t = await verbTest();
  for (const projectId of ["alpha", "beta"])
    await createProject(t.as(admin), { projectId, name: projectId, idNamespace: "together" });
  const stale = updateProject(t.as(admin), { projectId: "alpha", name: "x", expectedVersion: 7 });
  await expect(stale).rejects.toThrow("Project was modified by another client (expected version 7, current version 1)");
  const beyond = updateProject(t.as({ ...admin, projectIds: ["alpha"] }), { projectId: "alpha", idReuse: "never" });
  await expect(beyond).rejects.toMatchObject({ code: "FORBIDDEN", message: expect.not.stringContaining("beta") });
});

it("lists the visible projects in pages", async () => {
  const t = await verbTest();
  for (const projectId of ["c", "a", "b"]) await createProject(t.as(), { projectId, name: projectId });
  const first = await listProjects(t.as(), { first: 2 });
  expect(first.edges.map(({ node }) => node.projectId)).toEqual(["a", "b"]);
  const second = await listProjects(t.as(), { first: 2, after: first.pageInfo.endCursor });
  expect(second.edges.map(({ node }) => node.projectId)).toEqual(["c"]);
  const limited = await listProjects(t.as({ projectIds: ["b"] }), {});
  expect([limited.edges.length, await limited.totalCount()]).toEqual([1, 1]);
});

it.each([
  ["leaseSeconds", 604_800],
  ["idJumpLimit", 2_147_483_647],
  ["maxInProgress", 10_000],
  ["maxInProgressPerWorker", 10_000],
  ["maxAttempts", 100],
  ["retrySeconds", 3_600],
  ["stalledAfterSeconds", 604_800],
] as const)("takes %s from 1 to %i, and nothing beyond", async (name, most) => {
  const t = await verbTest();
  await createProject(t.as(admin), { projectId: "alpha", name: "Alpha" });
  const set = (value: number) => updateProject(t.as(admin), { projectId: "alpha", [name]: value });
  for (const value of [1, most]) {
    await set(value);
    const { rows } = await t.owner.query("SELECT (settings ->> $1)::bigint::float8 AS kept FROM projects", [name]);
    expect(rows).toEqual([{ kept: value }]);
  }
  for (const value of [0, most + 1])
    await expect(set(value)).rejects.toThrow(`${name} is ${value}; it must be from 1 to ${most}`);
});
