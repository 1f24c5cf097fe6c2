import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, stat, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, onTestFinished, test } from "vitest";
import { builtDocket } from "../support/built-docket.ts";
import { connectOwner } from "../support/owner.ts";
import { makeProject, shareServer, startTestServer } from "../support/server.ts";
import { makeUser } from "./in-process.ts";

const shared = shareServer();
const cli = await builtDocket();

/** A project, and a user whose commands ask about it. */
async function makeTeam(descriptions: readonly string[] = []) {
  const project = await makeProject(shared.server, descriptions);
  const env = { DOCKET_URL: project.url, DOCKET_API_KEY: project.agentKey, DOCKET_PROJECT: project.projectId };
  return { ...(await makeUser(env)), env, project };
}

describe("docket as a process", () => {
  /** A command line in a shell, in which $D is docket. */
  async function inShell(line: string, env: Record<string, string>) {
    const child: ChildProcess = spawn("bash", ["-o", "pipefail", "-c", line], {
      env: { PATH: process.env["PATH"], D: `${process.execPath} ${cli}`, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    if (!child.stdout || !child.stderr) throw new Error("no pipes");
    const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
    return { out, err, code };
  }

  test("prints a table of 80 columns without colours on a pipe, and survives a reader that leaves", async () => {
    const server = await startTestServer();
    const { home, docket } = await makeUser({ DOCKET_URL: server.url, DOCKET_API_KEY: server.adminKey });
    await docket(["projects", "create", "web-shop"]);
    await docket(["projects", "create", "a-project-whose-name-is-much-longer-than-a-column-of-a-table"]);
    for (const title of [
      "Parse",
      "Print the report of everything that has happened since the beginning of the year",
      "Ship",
    ])
      await docket(["add", title, "--project", "web-shop"]);
    await docket(["claim", "TASK-001", "--project", "web-shop", "--worker", "ada"]);
    await docket(["done", "TASK-001"]);
    await docket(["claim", "TASK-002", "--project", "web-shop", "--worker", "bob"]);
    const owner = await connectOwner(server.test);
    await owner.query("UPDATE tasks SET started_at = now() - interval '3 hours' WHERE task_id = 'TASK-002'");
    const env = { DOCKET_URL: server.url, DOCKET_API_KEY: server.adminKey, HOME: home };
    const piped = await inShell(
      "$D tracking-status --project all; $D status | head -1; $D tasks --status completed --json | head -c1",
      env,
    );
    expect(piped).toEqual({ code: 0, err: "", out: expect.any(String) });
    expect(`\n${piped.out}`).toBe(`
PROJECT                     PENDING  READY  IN PROGRESS  COMPLETED  PARKED  DONE
a-project-whose-name-is-m…        0      0            0          0       0     –
web-shop                          1      1            1          1       0  33 %
2 projects                        1      1            1          1       0  33 %

TASK               WORKER  SINCE    TITLE
web-shop/TASK-002  bob     3 h ago  Print the report of everything that has hap…
PROJECT                     PENDING  READY  IN PROGRESS  COMPLETED  PARKED  DONE
{`);
  });

  test("tells by its exit code what became of a call", async () => {
    const { env, home } = await makeTeam();
    const away = createServer().listen(0, "127.0.0.1");
    await once(away, "listening");
    const { port } = away.address() as AddressInfo;
    await new Promise((resolve) => away.close(resolve));
    const codes = await inShell(
      `$D tasks; echo $?; $D show TASK-404; echo $?; $D claim --worker; echo $?; $D next; echo $?
       DOCKET_API_KEY=dk_wrong $D tasks; echo $?; DOCKET_URL=http://127.0.0.1:${port} $D tasks; echo $?`,
      { ...env, HOME: home },
    );
    expect(codes.out).toBe("No tasks.\n0\n1\n2\n3\n1\n4\n");
    expect(codes.err).toMatch(
      /TASK-404 not found\nerror: option '--worker <name>' argument missing\n.*--help.*\nNo pending tasks.*401 - Unauthorized\n.*docket whoami.*\n.*Connection refused.*\n.*docket start/s,
    );
    expect(codes.err).not.toMatch(/^\s+at /m);
  });
});

describe("claim, renew, done and release", () => {
  test("find the attempt that the claim kept for this user alone", async () => {
    const { docket, home, project } = await makeTeam(["one", "two", "three"]);
    const claimed = await docket(["claim", "--worker", "ada"]);
    expect(claimed).toMatchObject({
      code: 0,
      out: expect.stringMatching(/TASK-001 {2}one\n.*worker +ada\n.*attempt 1-\w+; then: docket done TASK-001/s),
    });
    const folder = join(home, ".local", "state", "docket", "attempts");
    const [file = ""] = await readdir(folder);
    expect((await stat(join(folder, file))).mode & 0o777).toBe(0o600);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);

    expect((await docket(["renew", "--checkpoint", '{"done": "half"}', "--lease", "2h"])).out).toMatch(
      /TASK-001; its lease ends in 2 h\.\n$/,
    );
    expect(await docket(["renew", "--checkpoint", "half"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("must be JSON"),
    });
    expect((await docket(["claim", "--worker", "ada"])).code).toBe(0);
    expect(await docket(["done"])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^Which of them\?.*TASK-00[12].*TASK-00[12]/),
    });
    expect(await docket(["release", "task-001", "--failed", "--notes", "no database"])).toMatchObject({ code: 0 });
    expect(await docket(["done", "--notes", "-"], { input: "All of it.\n" })).toMatchObject({
      code: 0,
      out: expect.stringContaining("Completed"),
    });
    expect(await readdir(folder)).toEqual([]);
    expect(await docket(["done"])).toMatchObject({ code: 2, err: expect.stringContaining("Which task?") });

    const again = JSON.parse((await docket(["claim", "TASK-001", "--json"])).out);
    expect(again).toMatchObject({
      attempt: expect.stringMatching(/^2-/),
      briefing: { attempts: [{ outcome: "FAILED", notes: "no database" }] },
    });
    // Another's attempt is refused, although the right one is at hand: whoever passes one means it.
    expect(await docket(["done", "TASK-001", "--attempt", "1-9f86d081884c"])).toMatchObject({ code: 1 });
    const elsewhere = await makeUser({
      DOCKET_URL: project.url,
      DOCKET_API_KEY: project.agentKey,
      DOCKET_PROJECT: project.projectId,
    });
    expect(await elsewhere.docket(["done", "TASK-001"])).toMatchObject({ code: 1 });
    expect(await elsewhere.docket(["done", "TASK-001", "--attempt", again.attempt])).toMatchObject({ code: 0 });
  });
});

describe("planning and looking", () => {
  test("adds a plan as a whole, shows it, and links its tasks", async () => {
    const { docket, home } = await makeTeam(["before"]);
    const plan =
      "# Plan\n- [ ] Design the schema {#a}\n- [x] Told everybody\n- [ ] Write the API (after: a, TASK-001)\n  - [ ] Write its tests\n";
    await writeFile(join(home, "plan.md"), plan);
    expect((await docket(["plan", "plan.md", "--dry-run"])).out).toBe(`KEY     PART OF  AFTER        TASK
a                             Design the schema
item-2           a, TASK-001  Write the API
item-3  item-2                Write its tests
3 tasks would be added; nothing was.
`);
    expect((await docket(["plan", "-"], { input: plan })).out).toMatch(
      /TASK-002 {2}ready {2}Design the schema\n.*TASK-003 {2}waits {2}Write the API\n.*Added 3 tasks\.\n$/s,
    );
    const bad = [{ description: "fine" }, { description: "", dependsOn: ["nothing"] }];
    expect(await docket(["plan", "-"], { input: JSON.stringify(bad) })).toMatchObject({
      code: 1,
      err: expect.stringContaining("tasks[1]"),
    });
    for (const input of ["", "no list", "[]", '{"tasks": 1}', "[1]", "[{]"])
      expect((await docket(["plan", "-"], { input })).code).toBe(2);

    expect((await docket(["deps", "TASK-003"])).out).toBe(`TASK-003  pending  Write the API
waits for
  TASK-001  pending  before
  TASK-002  pending  Design the schema
`);
    expect(await docket(["deps", "TASK-002", "--add", "TASK-003"])).toMatchObject({
      code: 1,
      err: expect.stringContaining("circle"),
    });
    expect((await docket(["deps", "TASK-003", "--remove", "TASK-001,TASK-002"])).out).toContain("Nothing is linked");
    const shown = await docket(["show", "TASK-003"]);
    expect(shown.out).toMatch(/^\S+\/TASK-003 {2}Write the API\n.*status +pending\n.*Not ready\n/s);
    const listed = JSON.parse((await docket(["tasks", "--ready", "--limit", "1", "--json"])).out);
    expect(listed).toMatchObject({ totalCount: 3, tasks: [{ taskId: "TASK-001" }] });
    expect((await docket(["tasks", "--ready", "--limit", "1"])).out).toMatch(
      /ready.*before\n… and 2 more: --limit 3 shows them\n$/s,
    );
    expect(
      (await docket(["add", "-", "--title", "T", "--priority", "0", "--label", "x,y"], { input: "Words\nand more\n" }))
        .out,
    ).toBe("TASK-005\n");
    expect((await docket(["next", "--label", "x"])).out).toMatch(
      /TASK-005 {2}T\n\n {2}Words\n {2}and more\n\n.*labels +x, y\n/s,
    );
  });

  test("shows what another's texts hold as text, whatever would move the cursor", async () => {
    const { docket } = await makeTeam();
    await docket(["add", "\u001b[2J\u001b]0;owned\u0007evil\u202e\u009b31m", "--title", "\u001b[31mred\r\nnext"]);
    for (const command of ["tasks", "show TASK-001", "next", "claim", "status", "events", "status --watch"]) {
      const ending = new AbortController();
      const { out } = await docket(command.split(" "), {
        signal: ending.signal,
        watched: () => command.endsWith("--watch") && ending.abort(),
      });
      expect([command, out.replaceAll("\n", "")]).toEqual([command, expect.not.stringMatching(/[\p{Cc}\p{Cf}]/u)]);
      if (!command.startsWith("events")) expect(out).toContain("red");
    }
  });

  test("follows live what happens, as lines and as a table that is drawn anew", async () => {
    const { docket } = await makeTeam(["first"]);
    const { promise: drawnOnce, resolve: draws } = Promise.withResolvers<void>();
    const [follower, watcher] = [new AbortController(), new AbortController()];
    const events = docket(["events", "--follow", "--limit", "1", "--json"], {
      signal: follower.signal,
      watched: (out) => out.includes("task.claimed") && follower.abort(),
    });
    const status = docket(["status", "--watch"], {
      signal: watcher.signal,
      isTerminal: true,
      watched: (out) => (out.includes("ada") ? watcher.abort() : draws()),
    });
    await drawnOnce;
    await docket(["claim", "--worker", "ada"]);
    const lines = (await events).out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map(({ type }) => type)).toEqual(["task.created", "task.claimed"]);
    const drawn = (await status).out.split("\u001b[H\u001b[2J\u001b[3J");
    expect(drawn.length).toBeGreaterThanOrEqual(3);
    expect(drawn[1]).toMatch(/ 1 +1 +0 +0 +0 +0 %\n/);
    expect(drawn.at(-1)).toMatch(/ 0 +0 +1 +0 +0 +0 %\n\nTASK +WORKER.*ada.*Ctrl-C ends it/s);
  });

  test("reserves, confirms, takes and registers IDs, and leaves stdout to what a script wants", async () => {
    const { docket } = await makeTeam();
    const reserved = await docket(["reserve", "US", "3"]);
    expect(reserved).toMatchObject({ code: 0, out: "US-001 US-002 US-003\n" });
    const [, reservation = ""] = /docket confirm (\S+)/.exec(reserved.err) ?? [];
    expect((await docket(["ids"])).out).toMatch(
      /^TYPE {2}LAST {4}NEXT {4}FREE AGAIN\nUS {4}US-003 {2}US-004\n\nRESERVED.*\nUS-001 US-002 US-003 {2}in 15 min {2}/,
    );
    expect((await docket(["confirm", reservation, "US-001"])).out).toBe("Confirmed US-001\nGave back US-002 US-003\n");
    expect((await docket(["ids", "take", "US"])).out).toBe("US-002\n");
    expect((await docket(["ids", "register", "US-001", "ADR-001"])).out).toBe(
      "Registered ADR-001\nKnown before US-001\n",
    );
    expect(await docket(["reserve", "US", "101"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("from 1 to 100"),
    });
    expect(await docket(["reserve", "invalid", "--json"])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^\{"error":\{.*"code":"BAD_USER_INPUT"/),
    });
  });

  test("lets an admin make projects and keys, and nobody else", async () => {
    const { docket, env } = await makeTeam();
    expect(await docket(["keys"])).toMatchObject({ code: 1 });
    const admin = { env: { ...env, DOCKET_API_KEY: shared.server.adminKey } };
    const name = `p-${Date.now()}`;
    expect((await docket(["projects", "create", name, "--name", "New"], admin)).out).toBe(`Made ${name}.\n`);
    expect((await docket(["projects", "pause", name, "--reason", "quota"], admin)).code).toBe(0);
    expect((await docket(["projects"], admin)).out).toMatch(new RegExp(`${name} +own +\\S.* New +paused: quo(ta|…)\n`));
    expect((await docket(["projects", "resume", name], admin)).code).toBe(0);
    const made = await docket(["keys", "create", "ci", "--role", "reader", "--only", name], admin);
    expect(made.out).toMatch(/^dk_\w+\n$/);
    const reader = { env: { ...env, DOCKET_API_KEY: made.out.trim(), DOCKET_PROJECT: name } };
    expect((await docket(["tasks"], reader)).code).toBe(0);
    const [, formerId = ""] = /Made (\S+)\./.exec(made.err) ?? [];
    const rotated = await docket(["keys", "rotate", formerId, "--overlap", "2h"], admin);
    expect(rotated.err).toContain(`; ${formerId} ends in 2 h`);
    for (const key of [made.out, rotated.out])
      expect((await docket(["tasks"], { env: { ...reader.env, DOCKET_API_KEY: key.trim() } })).code).toBe(0);
    const [, keyId = ""] = /Made (\S+);/.exec(rotated.err) ?? [];
    expect(await docket(["keys", "rotate", formerId, "--overlap", "2h", "--now"], admin)).toMatchObject({
      code: 2,
      err: expect.stringContaining("cannot be used with"),
    });
    expect((await docket(["keys", "rotate", formerId, "--now"], admin)).err).toContain(`; ${formerId} has ended.`);
    expect((await docket(["tasks"], reader)).code).toBe(1);
    expect((await docket(["keys", "revoke", keyId], admin)).code).toBe(0);
    expect((await docket(["keys"], admin)).out).toMatch(/ci +reader .*\(revoked\)/);
  });
});
