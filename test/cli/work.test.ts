import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { builtDocket } from "../support/built-docket.ts";
import { makeProject, shareServer, type TestProject } from "../support/server.ts";
import { makeUser } from "./in-process.ts";

const shared = shareServer();

const TASK = `query ($projectId: ID!, $taskId: ID!) { task(projectId: $projectId, taskId: $taskId) {
  status completionNotes failures claimedBy
  attempts { number claimedAt leaseExpiresAt outcome notes usage { inputTokens outputTokens costUsd } } } }`;

interface Seen {
  task: {
    status: string;
    completionNotes: string | null;
    failures: number;
    claimedBy: string | null;
    attempts: { number: number; outcome: string | null; claimedAt: string; leaseExpiresAt: string }[];
  };
}

/** A project with these tasks, and a user whose commands work in it. */
async function makeWork(...descriptions: string[]) {
  const project = await makeProject(shared.server, descriptions);
  const env = { DOCKET_URL: project.url, DOCKET_API_KEY: project.agentKey, DOCKET_PROJECT: project.projectId };
  const user = await makeUser({ ...env, PATH: process.env["PATH"] ?? "" });
  const work = (script: string, options: string[] = [], around: Parameters<typeof user.docket>[1] = {}) =>
    user.docket(["work", ...options, "--", "sh", "-c", script], around);
  return { ...user, env, project, work, seen: (taskId: string) => taskOf(project, taskId) };
}

const taskOf = async ({ ask, projectId }: TestProject, taskId: string) =>
  (await ask<Seen>(TASK, { projectId, taskId })).task;

