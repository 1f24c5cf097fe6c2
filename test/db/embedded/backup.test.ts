import { createHash } from "node:crypto";
import { once } from "node:events";
import { access, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, onTestFinished, test } from "vitest";
import { connect } from "../../../src/db/connect.ts";
import { MANIFEST_FILE, PLATFORM } from "../../../src/db/embedded/backup/about.ts";
import { restoreBackup } from "../../../src/db/embedded/backup/restore.ts";
import { takeBackup } from "../../../src/db/embedded/backup/take.ts";
import { END, tarFile } from "../../../src/db/embedded/backup/tar.ts";
import { startEmbedded } from "../../../src/db/embedded/start.ts";
import { connectAuditor } from "../../../src/log/audit/auditor.ts";
import { verifyLog } from "../../../src/log/audit/verify.ts";
import { fails, outcome, run } from "../../commands/run.ts";
import { startTestServer } from "../../support/server.ts";
import { SMALL } from "../../support/small-postgres.ts";
import { makeInitialisedHome, makeTemporaryFolder } from "../../support/temporary-folder.ts";
import { query } from "./kept.ts";

const FAST = { settings: SMALL };

interface Made {
  readonly folder: string;
  readonly file: string;
  /** What was answered before it was begun: tasks that were added, and claimed. */
  readonly before: Readonly<Record<"added" | "claimed", ReadonlySet<string>>>;
}

/** One for all tests, of the database in `.docket`. */
let making: Promise<Made> | undefined;
function aBackup(): Promise<Made> {
  making ??= make();
  return making;
}

async function succeed(command: string, env: Record<string, string>): Promise<string> {
  const child = run(command, env);
  const { out, err, code } = await outcome(child, once(child, "exit"));
  expect([err, code]).toEqual(["", 0]);
  return out;
}

/** The database of a folder, started for a look. */
async function look<T>(home: string, see: (ownerUrl: string) => Promise<T>): Promise<T> {
  const server = await startEmbedded(home, FAST);
  try {
    return await see(server.ownerUrl);
  } finally {
    await server.stop();
  }
}

const rows = (ownerUrl: string, sql: string) => query({ ownerUrl } as Parameters<typeof query>[0], sql);

/** Backs a database up while tasks are added and claimed in it. */
async function make(): Promise<Made> {
  const folder = await makeTemporaryFolder("backup");
  const file = join(folder, "docket.tar.gz");
  const home = await makeInitialisedHome(join(folder, ".docket"));
  const embedded = await startEmbedded(home, FAST);
  const server = await startTestServer({ test: { ...embedded, drop: async () => undefined }, keepOpen: true });
  await server.ask(`mutation { createProject(input: {projectId: "alpha", name: "Alpha"}) { replayed } }`);
  const answered = { added: new Set<string>(), claimed: new Set<string>() };
  let ended = false;
  const agent = async (worker: string) => {
    while (!ended) {
      const { addTasks, claimNextTask } = await server.ask<{
        addTasks: { taskIds: string[] };
        claimNextTask: { task: { taskId: string } };
      }>(
        `mutation ($worker: String!) {
          addTasks(input: {projectId: "alpha", tasks: [{description: "a"}, {description: "b"}]}) { taskIds }
          claimNextTask(input: {projectId: "alpha", worker: $worker}) { task { taskId } }
        }`,
        { worker },
      );
      for (const taskId of addTasks.taskIds) answered.added.add(taskId);
      answered.claimed.add(claimNextTask.task.taskId);
    }
  };
  const agents = ["one", "two", "three"].map(agent);
  await expect.poll(() => answered.claimed.size).toBeGreaterThan(20);
  const before = { added: new Set(answered.added), claimed: new Set(answered.claimed) };
  expect(await succeed(`backup ${file}`, { DOCKET_HOME: home })).toContain(`Wrote ${file} (`);
  const meanwhile = answered.claimed.size;
  await expect.poll(() => answered.claimed.size).toBeGreaterThan(meanwhile);
  ended = true;
  await Promise.all(agents);
  // Work went on while it was made, which is what this is about.
  expect(meanwhile).toBeGreaterThan(before.claimed.size);

  const url = new URL(embedded.ownerUrl);
  url.searchParams.set("replication", "database");
  const other = await connect(url.href, "another backup");
  await other.query("CREATE_REPLICATION_SLOT docket_backup TEMPORARY PHYSICAL");
  await expect(takeBackup(embedded.ownerUrl, join(folder, "second"))).rejects.toThrow(
    /^Another backup of .* is under way/,
  );
  await other.end();

  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readdir(folder)).toEqual([".docket", "docket.tar.gz"]);
  await expect(takeBackup(embedded.ownerUrl, file)).rejects.toThrow(/^There is .* already.*--overwrite/);
  await expect(restoreBackup(file, home, FAST)).rejects.toThrow(
    /^There is a database in .* already\. Pass --overwrite/,
  );
  await expect(restoreBackup(file, home, { ...FAST, overwrite: true })).rejects.toThrow(/^A Docket process uses/);
  await server.close();
  await embedded.stop();
  return { folder, file, before };
}

