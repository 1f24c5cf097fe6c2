import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { ServerProcess } from "../../bench/server-process.ts";
import packageJson from "../../package.json" with { type: "json" };
import { PACKAGE_ROOT } from "../../src/config/package-root.ts";
import { builtPackage } from "../support/built-docket.ts";
import { startCollector } from "../support/collector.ts";
import { copyFolder } from "../support/copy-folder.ts";
import { createTestDatabase } from "../support/database.ts";
import { startMcpAgent } from "../support/mcp-client.ts";
import { findOlderNode } from "../support/older-node.ts";
import { makeTemporaryFolder } from "../support/temporary-folder.ts";

/** Folders of users who have installed the tarball, the second one without its optional part. */
let whole: string;
let slim: string;
let packed: readonly string[];

beforeAll(async () => {
  const folder = await makeTemporaryFolder("package");
  const staged = await builtPackage();
  const [made] = JSON.parse(await npm(staged, `pack --json --ignore-scripts --pack-destination ${folder}`));
  packed = made.files.map(({ path }: { path: string }) => path);
  whole = join(folder, "whole");
  await mkdir(whole);
  await npm(whole, `install ${join(folder, made.filename)} --prefer-offline --no-audit --no-fund`);
  slim = join(folder, "slim");
  await copyFolder(whole, slim);
  await npm(slim, "prune --omit=optional --offline --no-audit --no-fund");
  // Long where the packages still have to be fetched, or eight others work at the same time.
}, 600_000);

/** npm as a user has it, not as one that runs these tests by npm does. */
async function npm(cwd: string, args: string): Promise<string> {
  const ours = /^npm_(?!config_(registry|cache)$)|^NODE_|^VITEST/i;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
  const options = { cwd, env, shell: process.platform === "win32" };
  return (await promisify(execFile)("npm", args.trim().split(" "), options)).stdout;
}

const commandIn = (folder: string) => join(folder, "node_modules", ".bin", "docket");

/** Runs the installed command in its folder, or in another one. */
async function docket(
  folder: string,
  args: readonly string[],
  { node = process.execPath, env = {}, cwd = folder } = {},
) {
  const child = execFile(commandIn(folder), args, {
    cwd,
    env: { PATH: `${dirname(node)}${delimiter}${process.env["PATH"]}`, HOME: folder, ...env },
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let [out, err] = ["", ""];
  child.stdout?.on("data", (text) => {
    out += text;
    // The demo goes on until Ctrl-C.
    if (args[0] === "demo" && / completes /.test(out) && !child.killed) child.kill("SIGINT");
  });
  child.stderr?.on("data", (text) => (err += text));
  const [code] = await once(child, "close");
  return { out, err, code };
}

async function sizeOf(folder: string): Promise<number> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const sizes = files.filter((file) => file.isFile()).map((file) => stat(join(file.parentPath, file.name)));
  return (await Promise.all(sizes)).reduce((sum, { size }) => sum + size, 0) / 1e6;
}

/** The main paths of a server that the package runs, by each of its doors. */
async function walk(folder: string, server: ServerProcess, home: string) {
  const { url } = server;
  const key = (await readFile(join(home, "agent-key"), "utf8")).trim();
  const send = async (path: string, init: RequestInit = {}) =>
    await fetch(url + path, { ...init, headers: { Authorization: `Bearer ${key}`, ...init.headers } });
  const json = { "Content-Type": "application/json" };
  const ask = async (query: string) => {
    const answer = await send("/graphql", { method: "POST", headers: json, body: JSON.stringify({ query }) });
    const { data, errors } = await answer.json();
    expect(errors).toBeUndefined();
    return data;
  };

  // GraphQL
  const added = await ask(`mutation { addTasks(input: {projectId: "alpha", createProject: true, tasks: [
    {key: "a", description: "first"}, {description: "second", dependsOn: ["a"]}]}) { taskIds } }`);
  expect(added).toEqual({ addTasks: { taskIds: ["TASK-001", "TASK-002"] } });
  const reserved = await ask(`mutation { reserveIds(input: {projectId: "alpha", artifactType: "US", count: 3}) {
    reservedIds reservation { reservationId } } }`);
  expect(reserved.reserveIds.reservedIds).toEqual(["US-001", "US-002", "US-003"]);
  const { reservationId } = reserved.reserveIds.reservation;
  expect(
    await ask(`mutation { confirmReservation(input: {reservationId: "${reservationId}"}) { reservation { status } } }`),
  ).toEqual({ confirmReservation: { reservation: { status: "CONFIRMED" } } });

  // MCP
  const agent = await startMcpAgent({ url, key, project: "alpha", docket: commandIn(folder) });
  expect((await agent.call("get_next_task")).data).toMatchObject({ task: { task_id: "TASK-001" } });
  const done = await agent.call("update_task_status", { task_id: "TASK-001", status: "completed" });
  expect([done.failed, done.text]).toEqual([false, expect.stringContaining(`"status":"completed"`)]);
  await agent.close();

  // The command line
  const env = { DOCKET_URL: url, DOCKET_API_KEY: key, DOCKET_PROJECT: "alpha" };
  const worked = await docket(folder, ["work", "--", "sh", "-c", "echo $DOCKET_TASK_ID"], { env });
  expect(worked).toMatchObject({ code: 0, out: "TASK-002\n", err: expect.stringContaining("TASK-002 completed") });
  expect(await docket(folder, ["claim"], { env })).toMatchObject({ code: 3, err: expect.stringMatching(/pending/i) });

  // REST
  const next = await send("/api/v1/tasks/next?project=alpha");
  expect([next.status, await next.json()]).toEqual([200, expect.objectContaining({ success: true })]);
  const openapi = await (await send("/openapi.json")).json();
  expect(openapi.info.version).toBe(packageJson.version);
  expect((await send("/docs")).status).toBe(200);
  expect(await (await send("/health/ready")).json()).toMatchObject({ dependencies: { schema: "current" } });

  // GraphiQL, with what Docket adds to it
  const page = await (await send("/graphql", { headers: { Accept: "text/html" } })).text();
  expect(page).toContain("<title>Docket GraphiQL</title>");
  const [, script = ""] = /<script src="([^"]+)">/.exec(page) ?? [];
  expect(await (await send(script)).text()).toMatch(/docket:claims.*npx docket demo/s);
}

