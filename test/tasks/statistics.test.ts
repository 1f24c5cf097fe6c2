import { describe, expect, it } from "vitest";
import { connectOwner, type Owner } from "../support/owner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

/** A server with projects of these names, and an owner's connection. */
async function startWith(...projects: string[]) {
  const server = await startTestServer();
  const owner = await connectOwner(server.test);
  for (const projectId of projects)
    await server.ask(
      'mutation ($projectId: ID!) { createProject(input: {projectId: $projectId, name: "P"}) { replayed } }',
      {
        projectId,
      },
    );
  return { server, owner };
}

interface Row {
  readonly project?: string;
  readonly status?: string;
  /** Moments of a day, like "2026-03-02T10:00". */
  readonly created?: string;
  readonly started?: string;
  readonly completed?: string;
  readonly labels?: readonly string[];
  readonly kind?: string;
  readonly holder?: string;
  readonly deleted?: boolean;
}

async function addTask(owner: Owner, taskId: string, row: Row) {
  await owner.query(
    `INSERT INTO tasks (project_id, task_id, description, status, created_at, started_at, completed_at, labels, kind, claimed_by, deleted_at)
     VALUES ($1, $2, 'work', $3, coalesce($4::timestamptz, docket_now()), $5::timestamptz, $6::timestamptz, $7, $8, $9, CASE WHEN $10 THEN docket_now() END)`,
    [
      row.project ?? "alpha",
      taskId,
      row.status ?? (row.completed === undefined ? "pending" : "completed"),
      row.created && `${row.created}Z`,
      row.started && `${row.started}Z`,
      row.completed && `${row.completed}Z`,
      row.labels ?? [],
      row.kind ?? "task",
      row.holder,
      row.deleted ?? false,
    ],
  );
}

interface AttemptRow {
  readonly project?: string;
  readonly worker: string;
  readonly number?: number;
  readonly claimed: string;
  readonly renewed?: string;
  readonly lease?: string;
  readonly ended?: string;
  readonly outcome?: string;
  readonly endedBy?: string;
}

async function addAttempt(owner: Owner, taskId: string, row: AttemptRow) {
  await owner.query(
    `INSERT INTO task_attempts (project_id, task_id, attempt, worker, actor, claimed_at, last_renewed_at, lease_expires_at, ended_at, outcome, ended_by)
     VALUES ($1, $2, $3, $4, 'x', $5::timestamptz, $6::timestamptz, $7::timestamptz, $8::timestamptz, $9, $10)`,
    [
      row.project ?? "alpha",
      taskId,
      row.number ?? 1,
      row.worker,
      row.claimed,
      row.renewed,
      row.lease ?? "infinity",
      row.ended,
      row.outcome,
      row.endedBy,
    ],
  );
  await owner.query("UPDATE tasks SET attempts = $3 WHERE project_id = $1 AND task_id = $2", [
    row.project ?? "alpha",
    taskId,
    row.number ?? 1,
  ]);
}

async function archive(server: TestServer, projectId: string) {
  await server.ask(
    "mutation ($projectId: ID!) { archiveProject(input: {projectId: $projectId}) { replayed } }",
    { projectId },
    { key: server.adminKey },
  );
}

/** Codes of the errors that a query of the field is refused with, by a key that sees only alpha. */
async function refusals(server: TestServer, ...queries: string[]) {
  const { secret: key } = await server.makeKey({ role: "reader", projectIds: ["alpha"] });
  const answers = await Promise.all(queries.map((query) => server.gql(query, {}, { key })));
  return answers.map(({ errors }) => errors?.[0]?.extensions["code"]);
}

