import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test, vi } from "vitest";
import { connect } from "../../../src/db/connect.ts";
import { type EmbeddedServer, startEmbedded } from "../../../src/db/embedded/start.ts";
import { copyFolder } from "../../support/copy-folder.ts";
import { eventually } from "../../support/eventually.ts";
import { SMALL } from "../../support/small-postgres.ts";
import { makeInitialisedHome, makeTemporaryFolder } from "../../support/temporary-folder.ts";

// One file: each of these tests has a PostgreSQL of its own, started and ended by what stands above them.
const FAST = { settings: SMALL };
let temporary: string;
/** The Docket folder: at first there is none. */
let folder: string;
let children: ChildProcess[];

beforeEach(async () => {
  temporary = await makeTemporaryFolder("embedded");
  folder = join(temporary, ".docket");
  children = [];
});

afterEach(async () => {
  vi.unstubAllEnvs();
  for (const child of children) child.kill("SIGKILL");
  // Nothing may survive a test that failed half-way.
  const pid = await postmasterPid().catch(() => undefined);
  if (folder.startsWith(temporary) && pid !== undefined && (await isPostgres(pid))) process.kill(pid, "SIGKILL");
  await rm(temporary, { recursive: true, force: true });
});

/** Another process that starts or joins the server. */
async function startProcess(): Promise<{ child: ChildProcess; ownerUrl: string; stop(): Promise<void> }> {
  const child = fork(fileURLToPath(new URL("embedded-process.ts", import.meta.url)), [folder], {
    env: { ...process.env, NODE_COMPILE_CACHE: join(inject("runFolder"), "compiled") },
  });
  children.push(child);
  const [ownerUrl] = await once(child, "message");
  const stop = async () => {
    child.send("stop");
    await once(child, "exit");
  };
  return { child, ownerUrl: String(ownerUrl), stop };
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  await once(child, "exit");
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = await connect(url, "docket test");
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

async function postmasterPid(data = join(folder, "postgres")): Promise<number> {
  return Number.parseInt(await readFile(join(data, "postmaster.pid"), "utf8"), 10);
}

async function isPostgres(pid: number): Promise<boolean> {
  const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return command.includes(folder);
}

function socketFolder(url: string): string {
  return new URL(url).searchParams.get("host") ?? "";
}

describe("a server that runs", () => {
  let home: string;
  let server: EmbeddedServer;

  beforeAll(async () => {
    home = await makeInitialisedHome(join(await makeTemporaryFolder("running"), ".docket"));
    server = await startEmbedded(home, FAST);
    await query(server.ownerUrl, "CREATE TABLE kept AS SELECT 42 AS answer");
  });

  beforeEach(async () => {
    folder = home;
    // After a test that failed half-way.
    if (!(await server.isRunning())) await server.restart();
  });

  afterAll(async () => {
    await server.stop();
    await rm(dirname(home), { recursive: true });
  });

  const expectKept = async () =>
    expect(await query(server.ownerUrl, "SELECT answer FROM kept")).toEqual([{ answer: 42 }]);

  test("has the settings of Docket, no TCP, and a session of its own, out of reach of Ctrl-C", async () => {
    const names = ["timezone", "log_timezone", "listen_addresses", "server_encoding", "password_encryption"];
    const list = names.map((name) => `current_setting('${name}') AS ${name}`).join();
    expect(await query(server.ownerUrl, `SELECT ${list}`)).toEqual([
      {
        timezone: "UTC",
        log_timezone: "UTC",
        listen_addresses: "",
        server_encoding: "UTF8",
        password_encryption: "scram-sha-256",
      },
    ]);
    if (process.platform === "linux") {
      const pid = await postmasterPid();
      const [, , , , group, session] = (await readFile(`/proc/${pid}/stat`, "utf8")).split(" ");
      expect([group, session]).toEqual([String(pid), String(pid)]);
    }
  });

  test("is opened only by its owner and the password", async () => {
    expect((await stat(socketFolder(server.ownerUrl))).mode & 0o777).toBe(0o700);
    expect((await stat(join(folder, "postgres", "docket-password"))).mode & 0o777).toBe(0o600);
    const guess = new URL(server.ownerUrl);
    guess.password = "password";
    await expect(query(guess.href, "SELECT")).rejects.toThrow("password authentication failed");
  });

  test("starts nowhere else when its address is taken meanwhile, and there again when it is free", async () => {
    process.kill(await postmasterPid(), "SIGINT");
    await eventually(async () => expect(await server.isRunning()).toBe(false));
    const other = createServer();
    const socket = join(socketFolder(server.url), ".s.PGSQL.5432");
    await eventually(async () => await expect(stat(socket)).rejects.toThrow("ENOENT"));
    await new Promise<void>((listening) => other.listen(socket, listening));
    await expect(server.restart()).rejects.toThrow("The address of PostgreSQL's socket is taken");
    await expect(postmasterPid()).rejects.toThrow("ENOENT");
    await new Promise((closed) => other.close(closed));
    await server.restart();
    await expectKept();
  });

  test("counts as gone when it was told to end once its connections have ended, and is brought back without waiting", async () => {
    const pooled = await connect(server.url, "docket test");
    const cutOff = new Promise((resolve) => pooled.once("end", resolve));
    process.kill(await postmasterPid(), "SIGTERM");
    await eventually(async () => expect(await server.isRunning()).toBe(false));
    await expect(query(server.url, "SELECT")).rejects.toThrow("shutting down");
    await server.restart();
    await cutOff;
    await query(server.url, "SELECT");
  });

  test("counts as gone when its socket was swept away, and gets it back from its user or from the next one", async () => {
    await rm(socketFolder(server.url), { recursive: true });
    expect(await server.isRunning()).toBe(false);
    await server.restart();
    await query(server.url, "SELECT");

    await rm(socketFolder(server.url), { recursive: true });
    const next = await startEmbedded(folder, FAST);
    await query(next.url, "SELECT");
    expect(await server.isRunning()).toBe(true);
    await next.stop();
  });

  test("is started anew when it was killed and another process has the number in its pid file now", async () => {
    process.kill(await postmasterPid(), "SIGKILL");
    await eventually(async () => expect(await server.isRunning()).toBe(false));
    const pidFile = join(folder, "postgres", "postmaster.pid");
    const [, ...rest] = (await readFile(pidFile, "utf8")).split("\n");
    await writeFile(pidFile, [process.pid, ...rest].join("\n"));
    const next = await startEmbedded(folder, FAST);
    await expectKept();
    await next.stop();
  });

  test("is left alone by one in a copy of its folder, whose socket has a short path under a long temporary folder", async () => {
    await query(server.ownerUrl, "CHECKPOINT");
    const copy = join(temporary, "copy");
    await copyFolder(folder, copy);
    const long = join(temporary, "x".repeat(90));
    await mkdir(long);
    vi.stubEnv("TMPDIR", long);
    const other = await startEmbedded(copy, FAST);
    expect(other.url).not.toBe(server.url);
    expect(dirname(socketFolder(other.ownerUrl))).toBe("/tmp");
    await query(other.ownerUrl, "UPDATE kept SET answer = 43");
    await other.stop();
    await expectKept();
  });
});

test("keeps the data over a restart; the server's login owns nothing, also on a cluster of an earlier version, which had only a superuser", async () => {
  await makeInitialisedHome(folder);
  const first = await startEmbedded(folder, FAST);
  await query(first.ownerUrl, "CREATE TABLE kept AS SELECT 42 AS answer");
  await expectToOwnNothing(first);
  await query(first.ownerUrl, "DROP ROLE docket_server");
  await rm(join(folder, "postgres", "docket-server-password"));
  await first.stop();
  await expect(query(first.ownerUrl, "SELECT")).rejects.toThrow("Cannot connect to PostgreSQL");
  await expect(stat(socketFolder(first.ownerUrl))).rejects.toThrow("ENOENT");

  const second = await startEmbedded(folder, FAST);
  expect(await query(second.ownerUrl, "SELECT answer FROM kept")).toEqual([{ answer: 42 }]);
  await expectToOwnNothing(second);
  await second.stop();
  await second.stop();
});

async function expectToOwnNothing({ url }: EmbeddedServer): Promise<void> {
  const who = "SELECT current_user AS login, rolsuper, rolcreaterole, rolcreatedb FROM pg_roles";
  expect(await query(url, `${who} WHERE rolname = current_user`)).toEqual([
    { login: "docket_server", rolsuper: false, rolcreaterole: false, rolcreatedb: false },
  ]);
  await expect(query(url, "CREATE TABLE mine ()")).rejects.toThrow("permission denied");
}

test("is joined when its Docket was killed, and starts again when both were killed", async () => {
  await makeInitialisedHome(folder);
  const { child, ownerUrl: url } = await startProcess();
  await query(url, "CREATE TABLE kept AS SELECT 42 AS answer");
  const pid = await postmasterPid();
  await kill(child);

  const joined = await startEmbedded(folder, FAST);
  expect(await postmasterPid()).toBe(pid);
  expect(await query(joined.ownerUrl, "SELECT answer FROM kept")).toEqual([{ answer: 42 }]);

  process.kill(pid, "SIGKILL");
  const server = await startEmbedded(folder, FAST);
  expect(await postmasterPid()).not.toBe(pid);
  expect(await query(server.ownerUrl, "SELECT answer FROM kept")).toEqual([{ answer: 42 }]);
  await joined.stop();
  await server.stop();
  await expect(stat(socketFolder(url))).rejects.toThrow("ENOENT");
});

test("comes back at its address, started by one of those who use it, and ends with the last one, within one process too, but not for one that was killed", async () => {
  await makeInitialisedHome(folder);
  const [first, second] = await Promise.all([startEmbedded(folder, FAST), startEmbedded(folder, FAST)]);
  await query(first.ownerUrl, "CREATE TABLE kept AS SELECT 42 AS answer");
  const pid = await postmasterPid();
  process.kill(pid, "SIGKILL");
  await eventually(async () => expect(await first.isRunning()).toBe(false));
  const third = await startProcess();
  await first.restart();
  const newPid = await postmasterPid();
  expect(newPid).not.toBe(pid);
  expect([second.ownerUrl, third.ownerUrl]).toEqual([first.ownerUrl, first.ownerUrl]);
  expect(await query(first.ownerUrl, "SELECT answer FROM kept")).toEqual([{ answer: 42 }]);
  await second.stop();
  await kill(third.child);
  expect(await postmasterPid()).toBe(newPid);
  expect(await first.isRunning()).toBe(true);
  await first.stop();
  expect(await first.isRunning()).toBe(false);
  await expect(query(first.ownerUrl, "SELECT")).rejects.toThrow("Cannot connect");
});

test("a backend that was killed, or whose connection was ended, costs no process its place: the last one out stops the server", async () => {
  await makeInitialisedHome(folder);
  const first = await startProcess();
  const pid = await postmasterPid();
  const crashed = await connect(first.ownerUrl, "docket test");
  const { rows } = await crashed.query("SELECT pg_backend_pid() AS pid");
  const ended = new Promise((resolve) => crashed.once("end", resolve));
  // PostgreSQL then ends all connections and recovers.
  process.kill(rows[0].pid, "SIGKILL");
  await ended;
  const second = await startEmbedded(folder, FAST);
  await second.stop();
  await eventually(() => query(first.ownerUrl, "SELECT"));

  await query(
    first.ownerUrl,
    "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name LIKE 'docket%' AND pid <> pg_backend_pid()",
  );
  const third = await startEmbedded(folder, FAST);
  await third.stop();
  await query(first.ownerUrl, "SELECT");
  expect(await postmasterPid()).toBe(pid);
  await first.stop();
  await expect(query(first.ownerUrl, "SELECT")).rejects.toThrow("Cannot connect");
});

test("two processes that start at once where an initialisation was interrupted, in a folder of an odd name, share one server, and the last one out stops it", async () => {
  const odd = join(temporary, "it's %20 #1, ünï ");
  vi.stubEnv("TMPDIR", odd);
  folder = join(odd, ".docket");
  await mkdir(join(folder, "postgres.new-killed", "data"), { recursive: true });
  await writeFile(join(folder, "postgres.new-killed", "data", "PG_VERSION"), "18\n");
  const [first, second] = await Promise.all([startProcess(), startProcess()]);
  expect(first.ownerUrl).toBe(second.ownerUrl);
  expect(dirname(socketFolder(first.ownerUrl))).toBe(odd);
  expect((await readdir(folder)).sort()).toEqual(["postgres", "postgres.lock", "postgres.users"]);
  await first.stop();
  await query(second.ownerUrl, "SELECT");
  await second.stop();
  await expect(query(second.ownerUrl, "SELECT")).rejects.toThrow("Cannot connect");
});

test.runIf(process.getuid?.() === 0)("as root, keeps the data where PostgreSQL's user can reach it", async () => {
  await chmod(temporary, 0o700);
  const first = await startEmbedded(folder, FAST);
  const data = (await readFile(join(folder, "postgres-location"), "utf8")).trim();
  await query(first.ownerUrl, "CREATE TABLE kept AS SELECT 42 AS answer");
  await first.stop();
  const second = await startEmbedded(folder, FAST);
  expect(await query(second.ownerUrl, "SELECT answer FROM kept")).toEqual([{ answer: 42 }]);
  await second.stop();
  await rm(dirname(data), { recursive: true });
});
