import { describe, expect, it } from "vitest";
import { addAttempt, addTask, archive, refusals, startWith } from "./day-of-work.ts";

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