describe("projectTrends", () => {
  const FIELDS =
    "projectId start created completed failed cycleSecondsMedian cycleSecondsP90 waitSecondsMedian waitSecondsP90";
  const NOTHING = {
    created: 0,
    completed: 0,
    failed: 0,
    cycleSecondsMedian: null,
    cycleSecondsP90: null,
    waitSecondsMedian: null,
    waitSecondsP90: null,
  };

  it("tells of every interval of each project what was created, completed and failed, and how long it took", async () => {
    const { server, owner } = await startWith("alpha", "beta");
    // Eleven tasks that took 0, 60, … 600 seconds each, after a wait of ten seconds.
    for (let minutes = 0; minutes <= 10; minutes++)
      await addTask(owner, `TASK-${100 + minutes}`, {
        created: "2026-03-02T10:00",
        started: "2026-03-02T10:00:10",
        completed: `2026-03-02T10:${String(minutes).padStart(2, "0")}:10`,
      });
    await addTask(owner, "TASK-201", { created: "2026-03-01T23:59:59" });
    await addTask(owner, "TASK-202", { created: "2026-03-03T00:00", deleted: true });
    await addTask(owner, "TASK-203", { created: "2026-03-03T12:00", completed: "2026-03-03T12:00" });
    await addTask(owner, "TASK-204", { project: "beta", created: "2026-03-04T00:00" });
    await addAttempt(owner, "TASK-201", {
      ...{ worker: "anna", claimed: "2026-03-02T09:00Z", ended: "2026-03-02T10:00Z", outcome: "expired" },
    });
    await addAttempt(owner, "TASK-201", {
      ...{ number: 2, worker: "anna", claimed: "2026-03-02T10:00Z", ended: "2026-03-02T11:00Z", outcome: "released" },
    });
    const trends = (interval: string, from: string, to: string) =>
      server.ask(`{ projectTrends(from: "${from}", to: "${to}", interval: ${interval}) { ${FIELDS} } }`);

    const at = (projectId: string, start: string) => ({ ...NOTHING, projectId, start });
    expect(await trends("DAY", "2026-03-02T15:30:00Z", "2026-03-04T00:00:00Z")).toEqual({
      projectTrends: [
        {
          ...at("alpha", "2026-03-02T00:00:00.000Z"),
          ...{ created: 11, completed: 11, failed: 1, cycleSecondsMedian: 300, cycleSecondsP90: 540 },
          ...{ waitSecondsMedian: 10, waitSecondsP90: 10 },
        },
        // One that was added as completed was never claimed.
        { ...at("alpha", "2026-03-03T00:00:00.000Z"), created: 1, completed: 1 },
        at("beta", "2026-03-02T00:00:00.000Z"),
        at("beta", "2026-03-03T00:00:00.000Z"),
      ],
    });
    expect(await trends("HOUR", "2026-03-02T09:10:00Z", "2026-03-02T10:00:01Z")).toMatchObject({
      projectTrends: [{ created: 0 }, { start: "2026-03-02T10:00:00.000Z", created: 11, failed: 1 }, {}, {}],
    });
    // 2 March 2026 is a Monday.
    expect(await trends("WEEK", "2026-03-01T00:00:00Z", "2026-03-04T00:00:01Z")).toMatchObject({
      projectTrends: [
        { start: "2026-02-23T00:00:00.000Z", created: 1 },
        { start: "2026-03-02T00:00:00.000Z", created: 12, completed: 12 },
        {},
        { projectId: "beta", created: 1 },
      ],
    });
  });

  it("tells of the last seven days by day, up to now, unless asked otherwise", async () => {
    const { server } = await startWith("alpha");
    await server.ask('mutation { addTasks(input: {projectId: "alpha", tasks: [{description: "work"}]}) { taskIds } }');
    const { projectTrends } = await server.ask<{ projectTrends: { created: number }[] }>(
      "{ projectTrends { start created } }",
    );
    expect(projectTrends.map(({ created }) => created)).toEqual([0, 0, 0, 0, 0, 0, 0, 1]);
  });

  it("leaves out deleted tasks together with the attempts at them that failed", async () => {
    const { server, owner } = await startWith("alpha");
    for (const [taskId, deleted] of [
      ["TASK-001", true],
      ["TASK-002", false],
    ] as const) {
      await addTask(owner, taskId, { created: "2026-03-02T10:00", started: "2026-03-02T10:00", deleted });
      await addAttempt(owner, taskId, {
        ...{ worker: "anna", claimed: "2026-03-02T10:00Z", ended: "2026-03-02T11:00Z", outcome: "expired" },
      });
    }
    expect(
      await server.ask('{ projectTrends(from: "2026-03-02", to: "2026-03-03") { created completed failed } }'),
    ).toEqual({ projectTrends: [{ created: 1, completed: 0, failed: 1 }] });
  });

  it("refuses a time that ends before it begins, and says what to do", async () => {
    const { server } = await startWith("alpha");
    for (const [args, reason] of [
      ['from: "-P1D", to: "-P2D"', /from \(-P1D\) is later than to \(-P2D\)/],
      ['from: "2026-03-02T15:00:00Z", to: "2026-03-02T14:00:00Z"', /exchange the two/],
      ['from: "9999-01-01"', /is later than to \(now\).*Begin earlier/],
    ] as const) {
      const { errors } = await server.gql(`{ projectTrends(${args}) { start } }`);
      expect(errors?.[0]).toMatchObject({
        message: expect.stringMatching(reason),
        extensions: { code: "BAD_USER_INPUT" },
      });
    }
    expect(await server.ask('{ projectTrends(from: "-P1D", to: "-PT1H") { completed } }')).toMatchObject({
      projectTrends: expect.arrayContaining([{ completed: 0 }]),
    });
  });

  it("shows what a key sees, archived projects only if named, and refuses more than can be shown", async () => {
    const { server } = await startWith("alpha", "beta", "gamma");
    const projects = async (args: string) => {
      const { projectTrends } = await server.ask<{ projectTrends: { projectId: string }[] }>(
        `{ projectTrends(from: "PT0S", ${args}) { projectId } }`,
      );
      return projectTrends.map(({ projectId }) => projectId);
    };
    await archive(server, "gamma");
    expect(await projects("interval: DAY")).toEqual(["alpha", "beta"]);
    expect(await projects('projects: ["gamma"]')).toEqual(["gamma"]);
    expect(await projects("projects: []")).toEqual([]);
    const { secret: key } = await server.makeKey({ role: "reader", projectIds: ["alpha", "gamma"] });
    expect(await server.ask('{ projectTrends(from: "PT0S") { projectId } }', {}, { key })).toEqual({
      projectTrends: [{ projectId: "alpha" }],
    });
    expect(
      await refusals(
        server,
        '{ projectTrends(projects: ["beta"]) { start } }',
        '{ projectTrends(projects: ["nowhere"]) { start } }',
        '{ projectTrends(from: "-P999Y", interval: HOUR) { start } }',
        '{ projectTrends(from: "last week") { start } }',
      ),
    ).toEqual(["PROJECT_NOT_FOUND", "PROJECT_NOT_FOUND", "BAD_USER_INPUT", "BAD_USER_INPUT"]);
  });
});

