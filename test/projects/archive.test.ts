import { describe, expect, it } from "vitest";
import { takeId } from "../../src/ids/take-id.ts";
import { archiveProject, unarchiveProject } from "../../src/projects/archive.ts";
import { addTasks } from "../../src/tasks/add.ts";
import { claimNextTask } from "../../src/tasks/claim-next.ts";
import { nextOf, subscribe } from "../support/event-stream.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { seedTasks, type VerbTest, verbTest } from "../support/verbs.ts";
import { OWN_LOCK } from "../support/waiting.ts";

const OVERVIEW = `{
  projects { totalCount nodes { projectId } }
  tasks { totalCount nodes { projectId } }
  others: tasks(filter: {or: [{text: "work"}, {priority: {gte: 0}}]}) { nodes { projectId } }
  ready: tasks(filter: {ready: true}) { nodes { projectId } }
  statusCounts { count }
  reservations { totalCount nodes { projectId } }
}`;
const NAMED = `{
  project(projectId: "alpha") { archivedAt taskCounts { status count } tasks { totalCount } }
  projects(archived: true) { totalCount nodes { projectId } }
  tasks(filter: {projects: ["alpha"]}) { totalCount }
  either: tasks(filter: {or: [{projects: ["alpha"]}, {priority: {gte: 0}}]}) { totalCount }
  ready: tasks(filter: {projects: ["alpha"], ready: true}) { totalCount }
  statusCounts(projects: ["alpha"]) { status count }
  reservations(filter: {projects: ["alpha"]}) { totalCount }
}`;

/** What the archived project has: two tasks done or under way, one waiting, and a reservation. */
async function archivedAlpha(server: TestServer) {
  const session = { client: "s1" };
  const admin = { key: server.adminKey };
  await server.ask(
    `mutation { addTasks(input: {projectId: "alpha", createProject: true, tasks: [{description: "work"}, {description: "work"}, {description: "work"}]}) { replayed }
      other: addTasks(input: {projectId: "beta", createProject: true, tasks: [{description: "work"}]}) { replayed } }`,
  );
  const take = `mutation { claimNextTask(input: {projectId: "alpha"}) { attempt } }`;
  await server.ask(take, {}, session);
  await server.ask(
    `mutation { completeAndClaimNext(input: {projectId: "alpha", taskId: "TASK-001"}) { attempt } }`,
    {},
    session,
  );
  const reserve = `mutation { reserveIds(input: {projectId: "alpha", artifactType: "US", idempotencyKey: "k1"}) { replayed reservedIds reservation { reservationId } } }`;
  const { reserveIds } = await server.ask<{
    reserveIds: { reservedIds: string[]; reservation: { reservationId: string } };
  }>(reserve, {}, session);
  const archive = `mutation { archiveProject(input: {projectId: "alpha"}) { project { archivedAt version } } }`;
  const { archiveProject } = await server.ask<{ archiveProject: { project: { archivedAt: string } } }>(
    archive,
    {},
    admin,
  );
  return { session, admin, reserve, archive, reserveIds, archivedAt: archiveProject.project.archivedAt };
}

