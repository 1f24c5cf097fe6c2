import { describe, expect, it } from "vitest";
import { addAttempt, addTask, archive, refusals, startWith } from "./day-of-work.ts";

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

  it("tells of the interval in which a time lies that ends when it begins, also where the interval begins", async () => {
    const { server, owner } = await startWith("alpha");
    await addTask(owner, "TASK-001", { created: "2026-03-02T00:00" });
    for (const [instant, created] of [
      ["2026-03-02T00:00:00Z", 0],
      ["2026-03-02T00:00:01Z", 1],
    ] as const)
      expect(await server.ask(`{ projectTrends(from: "${instant}", to: "${instant}") { start created } }`)).toEqual({
        projectTrends: [{ start: "2026-03-02T00:00:00.000Z", created }],
      });
  });

  it("refuses a time that ends before it begins, and says what to do", async () => {
    const { server } = await startWith("alpha");
    for (const [args, reason] of [
      ['from: "-P1D", to: "-P2D"', /from \(-P1D\) is later than to \(-P2D\)/],
      ['from: "2026-03-02T15:00:00Z", to: "2026-03-02T14:00:00Z"', /exchange the two/],
      ['from: "9999-01-01"', /is later than to \(now\).*Begin earlier/],
      ['from: "9998-01-01", to: "9999-01-01"', /from lies in the past, and "9998-01-01" is yet to come/],
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
