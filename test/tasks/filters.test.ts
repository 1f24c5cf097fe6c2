import { beforeAll, describe, expect, it } from "vitest";
import { shareServer } from "../support/server.ts";

/** Six tasks of one project, each in another state; the clock stands at 1 March, 12:00. */
const TASKS = `INSERT INTO tasks (project_id, task_id, description, status, labels, artifact_id, artifact_type, created_by,
    claimed_by, attempts, created_at, updated_at, started_at, completed_at, lease_expires_at, due_date) VALUES
  ('alpha', 'TASK-001', 'new', 'pending', '{}', NULL, NULL, NULL, NULL, 0, NOW - '1 hour'::interval, NOW - '1 hour'::interval, NULL, NULL, NULL, NULL),
  ('alpha', 'TASK-002', 'old', 'pending', '{db}', 'US-001', 'US', 'dk_1/anna', NULL, 0, NOW - '9 days'::interval, NOW - '9 days'::interval, NULL, NULL, NULL, NOW + '1 hour'::interval),
  ('alpha', 'TASK-003', 'failed', 'pending', '{db,ui}', 'US-002', 'US', 'dk_1/anna', NULL, 5, NOW - '3 days'::interval, NOW - '2 hours'::interval, NOW - '2 days'::interval, NULL, NULL, NOW + '3 days'::interval),
  ('alpha', 'TASK-004', 'held', 'in_progress', '{ui}', NULL, NULL, 'dk_2/ben', 'ben', 1, NOW - '3 days'::interval, NOW, NOW - '1 hour'::interval, NULL, NOW + '20 minutes'::interval, NULL),
  ('alpha', 'TASK-005', 'stuck', 'in_progress', '{}', NULL, NULL, 'dk_2/ben', 'cleo', 3, NOW - '3 days'::interval, NOW - '1 day'::interval, NOW - '1 day'::interval, NULL, NOW - '1 hour'::interval, NULL),
  ('alpha', 'TASK-006', 'done', 'completed', '{ops}', NULL, NULL, 'dk_2/ben', NULL, 1, NOW - '3 days'::interval, NOW - '6 hours'::interval, NOW - '7 hours'::interval, NOW - '6 hours'::interval, NULL, NULL)`;