describe("a backup", () => {
  test("that was made during work holds all that was answered before it, with a sound log, and needs nothing else", async () => {
    const { folder, file, before } = await aBackup();
    const home = join(folder, "elsewhere");
    const { about, data, former } = await restoreBackup(file, home, FAST);
    expect({ about, data, former }).toMatchObject({
      about: { docket: expect.any(String), postgres: expect.stringMatching(/^18\./) },
      data: join(home, "postgres"),
      former: undefined,
    });
    await look(home, async (ownerUrl) => {
      const found = await rows(ownerUrl, "SELECT task_id, claimed_by FROM tasks");
      const [added, claimed] = [found, found.filter((row) => row["claimed_by"] !== null)].map(
        (some) => new Set(some.map((row) => row["task_id"])),
      );
      expect(before.added.difference(added ?? new Set())).toEqual(new Set());
      expect(before.claimed.difference(claimed ?? new Set())).toEqual(new Set());
      const auditor = await connectAuditor(ownerUrl);
      onTestFinished(() => auditor.end());
      expect(await verifyLog(auditor)).toMatchObject({ projects: 2, faults: [] });
      await auditor.end();
    });
  });

  test("leaves the database as it was when it is killed in the middle, and else takes its place and keeps it beside", async () => {
    const { folder, file } = await aBackup();
    const home = join(folder, ".docket");
    const count = () =>
      look(home, async (ownerUrl) => (await rows(ownerUrl, "SELECT count(*)::int AS n FROM tasks"))[0]?.["n"]);
    const half = async () => (await readdir(home)).filter((name) => name.startsWith("postgres.new-"));
    const all = await count();
    const killed = run(`restore ${file} --overwrite`, { DOCKET_HOME: home });
    const exited = once(killed, "exit");
    // While PostgreSQL is tried, which outlives it.
    const tried = async () => {
      const [parts = ""] = await half();
      return Number.parseInt(await readFile(join(home, parts, "data", "postmaster.pid"), "utf8").catch(() => ""), 10);
    };
    await expect.poll(tried, { interval: 5 }).toBeGreaterThan(0);
    const postmaster = await tried();
    killed.kill("SIGKILL");
    await exited;
    expect(await half()).toHaveLength(1);
    expect(await count()).toBe(all);
    expect(await half()).toEqual([]);
    await expect(access(`/proc/${postmaster}/cwd`)).rejects.toThrow(/ENOENT/);

    const { data, former = "" } = await restoreBackup(file, home, { ...FAST, overwrite: true });
    expect(await half()).toEqual([]);
    expect(await readFile(join(former, "PG_VERSION"), "utf8")).toBe("18\n");
    expect(await readFile(join(home, "postgres-location"), "utf8")).toBe(`${basename(data)}\n`);
  });

  test("is refused, and leaves nothing, where it is cut, damaged, of another PostgreSQL or system, or none", async () => {
    const { folder, file } = await aBackup();
    const home = join(folder, "fresh");
    const bytes = await readFile(file);
    const about = { format: 1, docket: "0.1.0", postgres: "18.4", platform: PLATFORM, madeAt: "" };
    const first = (content: string) => tarFile("docket-backup.json", Buffer.from(content));
    const of = (some: object) => gzipSync(first(JSON.stringify({ ...about, ...some })));
    const holding = (...entries: Buffer[]) => gzipSync(Buffer.concat([first(JSON.stringify(about)), ...entries, END]));
    const some = Buffer.from("a");
    // With the list of files as PostgreSQL makes it, of the first one alone.
    const listed = (...entries: Buffer[]) => {
      const checksum = createHash("sha256").update(some).digest("hex");
      const files = `{"Files": [{"Path": "a", "Checksum-Algorithm": "SHA256", "Checksum": "${checksum}"}],\n`;
      const own = createHash("sha256").update(files).digest("hex");
      return holding(...entries, tarFile(MANIFEST_FILE, Buffer.from(`${files}"Manifest-Checksum": "${own}"}\n`)));
    };
    // A link: the type is another one, and so is the checksum.
    const link = tarFile("link", Buffer.alloc(0));
    link.write("2", 156);
    link.write(`${(Number.parseInt(link.toString("latin1", 148, 154), 8) + 2).toString(8).padStart(6, "0")}\0 `, 148);
    const cases: [Buffer, RegExp][] = [
      [listed(tarFile("a", some), tarFile("more", some)), /is damaged or not whole: more in it does not belong there/],
      [listed(tarFile("a", Buffer.from("b"))), /is damaged or not whole: a in it is damaged\. Nothing was changed/],
      [listed(), /is damaged or not whole: a in it is missing/],
      [listed(tarFile("a", some)), /is damaged or not whole: PostgreSQL's log is missing/],
      [holding(tarFile("a", some)), /is damaged or not whole: its list of files is missing/],
      [holding(tarFile("../../more", some)), /"\.\.\/\.\.\/more" in it is no name of PostgreSQL's/],
      [holding(tarFile(join(folder, "more"), some)), /more" in it is no name of PostgreSQL's/],
      [holding(link), /something that is neither a file nor a folder/],
      [holding(tarFile("a", some), tarFile("a", some)), /"a" in it has no place, or comes twice/],
      [holding(tarFile("a/b", some)), /"a\/b" in it has no place, or comes twice/],
      [bytes.subarray(0, 200_000), /is damaged or not whole: .* its end is missing/],
      [
        gzipSync(Buffer.concat([first(JSON.stringify(about)), tarFile("a", some).subarray(0, 513)])),
        /is damaged or not whole: its end is missing/,
      ],
      [of({ postgres: "17.2" }), /was made with PostgreSQL 17\.2, and this Docket brings 18\./],
      [of({ platform: "beos ppc" }), /was made on beos ppc, and this is /],
      [of({ format: 2 }), /in a form that this Docket does not know/],
      [Buffer.from("hello"), /no file that `docket backup` wrote/],
      [gzipSync("hello"), /no file that `docket backup` wrote/],
      [gzipSync(first("hello")), /no file that `docket backup` wrote/],
      ...["../out", "/out", "a\\..\\out"].map((name): [Buffer, RegExp] => [
        gzipSync(Buffer.concat([first(JSON.stringify(about)), tarFile(name, Buffer.from("out"))])),
        /out" in it is no name of PostgreSQL's/,
      ]),
    ];
    const bad = join(folder, "bad");
    for (const [content, fault] of cases) {
      await writeFile(bad, content);
      await expect(restoreBackup(bad, home, FAST)).rejects.toThrow(fault);
    }
    await expect(restoreBackup(join(folder, "missing"), home, FAST)).rejects.toThrow(
      /missing cannot be read \(ENOENT\)/,
    );
    expect((await readdir(home)).filter((name) => !/^postgres\.(lock|users)$/.test(name))).toEqual([]);
    expect(await readdir(folder)).not.toContain("out");
  });

  test("is not for a PostgreSQL of one's own: its tools are named", async () => {
    const env = { DATABASE_URL: "postgres://docket@127.0.0.1:1/docket" };
    expect(await fails(env, "backup a")).toMatch(
      /DATABASE_URL names one of your own[\s\S]*pg_dump -Fc -f a "\$DATABASE_URL"\n$/,
    );
    const withOwner = { ...env, DATABASE_OWNER_URL: "postgres://owner@127.0.0.1:1/docket" };
    expect(await fails(withOwner, "restore a")).toMatch(/pg_restore .* -d "\$DATABASE_OWNER_URL" a\n$/);
  });
});