describe("an archived project", () => {
  it("leaves every overview, keeps all it has, and is found where it is named", async () => {
    const server = await startTestServer();
    const { archivedAt } = await archivedAlpha(server);
    const limited = (await server.makeKey({ name: "limited", projectIds: ["alpha", "beta"] })).secret;
    for (const key of [server.agentKey, limited]) {
      expect(await server.ask(OVERVIEW, {}, { key })).toEqual({
        projects: { totalCount: 1, nodes: [{ projectId: "beta" }] },
        tasks: { totalCount: 1, nodes: [{ projectId: "beta" }] },
        others: { nodes: [{ projectId: "beta" }] },
        ready: { nodes: [{ projectId: "beta" }] },
        statusCounts: [{ count: 1 }, { count: 0 }, { count: 0 }],
        reservations: { totalCount: 1, nodes: [{ projectId: "beta" }] },
      });
      const counts = ["PENDING", "IN_PROGRESS", "COMPLETED"].map((status) => ({ status, count: 1 }));
      expect(await server.ask(NAMED, {}, { key })).toEqual({
        project: { archivedAt, taskCounts: counts, tasks: { totalCount: 3 } },
        projects: { totalCount: 1, nodes: [{ projectId: "alpha" }] },
        tasks: { totalCount: 3 },
        either: { totalCount: 4 },
        ready: { totalCount: 0 },
        statusCounts: counts,
        reservations: { totalCount: 2 },
      });
      const watched = async (args: string) => {
        const query = `subscription { projectStatus${args} { projects { projectId archivedAt } } }`;
        const { events, leave } = await subscribe(server.url, query, { key });
        const { data } = JSON.parse((await nextOf(events)).data);
        leave();
        return data.projectStatus.projects;
      };
      expect(await watched("")).toEqual([{ projectId: "beta", archivedAt: null }]);
      expect(await watched('(projects: ["alpha"])')).toEqual([{ projectId: "alpha", archivedAt }]);
    }
  });

  it("refuses claims, new work and new IDs, and tells what to do", async () => {
    const server = await startTestServer();
    const { session } = await archivedAlpha(server);
    const refused = [
      `mutation { claimNextTask(input: {projectId: "alpha"}) { attempt } }`,
      `mutation { updateTaskStatus(input: {projectId: "alpha", taskId: "TASK-003", status: IN_PROGRESS}) { attempt } }`,
      `mutation { updateTaskStatus(input: {projectId: "alpha", taskId: "TASK-001", status: PENDING, reset: true}) { replayed } }`,
      `mutation { addTasks(input: {projectId: "alpha", tasks: [{description: "more"}]}) { taskIds } }`,
      `mutation { addTasks(input: {projectId: "beta", tasks: [{description: "more"}, {projectId: "alpha", description: "more"}]}) { taskIds } }`,
      `mutation { addTasks(input: {projectId: "alpha", createProject: true, tasks: [{description: "more"}]}) { taskIds } }`,
      `mutation { reserveIds(input: {projectId: "alpha", artifactType: "US"}) { reservedIds } }`,
      `mutation { takeId(input: {projectId: "alpha", artifactType: "US", createProject: true}) { id } }`,
      `mutation { registerIds(input: {projectId: "alpha", ids: ["US-100"]}) { registered } }`,
      ...["PENDING", "IN_PROGRESS", "COMPLETED"].map(
        (status) => `{ nextTask(projectId: "alpha", status: ${status}) { task { taskId } } }`,
      ),
    ];
    for (const document of refused)
      expect([document, (await server.gql(document, {}, session)).errors]).toEqual([
        document,
        [
          expect.objectContaining({
            message: expect.stringMatching(/^Project alpha is archived: .*unarchiveProject\.$/),
            extensions: { code: "PROJECT_ARCHIVED", projectId: "alpha", retryable: false },
          }),
        ],
      ]);
    // With nothing left to claim, too.
    await server.database.write("UPDATE tasks SET deleted_at = docket_now() WHERE task_id = 'TASK-003'");
    expect((await server.gql(refused[0] ?? "", {}, session)).errors).toMatchObject([
      { extensions: { code: "PROJECT_ARCHIVED" } },
    ]);
    const { rows } = await server.database.pool.query("SELECT count(*)::int AS tasks FROM tasks");
    expect(rows).toEqual([{ tasks: 4 }]);
  });

  it("lets what is held be finished, and answers again what it answered before", async () => {
    const server = await startTestServer();
    const { session, reserve, reserveIds } = await archivedAlpha(server);
    const { reservationId } = reserveIds.reservation;
    expect(
      await server.ask(
        `mutation { renewTaskLease(input: {projectId: "alpha", taskId: "TASK-002", checkpoint: {at: 1}}) { replayed }
          confirmReservation(input: {reservationId: "${reservationId}"}) { reservation { status } }
          completeAndClaimNext(input: {projectId: "alpha", taskId: "TASK-002"}) { completed { status } attempt idle { message pending held } } }`,
        {},
        session,
      ),
    ).toEqual({
      renewTaskLease: { replayed: false },
      confirmReservation: { reservation: { status: "CONFIRMED" } },
      completeAndClaimNext: {
        completed: { status: "COMPLETED" },
        attempt: null,
        idle: { message: expect.stringContaining("Project alpha is archived"), pending: 0, held: 0 },
      },
    });
    expect(await server.ask(reserve, {}, session)).toEqual({ reserveIds: { ...reserveIds, replayed: true } });
  });

  it("comes back as it was; archiving and its undoing leave one event each and do nothing twice", async () => {
    const server = await startTestServer();
    const { session, admin, archive, archivedAt } = await archivedAlpha(server);
    expect(await server.ask(archive, {}, admin)).toEqual({ archiveProject: { project: { archivedAt, version: 2 } } });
    const back = `mutation { unarchiveProject(input: {projectId: "alpha"}) { project { archivedAt version } } }`;
    for (let i = 0; i < 2; i++)
      expect(await server.ask(back, {}, admin)).toEqual({
        unarchiveProject: { project: { archivedAt: null, version: 3 } },
      });
    const { claimNextTask } = await server.ask<{ claimNextTask: { task: { taskId: string } } }>(
      `mutation { claimNextTask(input: {projectId: "alpha"}) { task { taskId } } }`,
      {},
      session,
    );
    expect(claimNextTask.task).toEqual({ taskId: "TASK-003" });
    const { events } = await server.ask<{ events: { events: object[] } }>(
      `{ events(filter: {types: ["project.archived", "project.unarchived"]}) { events { type subjectId changes { field old new } } } }`,
    );
    expect(events.events).toEqual([
      {
        type: "project.archived",
        subjectId: "alpha",
        changes: [{ field: "archivedAt", old: null, new: expect.anything() }],
      },
      {
        type: "project.unarchived",
        subjectId: "alpha",
        changes: [{ field: "archivedAt", old: expect.anything(), new: null }],
      },
    ]);
    const stale = `mutation { archiveProject(input: {projectId: "alpha", expectedVersion: 1}) { replayed } }`;
    expect((await server.gql(stale, {}, admin)).errors).toMatchObject([{ extensions: { code: "VERSION_CONFLICT" } }]);
  });
});