describe("tasks", () => {
  const shared = shareServer();
  beforeAll(async () => {
    const { server, owner } = shared;
    await server.ask('mutation { createProject(input: {projectId: "alpha", name: "A"}) { replayed } }');
    await owner.query(TASKS.replaceAll("NOW", "docket_now()"));
  });
  /** The last digits of the ids found. */
  const found = async (filter: string, orderBy = "{field: CREATED_AT}") => {
    const { tasks } = await shared.server.ask<{ tasks: { totalCount: number; nodes: { taskId: string }[] } }>(
      `{ tasks(filter: ${filter}, orderBy: ${orderBy}) { totalCount nodes { taskId } } }`,
    );
    expect(tasks.totalCount).toBe(tasks.nodes.length);
    return tasks.nodes.map(({ taskId }) => taskId.slice(-1)).join("");
  };

  it.each([
    ['{createdAt: {gt: "-P1D"}}', "1"],
    ['{createdAt: {lt: "-P1W"}}', "2"],
    ["{startedAt: {null: true}}", "21"],
    ['{startedAt: {gte: "-PT90M"}}', "4"],
    ['{completedAt: {gt: "-PT12H"}}', "6"],
    ['{leaseExpiresAt: {lt: "PT0S"}}', "5"],
    ['{leaseExpiresAt: {gt: "PT10M", lt: "PT1H"}}', "4"],
    ['{dueDate: {lte: "P1D"}}', "2"],
    ["{attemptCount: {gte: 3}}", "35"],
    ["{attemptCount: {in: [1, 5]}, status: {ne: COMPLETED}}", "34"],
    ['{createdBy: {eq: "dk_1/anna"}}', "23"],
    ['{artifactId: {notIn: ["US-001"]}}', "34561"],
    ['{artifactId: {ne: "US-001", null: false}}', "3"],
    ['{artifactId: {gt: "US-001"}}', "3"],
    ["{hasAttempts: false}", "21"],
    ["{hasAttempts: false, attempts: {}}", "21"],
    ["{hasAttempts: false, attempts: {worker: {}, endedAt: {gt: null}}}", "21"],
    ["{not: {attempts: {}}}", ""],
    ["{hasAttempts: true, status: {notIn: [IN_PROGRESS, COMPLETED]}}", "3"],
    ['{claimedBy: {ne: "ben"}, status: {eq: IN_PROGRESS}}', "5"],
    ['{claimedBy: {contains: "E"}}', "45"],
    ["{priority: {ne: 2}}", ""],
    ["{kind: {notIn: []}, priority: {in: []}}", ""],
  ])("are found by the filter %s", async (filter, expected) => {
    expect(await found(filter)).toBe(expected);
  });

  it.each([
    ['{all: ["db", "ui"]}', "3"],
    ['{any: ["ui", "ops"]}', "346"],
    ['{none: ["db", "ops"]}', "451"],
    ['{any: ["db"], none: ["ui"]}', "2"],
    ['{contains: "ui"}', "34"],
    ['{in: ["db", "ops"]}', "236"],
    ["{all: []}", "234561"],
    ["{any: []}", ""],
  ])("are found by their labels %s", async (labels, expected) => {
    expect(await found(`{labels: ${labels}}`)).toBe(expected);
  });

  it("are found by what does not hold, also where a field is empty", async () => {
    expect(await found('{not: {claimedBy: {eq: "ben"}}}')).toBe("23561");
    expect(await found('{not: {or: [{status: {eq: PENDING}}, {labels: {any: ["ops"]}}]}}')).toBe("45");
    expect(await found("{not: {not: {status: {eq: COMPLETED}}}}")).toBe("6");
    expect(await found("{and: [{not: {ready: true}}, {hasAttempts: true}]}")).toBe("46");
  });

  it("come in the order asked for, those that have no such time last, whichever way", async () => {
    expect(await found("{}", "{field: DUE_DATE}")).toMatch(/^23/);
    expect(await found("{}", "{field: DUE_DATE, direction: DESC}")).toMatch(/^32/);
    expect(await found("{}", "{field: LEASE_EXPIRES_AT, direction: DESC}")).toMatch(/^45/);
    expect(await found("{}", "{field: ATTEMPT_COUNT, direction: DESC}")).toMatch(/^35/);
    expect(await found("{}", "{field: UPDATED_AT, direction: DESC}")).toBe("413652");
    expect(await found("{}", "{field: COMPLETED_AT, direction: ASC}")).toMatch(/^6/);
  });

  it.each(["claimedAt", "endedAt"])(
    "cannot be looked for by an attempt's %s in the future by a duration",
    async (field) => {
      const { errors } = await shared.server.gql(
        `{ tasks(filter: {attempts: {${field}: {gt: "P1D"}}}) { totalCount } }`,
      );
      expect(errors?.[0]?.message).toContain(`${field} lies in the past, and "P1D" is added to now. Write "-P1D"`);
    },
  );

  it.each(["createdAt", "startedAt", "completedAt", "updatedAt"])(
    "cannot be looked for by %s in the future by a duration",
    async (field) => {
      for (const comparator of ["eq", "ne", "lt", "lte", "gt", "gte"]) {
        const { errors } = await shared.server.gql(
          `{ tasks(filter: {${field}: {${comparator}: "P1D"}}) { totalCount } }`,
        );
        expect(errors?.[0]).toMatchObject({
          message: expect.stringContaining(`${field} lies in the past`),
          extensions: { code: "BAD_USER_INPUT" },
        });
        expect(errors?.[0]?.message).toContain('"-P1D"');
      }
      const { errors } = await shared.server.gql(
        `{ tasks(filter: {not: {${field}: {in: ["+PT1H"]}}}) { totalCount } }`,
      );
      expect(errors?.[0]?.message).toContain('"-PT1H"');
    },
  );

  it("take dates as variables, and say of what is none what would be one", async () => {
    const query = "query ($at: DateTimeOrDuration) { tasks(filter: {createdAt: {gt: $at}}) { totalCount } }";
    for (const at of ["-P2D", "2026-03-01T09:00:00Z", "2026-03-01", "-PT6.5S", "-PT6,5S", "-P999Y"])
      expect((await shared.server.gql(query, { at })).errors, at).toBeUndefined();
    for (const at of ["yesterday", 7, "2026-02-30"]) {
      const { errors } = await shared.server.gql(query, { at });
      expect(errors?.[0]).toMatchObject({
        message: expect.stringContaining("-P1D"),
        extensions: { code: "BAD_USER_INPUT" },
      });
    }
  });
});