describe("workers", () => {
  it("tells who holds what, what became of their attempts since then, and when each was last seen", async () => {
    const { server, owner } = await startWith("alpha", "beta");
    for (const taskId of ["TASK-001", "TASK-002", "TASK-003", "TASK-004", "TASK-005", "TASK-006"])
      await addTask(owner, taskId, {});
    await addTask(owner, "TASK-001", { project: "beta" });
    const now = Date.now();
    const ago = (hours: number) => new Date(now - hours * 3_600_000).toISOString();
    await addAttempt(owner, "TASK-001", { worker: "anna", claimed: ago(9), renewed: ago(1) });
    await addAttempt(owner, "TASK-001", { project: "beta", worker: "anna", claimed: ago(8) });
    await addAttempt(owner, "TASK-002", { worker: "anna", claimed: ago(3), ended: ago(2), outcome: "completed" });
    // What ended before, and what others ended, is no sign of life.
    await addAttempt(owner, "TASK-003", { worker: "ben", claimed: ago(30), ended: ago(1), outcome: "expired" });
    await addAttempt(owner, "TASK-003", {
      ...{ number: 2, worker: "ben", claimed: ago(29), ended: ago(28), outcome: "completed", endedBy: "admin" },
    });
    await addAttempt(owner, "TASK-004", { worker: "old", claimed: ago(40), ended: ago(39), outcome: "completed" });
    // It has let go of it, though nobody has noticed yet.
    await addAttempt(owner, "TASK-005", { worker: "lost", claimed: ago(6), lease: ago(5) });
    const document =
      '{ workers(since: "-P1D") { worker held { projectId taskId } heldCount completed failed lastSeenAt } }';
    const at = (hours: number) => ago(hours);
    expect(await server.ask(document)).toEqual({
      workers: [
        {
          ...{ worker: "anna", heldCount: 2, completed: 1, failed: 0, lastSeenAt: at(1) },
          held: [
            { projectId: "beta", taskId: "TASK-001" },
            { projectId: "alpha", taskId: "TASK-001" },
          ],
        },
        { worker: "ben", held: [], heldCount: 0, completed: 0, failed: 1, lastSeenAt: at(29) },
        { worker: "lost", held: [], heldCount: 0, completed: 0, failed: 0, lastSeenAt: at(6) },
      ],
    });
    const { secret: key } = await server.makeKey({ role: "reader", projectIds: ["beta"] });
    expect(await server.ask("{ workers { worker heldCount completed } }", {}, { key })).toEqual({
      workers: [{ worker: "anna", heldCount: 1, completed: 0 }],
    });
    await archive(server, "beta");
    expect(await server.ask("{ workers { worker } }", {}, { key })).toEqual({ workers: [] });
    expect(await server.ask('{ workers(projects: ["beta"]) { worker } }', {}, { key })).toEqual({
      workers: [{ worker: "anna" }],
    });
    expect(
      await refusals(
        server,
        '{ workers(projects: ["beta"]) { worker } }',
        "{ workers(first: 101) { worker } }",
        '{ workers(since: "yesterday") { worker } }',
      ),
    ).toEqual(["PROJECT_NOT_FOUND", "BAD_USER_INPUT", "BAD_USER_INPUT"]);
    for (const since of ["P1D", "9999-01-01T00:00:00Z"]) {
      const { errors } = await server.gql(`{ workers(since: "${since}") { worker } }`);
      expect(errors?.[0]).toMatchObject({
        message: expect.stringMatching(/since lies in the past, and "(P1D|9999.*)".*"-P1D"/),
        extensions: { code: "BAD_USER_INPUT" },
      });
    }
  });

  it("comes in the order asked for, from cursor to cursor", async () => {
    const { server, owner } = await startWith("alpha");
    const now = Date.now();
    const ago = (minutes: number) => new Date(now - minutes * 60_000).toISOString();
    let tasks = 0;
    // Seven workers, some alike in what they hold, completed, or when they were seen.
    for (let n = 0; n < 7; n++)
      for (const outcome of [...Array(1 + (n % 2)).fill("held"), ...Array(n % 3).fill("completed"), "expired"]) {
        const taskId = `TASK-${100 + tasks++}`;
        await addTask(owner, taskId, {});
        await addAttempt(owner, taskId, {
          ...{ worker: `w${6 - n}`, claimed: ago(60 + 10 * (n % 4)) },
          ...(outcome !== "held" && { ended: ago(50), outcome, endedBy: "admin" }),
        });
      }
    interface Seen {
      readonly worker: string;
      readonly cursor: string;
      readonly heldCount: number;
      readonly completed: number;
      readonly failed: number;
      readonly lastSeenAt: string;
    }
    const page = async (field: string, direction: string, args: string) => {
      const { workers } = await server.ask<{ workers: Seen[] }>(
        `{ workers(orderBy: {field: ${field}, direction: ${direction}}, ${args}) { worker cursor heldCount completed failed lastSeenAt } }`,
      );
      return workers;
    };
    const shown = {
      NAME: "worker",
      HELD: "heldCount",
      COMPLETED: "completed",
      FAILED: "failed",
      LAST_SEEN_AT: "lastSeenAt",
    } as const;
    for (const [field, of] of Object.entries(shown))
      for (const direction of ["ASC", "DESC"]) {
        const all = await page(field, direction, "first: 100");
        expect(all).toHaveLength(7);
        const values = all.map((worker) => worker[of]);
        const sorted = values.toSorted((a, b) => (a === b ? 0 : a < b ? -1 : 1));
        expect(values).toEqual(direction === "ASC" ? sorted : sorted.reverse());
        const walked: string[] = [];
        for (let args = "first: 2"; ; ) {
          const found = await page(field, direction, args);
          walked.push(...found.map(({ worker }) => worker));
          const last = found.at(-1);
          if (!last) break;
          args = `first: 2, after: ${JSON.stringify(last.cursor)}`;
        }
        expect(walked).toEqual(all.map(({ worker }) => worker));
      }
    const [first] = await page("HELD", "ASC", "first: 1");
    const { errors } = await server.gql(
      `{ workers(orderBy: {field: COMPLETED}, after: ${JSON.stringify(first?.cursor)}) { worker } }`,
    );
    expect(errors?.[0]?.extensions["code"]).toBe("BAD_USER_INPUT");
  });

  it("goes on after the last worker seen, and shows ten of what one holds", async () => {
    const { server, owner } = await startWith("alpha");
    for (let n = 0; n < 12; n++) {
      await addTask(owner, `TASK-${100 + n}`, {});
      await addAttempt(owner, `TASK-${100 + n}`, { worker: "many", claimed: "2026-03-02T10:00Z" });
    }
    for (const [n, worker] of ["Zoe", "ada", "zoe"].entries()) {
      await addTask(owner, `TASK-${200 + n}`, {});
      await addAttempt(owner, `TASK-${200 + n}`, { worker, claimed: "2026-03-02T10:00Z" });
    }
    const page = (args: string) => server.ask(`{ workers(${args}) { worker } }`);
    expect(await page("first: 2")).toEqual({ workers: [{ worker: "Zoe" }, { worker: "ada" }] });
    expect(await page('first: 2, after: "ada"')).toEqual({ workers: [{ worker: "many" }, { worker: "zoe" }] });
    const { workers } = await server.ask<{ workers: { held: unknown[]; heldCount: number }[] }>(
      '{ workers(first: 1, after: "ada") { held { taskId } heldCount } }',
    );
    expect(workers[0]).toMatchObject({ heldCount: 12, held: { length: 10 } });
  });
});

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