describe("docket work", () => {
  test("hands a task to its command, and completes it with the last output and what it used", async () => {
    const { work, project, seen } = await makeWork("Write the parser");
    const script = `
      test "$DOCKET_PROJECT" = ${project.projectId} || exit 9
      grep -q '"description": "Write the parser"' "$DOCKET_TASK_FILE" && grep -q "$DOCKET_ATTEMPT" "$DOCKET_TASK_FILE" || exit 8
      echo '{"usage": {"input_tokens": 12, "output_tokens": 3}, "total_cost_usd": 0.5}' > "$DOCKET_USAGE_FILE"
      setsid sleep 20 & echo; printf '\\033[31mgreen\\033[0m %s\\n' "$DOCKET_API_KEY"; echo done with $DOCKET_TASK_ID`;
    const { code, out, err } = await work(script, ["--worker", "robot"]);
    expect([code, err]).toEqual([
      0,
      expect.stringMatching(/TASK-001 claimed: Write the parser\n.*TASK-001 completed\n$/s),
    ]);
    expect(out).toContain("done with TASK-001");
    expect(await seen("TASK-001")).toMatchObject({
      status: "COMPLETED",
      completionNotes: "exit code 0\n\ngreen dk_…\ndone with TASK-001",
      attempts: [{ outcome: "COMPLETED", usage: { inputTokens: 12, outputTokens: 3, costUsd: 0.5 } }],
    });
    expect(await work("exit 0")).toMatchObject({ code: 3, err: expect.stringContaining("No pending tasks") });
  });

  test("fails a task by the command's exit code, and gives it back on 75", async () => {
    const { work, docket, seen } = await makeWork();
    for (const label of ["fails", "waits"]) await docket(["add", label, "--label", label]);
    const failed = await work("echo no database >&2; exit 7", ["--label", "fails"]);
    expect(failed).toMatchObject({
      code: 1,
      err: expect.stringMatching(/TASK-001 failed: exit code 7\n1 of 1 task failed\.\n$/),
    });
    expect(await seen("TASK-001")).toMatchObject({
      status: "PENDING",
      attempts: [{ outcome: "FAILED", notes: "exit code 7\n\nno database" }],
    });
    const back = await work("echo not now; exit 75", ["--label", "waits"]);
    expect(back).toMatchObject({ code: 0, err: expect.stringMatching(/TASK-002 given back: exit code 75\n$/) });
    expect(await seen("TASK-002")).toMatchObject({ status: "PENDING", attempts: [{ outcome: "RELEASED" }] });
  });

  test("leaves a task as its command has settled it, and says so when it cannot be run at all", async () => {
    const { docket, env, project, seen } = await makeWork("one", "two");
    const cli = await builtDocket();
    const done = `"$0" "${cli}" done --notes "by hand" && exit 5`;
    const settled = await docket(["work", "--", "sh", "-c", done, process.execPath], {
      env: { ...env, NODE_NO_WARNINGS: "1" },
    });
    expect(settled).toMatchObject({
      code: 0,
      err: expect.stringContaining("TASK-001 was settled by the command itself"),
    });
    expect(await seen("TASK-001")).toMatchObject({ status: "COMPLETED", completionNotes: "by hand" });

    const missing = await docket(["work", "--", "/nowhere/agent"]);
    expect(missing).toMatchObject({ code: 2, err: expect.stringContaining("no command /nowhere/agent") });
    expect(await taskOf(project, "TASK-002")).toMatchObject({ status: "PENDING", failures: 0 });
  });

  test("renews the lease of a command that hangs until its time is over, and ends what that has started", async () => {
    const { work, seen, home } = await makeWork("hang");
    // What the shell starts writes to the file long after, unless it is ended as well.
    const script = `(sleep 2.5; touch ${home}/late) & sleep 60`;
    const { code, err } = await work(script, ["--lease", "1s", "--timeout", "2s"]);
    expect([code, err]).toEqual([
      1,
      expect.stringMatching(/takes too long.*failed: It took too long \(killed by SIGTERM/s),
    ]);
    const [attempt] = (await seen("TASK-001")).attempts;
    expect(attempt).toMatchObject({ number: 1, outcome: "FAILED" });
    const { claimedAt = "", leaseExpiresAt = "" } = attempt ?? {};
    expect(Date.parse(leaseExpiresAt) - Date.parse(claimedAt)).toBeGreaterThan(2_000);
    await delay(1_000);
    expect(existsSync(`${home}/late`)).toBe(false);
  });

  test("ends a command whose task another worker has taken over, and writes nothing of it", async () => {
    const { work, project, seen } = await makeWork("contested");
    const admin = { key: shared.server.adminKey };
    const running = work("echo begun; sleep 60", ["--lease", "1s"], {
      watched: (out) => void (out.includes("begun") && takeAway()),
    });
    const takeAway = async () => {
      const task = { projectId: project.projectId, taskId: "TASK-001" };
      const update = "mutation ($input: UpdateTaskStatusInput!) { updateTaskStatus(input: $input) { attempt } }";
      await project.ask(
        "mutation ($input: ReleaseTaskInput!) { releaseTask(input: $input) { replayed } }",
        { input: task },
        admin,
      );
      await project.ask(update, { input: { ...task, status: "IN_PROGRESS", worker: "another" } }, admin);
    };
    expect(await running).toMatchObject({ code: 0, err: expect.stringContaining("TASK-001 is lost to another") });
    expect(await seen("TASK-001")).toMatchObject({ status: "IN_PROGRESS", claimedBy: "another" });
  });

  test("goes on with what comes, ends after failures in a row, and gives back what it holds when it is stopped", async () => {
    const { work, docket, seen } = await makeWork("first");
    const ending = new AbortController();
    const waits = Promise.withResolvers<void>();
    const looping = work('echo "at $DOCKET_TASK_ID"; test $DOCKET_TASK_ID = TASK-001 || exec sleep 60', ["--loop"], {
      signal: ending.signal,
      watched: (out) => out.includes("at TASK-002") && ending.abort("SIGINT"),
      watchedErr: (err) => err.includes("Waiting.") && waits.resolve(),
    });
    await waits.promise;
    expect(await seen("TASK-001")).toMatchObject({ status: "COMPLETED" });
    await docket(["add", "second"]);
    const { code, err } = await looping;
    expect([code, err]).toEqual([130, expect.stringMatching(/TASK-002 (given back|stopped)/)]);
    expect(await seen("TASK-002")).toMatchObject({ status: "PENDING", attempts: [{ outcome: "RELEASED" }] });

    for (const more of ["third", "fourth"]) await docket(["add", more]);
    const broken = await work("exit 1", ["--loop", "--max-failures", "2"]);
    expect(broken).toMatchObject({ code: 1, err: expect.stringContaining("2 tasks failed in a row") });
  });

  test("as a process, passes a signal on to its command, gives the task back and ends by it", async () => {
    const { env, home, seen } = await makeWork("long");
    const script = `trap 'echo told; exit 0' TERM; echo begun; while :; do sleep 0.05; done`;
    const child = spawn(process.execPath, [await builtDocket(), "work", "--", "sh", "-c", script], {
      env: { ...env, HOME: home, PATH: process.env["PATH"] },
      stdio: ["ignore", "pipe", "pipe"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    let out = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      if (!out.includes("begun") && (out + text).includes("begun")) child.kill("SIGTERM");
      out += text;
    });
    const [code] = await once(child, "exit");
    expect([code, out]).toEqual([143, "begun\ntold\n"]);
    expect(await seen("TASK-001")).toMatchObject({ status: "PENDING", attempts: [{ outcome: "RELEASED" }] });
  });
});