describe("archiving under load", () => {
  const admin = { role: "admin" as const };

  /** Works on the project until it is refused. */
  async function workUntilRefused(t: VerbTest, work: () => Promise<unknown>): Promise<unknown> {
    for (;;) {
      const refusal = await work().then(
        () => undefined,
        (error: unknown) => error,
      );
      if (refusal !== undefined) return (refusal as { code?: unknown }).code;
      await t.database.read("SELECT 1");
    }
  }

  it("is waited for by claims, new tasks and new IDs, and waits for them: none is after it in the log", async () => {
    const t = await verbTest();
    await seedTasks(t, "alpha", 1_000);
    const add = () => addTasks(t.as(), { projectId: "alpha", tasks: [{ description: "more" }] });
    const claim = () => claimNextTask(t.as(), { projectId: "alpha" });
    const give = () => takeId(t.as(), { projectId: "alpha", artifactType: "US" });
    for (let round = 1; round <= 3; round++) {
      const workers = [claim, claim, claim, claim, claim, claim, add, add, give, give];
      const refusals = workers.map((work) => workUntilRefused(t, work));
      await claim();
      await add();
      await archiveProject(t.as(admin), { projectId: "alpha" });
      // DK001 is the trigger's own word for it, until the error is presented.
      for (const code of await Promise.all(refusals)) expect(code).toMatch(/^(DK001|PROJECT_ARCHIVED)$/);
      const events = await t.events();
      expect([round, events.at(-1)?.type]).toEqual([round, "project.archived"]);
      expect(events.filter(({ type }) => type === "task.claimed").length).toBeGreaterThan(round);
      await unarchiveProject(t.as(admin), { projectId: "alpha" });
    }
  });

  it("waits for a claim that is not committed yet, and is refused by the database to plain SQL after that", async () => {
    const t = await verbTest();
    await seedTasks(t, "alpha", 2);
    await t.owner.query("BEGIN");
    await t.owner.query("UPDATE tasks SET status = 'in_progress' WHERE task_id = 'TASK-001'");
    const archived = archiveProject(t.as(admin), { projectId: "alpha" });
    await expect
      .poll(
        async () =>
          (await t.database.read(`SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND ${OWN_LOCK}`))
            .length,
      )
      .toBe(1);
    await t.owner.query("COMMIT");
    await archived;
    for (const statement of [
      "UPDATE tasks SET status = 'in_progress' WHERE task_id = 'TASK-002'",
      "INSERT INTO tasks (project_id, task_id, description) VALUES ('alpha', 'TASK-003', 'more')",
    ])
      await expect(t.owner.query(statement)).rejects.toMatchObject({ code: "DK001", detail: "alpha" });
    await t.owner.query("UPDATE tasks SET status = 'completed' WHERE task_id = 'TASK-001'");
  });
});
