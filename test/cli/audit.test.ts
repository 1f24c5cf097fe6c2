import { spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { connect } from "../../src/db/connect.ts";
import { startEmbedded } from "../../src/db/embedded/start.ts";
import { migrate } from "../../src/db/migrate.ts";
import { fill } from "../log/small-partitions.ts";
import { builtDocket } from "../support/built-docket.ts";
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from "../support/database.ts";
import { connectOwner } from "../support/owner.ts";
import { makeInitialisedHome, makeTemporaryFolder } from "../support/temporary-folder.ts";

const docket = await builtDocket();

interface CommandResult {
  readonly out: string;
  readonly err: string;
  readonly code: number;
}

/** Runs `docket audit …` as a process, with nothing else in its environment. */
async function audit(args: string, env: Record<string, string>): Promise<CommandResult> {
  const child = spawn(process.execPath, [docket, "audit", ...args.split(" ")], {
    cwd: tmpdir(),
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  return { out, err, code };
}

const at = ({ url, ownerUrl }: TestDatabase) => ({ DATABASE_URL: url, DATABASE_OWNER_URL: ownerUrl });

test("docket audit verifies the log, says the first broken row, and finds a chain made anew by a head kept elsewhere", async () => {
  const database = await createTestDatabase();
  const owner = await connectOwner(database);
  await fill(owner, "alpha", 5);
  await fill(owner, "beta", 5);
  expect(await audit("verify", at(database))).toEqual({
    out: "10 events of 2 projects verified.\n",
    err: "",
    code: 0,
  });

  const folder = await makeTemporaryFolder("audit");
  const file = (name: string) => join(folder, name);
  const keys = generateKeyPairSync("ed25519");
  await writeFile(file("key.pem"), keys.privateKey.export({ format: "pem", type: "pkcs8" }));
  await writeFile(file("public.pem"), keys.publicKey.export({ format: "pem", type: "spki" }));
  const head = await audit(`head --sign ${file("key.pem")}`, at(database));
  expect(JSON.parse(head.out)).toMatchObject({ position: 10, heads: [{ projectId: "alpha", number: 5 }, {}] });
  await writeFile(file("head.json"), head.out);
  const signed = `verify --against ${file("head.json")} --public-key ${file("public.pem")}`;
  expect(await audit(signed, at(database))).toMatchObject({
    out: expect.stringMatching(/^10 events of 2 projects verified\.\nAll heads kept at .* are in the log\.\n$/),
    err: "",
    code: 0,
  });

  // As a superuser who knows how: the last event, and its link with it.
  await owner.query(`SET session_replication_role = replica; UPDATE events SET actor = 'nobody' WHERE position = 10`);
  const broken = await audit("verify", at(database));
  expect(broken.code).toBe(1);
  expect(broken.out).toMatch(
    /^The log is broken\. First: position 10, project beta, number 5, event [0-9a-f-]{36}: changed: /,
  );
  await owner.query(`UPDATE events e SET hash = log_link(NULL, b.hash, log_entry(e)) FROM events b
    WHERE e.position = 10 AND b.position = 9`);
  const found = await audit(`${signed} --json`, at(database));
  expect(found.code).toBe(1);
  expect(JSON.parse(found.out)).toMatchObject({
    events: 10,
    faults: [{ what: "rewritten", position: 10, projectId: "beta", number: 5 }],
  });
  await owner.end();
  await database.drop();
});

test("docket audit says what is wrong with its call or its database", async () => {
  const empty = await createEmptyDatabase();
  expect(await audit("verify", at(empty))).toMatchObject({
    code: 1,
    out: "",
    err: "This database is not up to date. Bring it there first: npx docket migrate\n",
  });
  await empty.drop();
  expect(await audit("verify --public-key x", {})).toMatchObject({
    code: 2,
    err: expect.stringMatching(/--against.*docket audit verify --help/s),
  });
  const nowhere = await audit("verify --against /nowhere/head.json", {});
  expect(nowhere).toMatchObject({ code: 1, err: expect.stringContaining("/nowhere/head.json") });
});

test("docket audit opens the embedded database, whether its server runs or not", async () => {
  const home = await makeInitialisedHome(join(await makeTemporaryFolder("audit-home"), ".docket"));
  const embedded = await startEmbedded(home, { settings: { fsync: "off" } });
  await migrate({ ownerUrl: embedded.ownerUrl, loginUrl: embedded.url });
  const owner = await connect(embedded.ownerUrl, "docket test");
  await fill(owner, "alpha", 3);
  await owner.end();
  const verified = { out: "3 events of 1 projects verified.\n", err: "", code: 0 };
  expect(await audit("verify", { DOCKET_HOME: home })).toEqual(verified);
  await embedded.stop();
  expect(await audit("verify", { DOCKET_HOME: home })).toEqual(verified);
});

test("docket audit refuses where no server has made a database, and makes none", async () => {
  const folder = await makeTemporaryFolder("audit-nothing");
  const home = join(folder, ".docket");
  for (const command of ["verify", "head"]) {
    expect(await audit(command, { DOCKET_HOME: home })).toEqual({
      code: 1,
      out: "",
      err:
        `There is no database in ${home}. Run this in the folder where the server is started, set DOCKET_HOME to the ` +
        "server's, or DATABASE_URL (and DATABASE_OWNER_URL) to the PostgreSQL that it uses.\n",
    });
  }
  expect(await readdir(folder)).toEqual([]);
});
