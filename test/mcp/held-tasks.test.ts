import { describe, expect, test } from "vitest";
import { connectOwner } from "../support/owner.ts";
import { connectTools } from "./connect.ts";
import { shareSessions, succeed } from "./sessions.ts";

const sessions = shareSessions();

describe("what a session holds", () => {
  test("is completed under its own project and attempt, whatever the default project is", async () => {
    await using beta = await sessions.start();
    await using tools = await sessions.start();
    const project_id = `project-${sessions.projects - 1}`;
    await succeed(tools, "get_next_task", { project_id });
    const done = await succeed(tools, "update_task_status", { task_id: "TASK-001", status: "completed" });
    expect(done).toMatchObject({ updated_task: { project_id } });
    expect(await succeed(beta, "get_next_task")).toMatchObject({ task: null });
  });

  test("is read on in, and every hint says where: in the default project another task has its name", async () => {
    await using _other = await sessions.start([{ description: "b".repeat(30_000) }]);
    await using tools = await sessions.start([{ description: "a".repeat(30_000) }]);
    const project_id = `project-${sessions.projects - 1}`;
    const { read_on } = await succeed(tools, "get_next_task", { project_id });
    expect(read_on).toEqual([
      expect.stringContaining(`get_task with project_id ${project_id}, field description and offset `),
    ]);
    const args = { task_id: "TASK-001", field: "description", offset: 20_000 };
    const read = async (more: object) => {
      const { text, next, ...rest } = await succeed(tools, "get_task", { ...args, ...more });
      expect(next ?? "with this project_id").toContain("with this project_id");
      return [rest["project_id"], String(text).slice(-1)];
    };
    expect(await read({})).toEqual([project_id, "b"]);
    // Written by hand, an ID may be in lower case.
    expect(await read({ task_id: "task-001" })).toEqual([project_id, "b"]);
    await succeed(tools, "update_task_status", { task_id: "task-001", status: "completed" });
    expect(await read({ project_id })).toEqual([project_id, "b"]);
    expect(await read({})).toEqual([`project-${sessions.projects}`, "a"]);
  });

  test("is renewed with the lease it was taken for", async () => {
    await using tools = await sessions.start();
    const { attempt } = await succeed(tools, "get_next_task", { lease_seconds: 86_400 });
    const renewed = await succeed(tools, "renew_task_lease", { task_id: "TASK-001", checkpoint: { step: 1 } });
    expect(renewed).toEqual({
      task_id: "TASK-001",
      attempt,
      lease_expires_at: expect.any(String),
      next: expect.stringContaining("again before lease_expires_at"),
    });
    expect(Date.parse(String(renewed["lease_expires_at"])) - Date.now()).toBeGreaterThan(80_000_000);
  });

  test("is not another session's whose attempt it renews, and that one keeps it when this one ends", async () => {
    await using first = await sessions.start();
    const { attempt } = await succeed(first, "get_next_task");
    {
      await using second = await connectTools({
        ...sessions.server,
        defaultProject: `project-${sessions.projects}`,
        holds: true,
      });
      expect(await succeed(second, "renew_task_lease", { task_id: "TASK-001", attempt })).toMatchObject({ attempt });
    }
    const done = await succeed(first, "update_task_status", { task_id: "TASK-001", status: "completed" });
    expect(done).toMatchObject({ updated_task: { status: "completed" } });
  });

  test("stays its own when it renews with the attempt it was given", async () => {
    await using tools = await sessions.start();
    const { attempt } = await succeed(tools, "get_next_task");
    await succeed(tools, "renew_task_lease", { task_id: "TASK-001", attempt, lease_seconds: 900 });
    expect(tools.session.find("TASK-001", undefined, undefined)).toMatchObject({ attempt, leaseSeconds: 900 });
  });

  test("can be taken anew by name: an old attempt does not fence off the new claim", async () => {
    await using tools = await sessions.start();
    const { attempt } = await succeed(tools, "get_next_task");
    const again = await succeed(tools, "update_task_status", { task_id: "TASK-001", status: "in_progress" });
    expect(again).toMatchObject({ attempt });
    await succeed(tools, "update_task_status", { task_id: "TASK-001", status: "pending" });
    const anew = await succeed(tools, "update_task_status", { task_id: "TASK-001", status: "in_progress" });
    expect(anew["attempt"]).not.toBe(attempt);
  });
});

describe("who holds tasks already", () => {
  test("is told which, and by which session, when it looks or claims", async () => {
    await using dead = await sessions.start(["a", "b", "c"].map((description) => ({ description })));
    const project_id = `project-${sessions.projects}`;
    await succeed(dead, "get_next_task", { worker: "claude" });
    await using tools = await connectTools({ ...sessions.server, defaultProject: project_id, holds: true });
    const left = { task_id: "TASK-001", project_id, worker: "claude", lease_expires_at: expect.any(String) };
    const looked = await succeed(tools, "get_next_task", { worker: "claude", claim: false });
    expect(looked["holding"]).toEqual([{ ...left, this_session: false }]);

    const claimed = await succeed(tools, "get_next_task", { worker: "claude" });
    expect(claimed).toMatchObject({ task: { task_id: "TASK-002" }, holding: looked["holding"] });
    expect(claimed["next"]).toMatch(/You hold one other task already.*take_over/);

    const taken = { task_id: "TASK-003", status: "in_progress", worker: "claude" };
    const third = await succeed(tools, "update_task_status", taken);
    const own = { task_id: "TASK-002", this_session: true };
    expect(third).toMatchObject({ holding: [own, { task_id: "TASK-001", this_session: false }] });
    expect(third["next"]).toContain("You hold 2 other tasks already");

    const twin = await succeed(tools, "get_next_task", { worker: "twin" });
    expect(twin["holding"]).toBeUndefined();
    expect(twin["next"]).not.toContain("You hold");
  });

  test("takes over what a dead session left, once that was silent for half its lease", async () => {
    await using dead = await sessions.start();
    const args = {
      task_id: "TASK-001",
      status: "in_progress",
      project_id: `project-${sessions.projects}`,
      worker: "claude",
    };
    const { attempt } = await succeed(dead, "get_next_task", { worker: "claude" });
    await using tools = await connectTools({ ...sessions.server, holds: true });
    const plain = await tools.call("update_task_status", args);
    expect(plain.text).toMatch(
      /^Lease of TASK-001 lost: .*take_over is possible from .*held by claude.* kept\. If that session lives, .* repeat the call with take_over true then\.$/,
    );
    const early = await tools.call("update_task_status", { ...args, take_over: true });
    expect(early.text).toMatch(/may be at work; unless it renews, take_over is possible from/);
    const stranger = await tools.call("update_task_status", { ...args, take_over: true, worker: "twin" });
    expect(stranger.text).toContain("take_over is for what your own key holds under the same worker name");
    for (const { failed } of [plain, early, stranger]) expect(failed).toBe(true);

    const owner = await connectOwner(sessions.server.test);
    await owner.pass(301);
    const { attempt: mine, ...taken } = await succeed(tools, "update_task_status", { ...args, take_over: true });
    expect(taken).toMatchObject({ updated_task: { status: "in_progress" } });
    expect(taken).toMatchObject({ briefing: { attempts: [{ number: 1, outcome: "superseded" }] } });
    const late = await dead.call("update_task_status", { task_id: "TASK-001", status: "completed", attempt });
    expect([late.failed, late.text]).toEqual([true, expect.stringContaining("call get_next_task for another")]);
    await succeed(tools, "update_task_status", { task_id: "TASK-001", status: "completed", attempt: mine });
  });
});
