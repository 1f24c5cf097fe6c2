import { spawn } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setImmediate } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { runDemo } from "../../cli/demo/run.ts";
import { NoAnswerError, ServerError } from "../../client/faults.ts";
import { writeUserFile } from "../../client/node/user-file.ts";
import type { GraphQLRequest } from "../../client/request.ts";
import { builtDocket } from "../support/built-docket.ts";
import { startTestServer } from "../support/server.ts";
import { makeTemporaryFolder } from "../support/temporary-folder.ts";

type Input = Record<string, unknown>;

/** A Docket in a few lines: tasks are numbers, everything else is granted. `fault` may fail a request. */
function fakeDocket(fault: (operation: string, input: Input) => Error | undefined = () => undefined) {
  const requests: { operation: string; input: Input }[] = [];
  const open = new Map<unknown, number>();
  const answers: Record<string, (input: Input) => unknown> = {
    addTasks: ({ projectId, tasks }) => {
      const count = (tasks as unknown[]).length;
      open.set(projectId, (open.get(projectId) ?? 0) + count);
      return { taskIds: Array.from({ length: count }, (_, index) => `TASK-${index}`) };
    },
    claimNextTask: ({ projectId }) => {
      const left = (open.get(projectId) ?? 0) - 1;
      if (left < 0) return { attempt: null, task: null };
      open.set(projectId, left);
      const project = { taskCounts: [{ status: "PENDING", count: left }] };
      return { attempt: "1-9f86d081884c", task: { taskId: "TASK-1", description: "work", project } };
    },
    reserveIds: ({ count }) => ({
      reservedIds: Array.from({ length: Number(count) }, (_, index) => `US-${index}`),
      reservation: { reservationId: "r1" },
    }),
  };
  const request = async (document: unknown, { input }: { input: Input }) => {
    const operation = /\{\s*(\w+)\(/.exec(String(document))?.[1] ?? "";
    requests.push({ operation, input });
    const error = fault(operation, input);
    if (error !== undefined) throw error;
    return { [operation]: answers[operation]?.(input) ?? {} };
  };
  return { requests, request: request as unknown as GraphQLRequest };
}

/** Runs the demo for a number of steps, as fast as it goes. */
async function play(
  docket: ReturnType<typeof fakeDocket>,
  steps: number,
  follow?: Parameters<typeof runDemo>[0]["follow"],
) {
  const stop = new AbortController();
  const lines: string[] = [];
  let taken = 0;
  const pace = async () => {
    taken += 1;
    if (taken > steps) stop.abort();
    stop.signal.throwIfAborted();
    await setImmediate();
  };
  const print = (line: string) => lines.push(line);
  const settings = { request: docket.request, signal: stop.signal, pace, print, ...(follow && { follow }) };
  return { lines, tally: await runDemo(settings) };
}

describe("the demo", () => {
  test("lets ten agents plan, claim, save progress, reserve, confirm, give back and complete in five projects", async () => {
    const docket = fakeDocket();
    const { lines } = await play(docket, 1_500);
    const operations = new Set(docket.requests.map(({ operation }) => operation));
    const work = ["addTasks", "claimNextTask", "renewTaskLease", "updateTaskStatus", "releaseTask"];
    expect([...operations].sort()).toEqual([...work, "confirmReservation", "reserveIds"].sort());
    const workers = new Set(docket.requests.map(({ input }) => input["worker"]).filter(Boolean));
    expect(workers.size).toBe(10);
    expect(new Set(lines.map((line) => line.split(" ")[0])).size).toBe(5);
    expect(docket.requests.every(({ input }) => typeof input["idempotencyKey"] === "string")).toBe(true);
  });

  test("waits for a server that restarts, and asks again under the same key", async () => {
    let claims = 0;
    const docket = fakeDocket((operation) => {
      if (operation !== "claimNextTask") return undefined;
      claims += 1;
      return claims === 1 ? new NoAnswerError("refused", "Docket unavailable") : undefined;
    });
    const { lines } = await play(docket, 60);
    expect(lines.filter((line) => line.includes("waits: Docket unavailable"))).toHaveLength(1);
    const [first, ...later] = docket.requests.filter(({ operation }) => operation === "claimNextTask");
    expect(later.map(({ input }) => input["idempotencyKey"])).toContain(first?.input["idempotencyKey"]);
  });

  test("goes on after a lost lease, and ends with a refused key", async () => {
    const losing = fakeDocket((operation) =>
      operation === "renewTaskLease" ? new ServerError("LEASE_LOST", "Lease lost") : undefined,
    );
    const { lines } = await play(losing, 60);
    expect(lines.join("\n")).toContain("goes on after: Lease lost");
    const refused = fakeDocket(() => new ServerError("UNAUTHENTICATED", "Docket API error: 401 - Unauthorized"));
    await expect(play(refused, 60)).rejects.toThrow("401 - Unauthorized");
  });

  test("counts the events that came live and those between them that did not", async () => {
    const event = (projectId: string, number: number) => ({ projectId, number });
    async function* follow(projectIds: readonly string[]) {
      expect(projectIds).toHaveLength(5);
      yield { cursor: "c1", events: [event("demo-infra", 7), event("demo-docs-site", 1), event("demo-infra", 8)] };
      yield { cursor: "c2", events: [event("demo-infra", 11)] };
    }
    const { tally } = await play(fakeDocket(), 20, follow);
    expect(tally).toEqual({ events: 4, missing: 2 });
  });
});

describe("docket demo --clean", () => {
  const PROJECTS = "query ($archived: Boolean) { projects(archived: $archived) { nodes { projectId } } }";

  /** The command where a server keeps its keys, until it ends or has printed `until`; then Ctrl-C is pressed. */
  async function demo(home: string, { args = [], until }: { args?: string[]; until?: RegExp } = {}, place = {}) {
    const env = { PATH: process.env["PATH"], DOCKET_HOME: home, XDG_CONFIG_HOME: home, ...place };
    const child = spawn(process.execPath, [await builtDocket(), "demo", ...args], { env });
    onTestFinished(() => void child.kill("SIGKILL"));
    const fault = text(child.stderr);
    let output = "";
    for await (const chunk of child.stdout.setEncoding("utf8")) {
      output += chunk;
      if (until?.test(output) && !child.killed) child.kill("SIGINT");
    }
    return output + (await fault);
  }

  test("archives the projects of a demo and no others, and the next demo brings them back, also of a server that was signed in to", async () => {
    const { url, adminKey, agentKey, ask } = await startTestServer();
    const home = await makeTemporaryFolder("demo");
    await ask(`mutation { createProject(input: {projectId: "demo", name: "Not of the demo"}) { replayed } }`);
    await writeFile(join(home, "agent-key"), agentKey);
    const here = { DOCKET_URL: url };
    expect(await demo(home, { args: ["--clean"] }, here)).toMatch(/^This needs a key with the role ADMIN/);
    await writeFile(join(home, "api-key"), adminKey);
    expect(await demo(home, { args: ["--clean"] }, here)).toBe("There are no projects of a demo.\n");

    const worked = { until: / claims / };
    expect(await demo(home, worked, here)).toMatch(/--clean.*Stopped\./s);
    expect(await demo(home, { args: ["--clean"] }, here)).toMatch(/^Archived demo-web-shop, .*nothing is deleted/);
    expect(await ask(PROJECTS)).toEqual({ projects: { nodes: [{ projectId: "demo" }] } });
    expect(await ask(PROJECTS, { archived: true })).toMatchObject({ projects: { nodes: { length: 5 } } });

    // The keys in a server's folder are for the server on this machine; this one is the user's.
    await rm(join(home, "agent-key"));
    writeUserFile({ XDG_CONFIG_HOME: home }, { server: url, keys: { [url]: adminKey } });
    expect(await demo(home, worked)).toMatch(/Stopped\./);
    expect(await ask(PROJECTS)).toMatchObject({ projects: { nodes: { length: 6 } } });
  });
});
