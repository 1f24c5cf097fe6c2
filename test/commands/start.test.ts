import { once } from "node:events";
import { appendFile, readFile, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { describe, expect, onTestFinished, test } from "vitest";
import { chooseServer } from "../../client/node/choose-server.ts";
import { readConfig } from "../../src/config/config.ts";
import { connect } from "../../src/db/connect.ts";
import { startEmbedded } from "../../src/db/embedded/start.ts";
import { FIRST_KEYS_LOCK } from "../../src/keys/first-keys.ts";
import { startServer } from "../../src/server.ts";
import { createEmptyDatabase, createTestDatabase } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";
import { makeInitialisedHome } from "../support/temporary-folder.ts";
import { fails, makeHome, run } from "./run.ts";

describe("docket start", () => {
  test("says every setting that is wrong, and ends", async () => {
    expect(await fails({ PORT: "x", LOG_LEVEL: "loud" })).toMatch(
      /^Docket cannot start with these settings:\n {2}PORT .*\n {2}LOG_LEVEL .*\n$/,
    );
  });

  test("says that the database cannot be reached, and ends", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await new Promise((done) => server.close(done));
    const err = await fails({ DATABASE_URL: `postgresql://docket:hunter2@127.0.0.1:${port}/docket` });
    expect(err).toMatch(
      new RegExp(`^Cannot connect to PostgreSQL at 127.0.0.1, port ${port}, database "docket": .*ECONNREFUSED`),
    );
    expect(err).not.toContain("hunter2");
  });

  test("says how to create a database that does not exist", async () => {
    const database = await createEmptyDatabase();
    await database.drop();
    expect(await fails({ DATABASE_URL: database.ownerUrl })).toMatch(
      /does not exist[\s\S]*npx docket migrate --create/,
    );
  });

  test("says that its port is taken, and ends", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    onTestFinished(() => void taken.close());
    const { port } = taken.address() as AddressInfo;
    // It looks before it goes to the database, which is not there.
    const env = { DATABASE_URL: "postgresql://docket@127.0.0.1:1/docket", PORT: String(port) };
    expect(await fails({ ...env, DOCKET_HOME: await makeHome() })).toBe(
      `Cannot listen on 127.0.0.1, port ${port}: another program does already. ` +
        "Stop it, or choose another port, such as PORT=4001.\n",
    );
  });

  test("refuses a database that could forget what it has answered", async () => {
    const database = await createTestDatabase();
    const owner = await connect(database.ownerUrl, "docket test");
    await owner.query(`ALTER DATABASE ${new URL(database.ownerUrl).pathname.slice(1)} SET synchronous_commit = off`);
    await owner.end();
    const starting = startServer(readConfig({ PORT: "0" }), { databaseUrl: database.url });
    await expect(starting).rejects.toThrow(/synchronous_commit is off/);
    await database.drop();
  });

  test("runs with nothing set, and all that its banner says is true; Ctrl-C ends it in order", async () => {
    const home = await makeHome();
    // For other servers; ours must not follow any of it.
    const others = {
      PGSSLMODE: "require",
      PGOPTIONS: "-c nonsense=1",
      PGHOST: "nowhere",
      PGUSER: "x",
      PGPASSWORD: "x",
    };
    const child = run("start", { PORT: "0", DOCKET_HOME: join(home, ".docket"), ...others });
    const exited = once(child, "exit");
    if (!child.stdout) throw new Error("no pipe");
    const banner: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      banner.push(line);
      if (line.startsWith("Ctrl-C")) break;
    }
    const all = banner.join("\n");
    const [, link = ""] = /Sign in {4}(http\S+)/.exec(all) ?? [];
    const { origin } = new URL(link);
    const token = new URL(link).searchParams.get("token") ?? "";
    const signedIn = await fetch(`${origin}/sign-in`, {
      method: "POST",
      redirect: "manual",
      body: new URLSearchParams({ token }),
    });
    expect(signedIn.status).toBe(303);
    // The commands of the folder find it without being told.
    expect(chooseServer({ env: { XDG_CONFIG_HOME: home }, cwd: home })).toMatchObject({
      url: { value: origin },
      key: { value: expect.stringMatching(/^dk_/) },
    });

    // The JSON for a stdio client, taken as it stands, in a folder that has nothing to do with this one.
    const [json = "{}"] = /^ {2}\{[\s\S]*?^ {2}\}/m.exec(all) ?? [];
    const { command, args, env } = JSON.parse(json).mcpServers.docket;
    expect(await readFile(env.DOCKET_API_KEY_FILE, "utf8")).toMatch(/^dk_/);
    const client = new Client({ name: "test", version: "1.0.0" });
    const transport = new StdioClientTransport({ command, args, env, cwd: tmpdir(), stderr: "ignore" });
    await client.connect(transport);
    const { isError } = await client.callTool({ name: "list_tasks", arguments: { all_projects: true } });
    expect(isError).not.toBe(true);
    await client.close();

    const [, cli] = /claude mcp add docket (.*)$/m.exec(all) ?? [];
    expect(cli).toBe(
      `--env DOCKET_URL=${origin} --env DOCKET_API_KEY_FILE=${env.DOCKET_API_KEY_FILE} -- ${command} ${args.join(" ")}`,
    );
    // As `npm start | head` does: what is still to be said finds no reader.
    child.stdout.destroy();
    child.kill("SIGINT");
    expect(await exited).toEqual([0, null]);
    await expect(fetch(`${origin}/health`)).rejects.toThrow();
  });
});