describe("the package", () => {
  test("is what runs and what is read, with every licence, and small", async () => {
    const parts = new Set(packed.map((file) => file.split("/")[0]));
    expect([...parts].sort()).toEqual(
      ["CHANGELOG.md", "LICENSE", "README.md", "cli", "dist", "docs", "package.json", "prisma", "server.json"].sort(),
    );
    expect(packed.filter((file) => /\.ts$|\.env|\.docket\/|agent-key/.test(file))).toEqual([]);
    // The same as of this folder, whatever else lies in it.
    const [here] = JSON.parse(await npm(process.cwd(), "pack --json --dry-run --ignore-scripts"));
    const besides = (files: readonly string[]) => files.filter((file) => !file.startsWith("dist/")).sort();
    expect(besides(here.files.map(({ path }: { path: string }) => path))).toEqual(besides(packed));

    const licences = await readFile(join(slim, "node_modules/docket/dist/THIRD-PARTY-LICENCES.txt"), "utf8");
    for (const name of [
      "graphql",
      "graphql-yoga",
      "zod",
      "pg",
      "ws",
      "@prisma/client",
      "@graphql-yoga/render-graphiql",
    ])
      expect(licences).toMatch(new RegExp(`^${name} \\d\\S* \\(\\S+\\)$`, "m"));
    expect(licences).not.toContain("undefined");

    const installed = JSON.parse(await readFile(join(slim, "node_modules/.package-lock.json"), "utf8"));
    expect(Object.keys(installed.packages)).toEqual(["node_modules/docket"]);
    expect(await sizeOf(slim)).toBeLessThan(30);
    expect(await sizeOf(whole)).toBeLessThan(100);
    expect(await npm(whole, "exec --no -- docket --version")).toBe(`${packageJson.version}\n`);
  });

  test("starts a server with a PostgreSQL of its own in an empty folder, with all doors open and the demo at work", async () => {
    const home = join(whole, ".docket");
    const server = new ServerProcess({ databaseUrl: undefined, home, docket: commandIn(whole) });
    onTestFinished(() => server.stop());
    await server.start();
    await walk(whole, server, home);
    const { out, code } = await docket(whole, ["demo"], { env: { DOCKET_URL: server.url } });
    expect([code, out]).toEqual([0, expect.stringMatching(/ completes .*Stopped\./s)]);
    expect(out).toMatch(/ [1-9]\d* events came live, none missing/);
    expect(await docket(whole, ["audit", "verify"])).toMatchObject({ code: 0, out: expect.stringMatching(/verified/) });
  });

  test("needs no PostgreSQL of its own where DATABASE_URL names one, and says what to install where neither is there", async () => {
    const { err, code } = await docket(slim, ["start"], { env: { PORT: "0" } });
    expect([code, err]).toEqual([1, expect.stringContaining("`npm install --include=optional`")]);
    expect(err).toContain("DATABASE_URL");
    expect(err).not.toMatch(/^\s+at /m);

    const { url: databaseUrl, ownerUrl, drop } = await createTestDatabase();
    const home = await makeTemporaryFolder("home");
    const environment = { DATABASE_OWNER_URL: ownerUrl };
    const server = new ServerProcess({ databaseUrl, home, docket: commandIn(slim), environment });
    onTestFinished(() => server.stop().then(drop));
    await server.start();
    const key = (await readFile(join(home, "agent-key"), "utf8")).trim();
    const env = { DOCKET_URL: server.url, DOCKET_API_KEY: key };
    expect(await docket(slim, ["add", "first", "--project", "alpha", "--create-project"], { env })).toMatchObject({
      code: 0,
      out: "TASK-001\n",
    });
  });

  test("holds all that its parts load later, and its stack traces name the sources", async () => {
    const dist = join(slim, "node_modules/docket/dist");
    // Traces need packages that a user installs.
    const parts = (await readdir(dist)).filter((file) => /^(?!docket\.js|src-http-traces-).*\.js$/.test(file));
    const script = `for (const part of ${JSON.stringify(parts)}) await import(${JSON.stringify(`${dist}/`)} + part);`;
    await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], { cwd: slim });

    const tracer = join(slim, "tracer.mjs");
    await writeFile(
      tracer,
      `const { write } = process.stderr;
       process.stderr.write = (...args) => (process.stdout.write(new Error("traced").stack), write.apply(process.stderr, args));`,
    );
    const { out } = await docket(slim, ["dance"], { env: { NODE_OPTIONS: `--import=${tracer}` } });
    const [, file = "", line = 0] = /docket\/(cli\/shell\/process-shell\.ts):(\d+):\d+/.exec(out) ?? [];
    expect((await readFile(file, "utf8")).split("\n")[Number(line) - 1]).toContain("stderr.write(");
  });

  test("says which packages traces need, and sends them once these are installed beside it", async () => {
    const { url: databaseUrl, ownerUrl, drop } = await createTestDatabase();
    const collector = await startCollector();
    const environment = { DATABASE_OWNER_URL: ownerUrl, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
    const home = await makeTemporaryFolder("home");
    const env = { ...environment, DATABASE_URL: databaseUrl, DOCKET_HOME: home, PORT: "0" };
    const { err, code } = await docket(slim, ["start"], { env });
    const [, packages = ""] = /npm install (.*)\n/.exec(err) ?? [];
    expect([code, err]).toEqual([1, expect.stringContaining("OTEL_EXPORTER_OTLP_ENDPOINT")]);
    expect(await readFile(join(slim, "node_modules/docket/docs/traces.md"), "utf8")).toContain(
      `npm install ${packages}\n`,
    );
    const { devDependencies } = packageJson;
    for (const name of packages.split(" ")) {
      const at = name.lastIndexOf("@");
      expect(devDependencies).toMatchObject({ [name.slice(0, at)]: name.slice(at + 1) });
    }

    const beside = join(slim, "node_modules/@opentelemetry");
    await symlink(join(PACKAGE_ROOT, "node_modules/@opentelemetry"), beside, "junction");
    const server = new ServerProcess({ databaseUrl, home, docket: commandIn(slim), environment });
    onTestFinished(() => server.stop().then(drop));
    await server.start();
    await fetch(`${server.url}/tasks/next`);
    await server.stop();
    await rm(beside);
    expect(collector.spans.map(({ name }) => name)).toEqual(["GET /tasks/next"]);
  });

  const olderNode = findOlderNode();
  test.skipIf(olderNode === undefined)("tells an older Node in a sentence what it needs", async () => {
    const { out, err, code } = await docket(slim, ["status"], { node: olderNode ?? "" });
    expect([code, out]).toEqual([1, ""]);
    expect(err).toMatch(/^Docket needs Node 24 or newer, and this is v\d+\.\d+\.\d+\. Install a newer one.*\n$/);
  });
});