/** PostgreSQL's data folder. */
const dataOf = async (home: string) =>
  (await readFile(join(home, "postgres-location"), "utf8").catch(() => join(home, "postgres"))).trim();
const postmasterOf = async (data: string) => Number.parseInt(await readFile(join(data, "postmaster.pid"), "utf8"), 10);

describe("docket start with its own PostgreSQL", () => {
  test("outlives a PostgreSQL that is killed, and ends with a message when it cannot be started again", async () => {
    const home = await makeInitialisedHome(join(await makeHome(), ".docket"));
    const child = run("start", { PORT: "0", DOCKET_HOME: home, LOG_LEVEL: "silent" });
    const ended = once(child, "exit");
    if (!child.stdout || !child.stderr) throw new Error("no pipe");
    const said = text(child.stderr);
    let url = "";
    for await (const line of createInterface({ input: child.stdout })) {
      url ||= /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0] ?? "";
      if (line.startsWith("Ctrl-C")) break;
    }
    child.stdout.resume();
    const key = (await readFile(join(home, "agent-key"), "utf8")).trim();
    const ask = async (query: string): Promise<string> => {
      const response = await fetch(`${url}/graphql`, {
        method: "POST",
        headers: { "Content-Type": "application/json", Authorization: `Bearer ${key}` },
        body: JSON.stringify({ query }),
      });
      const { data, errors } = await response.json();
      if (!errors) return JSON.stringify(data);
      expect(errors[0].extensions).toMatchObject({ code: "DATABASE_UNAVAILABLE", retryable: true });
      return "unavailable";
    };
    const add =
      'mutation { addTasks(input: {projectId: "alpha", createProject: true, tasks: [{description: "x"}]}) { taskIds } }';
    expect(await ask(add)).toContain("TASK-001");
    const data = await dataOf(home);
    const postmaster = () => postmasterOf(data);
    const first = await postmaster();
    process.kill(first, "SIGKILL");
    // The dead server's last connections may still answer.
    const isBack = async () => {
      expect(await ask("{ tasks { nodes { taskId } } }")).toContain("TASK-001");
      expect(await postmaster()).not.toBe(first);
    };
    await eventually(isBack);

    await appendFile(join(data, "postgresql.conf"), "nonsense = 1\n");
    process.kill(await postmaster(), "SIGKILL");
    expect(await ended).toEqual([1, null]);
    expect(await said).toMatch(/^The embedded PostgreSQL failed 5 times within a minute.*nonsense/s);
    const last = await postmaster();
    expect(() => process.kill(last, 0)).toThrow("ESRCH");
    if (data !== join(home, "postgres")) await rm(dirname(data), { recursive: true });
  });

  test("waits with what it has to say until the first keys can be made, and ends when it is told to while PostgreSQL is being started again, which would take long", async () => {
    const home = await makeInitialisedHome(join(await makeHome(), ".docket"));
    const other = await startEmbedded(home);
    onTestFinished(() => other.stop());
    const owner = await connect(other.ownerUrl, "docket test");
    await owner.query("SELECT pg_advisory_lock($1)", [FIRST_KEYS_LOCK]);
    const child = run("start", { PORT: "0", DOCKET_HOME: home });
    const ended = once(child, "exit");
    if (!child.stdout) throw new Error("no pipe");
    let waited = false;
    for await (const line of createInterface({ input: child.stdout })) {
      if (line.includes("Making the first keys fails")) {
        waited = true;
        await owner.query("SELECT pg_advisory_unlock($1)", [FIRST_KEYS_LOCK]);
      }
      if (line.startsWith("Ctrl-C")) break;
    }
    expect(waited).toBe(true);
    child.stdout.resume();
    await owner.end();
    await other.stop();
    const data = await dataOf(home);
    // Recovery waits for an archive that never answers.
    const waiting = "while [ -e recovery.signal ]; do sleep 0.2; done; false";
    await appendFile(join(data, "postgresql.conf"), `restore_command = '${waiting}'\n`);
    await writeFile(join(data, "recovery.signal"), "");
    const first = await postmasterOf(data);
    process.kill(first, "SIGKILL");
    const second = await eventually(async () => {
      const pid = await postmasterOf(data);
      expect(pid).not.toBe(first);
      process.kill(pid, 0);
      return pid;
    });
    child.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
    // Whoever inherits what it leaves behind takes a moment to notice that it has ended.
    await eventually(() => expect(() => process.kill(second, 0)).toThrow("ESRCH"));
    await rm(join(data, "recovery.signal"));
    if (data !== join(home, "postgres")) await rm(dirname(data), { recursive: true });
  });
});
