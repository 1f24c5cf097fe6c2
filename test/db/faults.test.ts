import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { Client } from "pg";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { connect } from "../../src/db/connect.ts";
import { type Database, openDatabase } from "../../src/db/database.ts";
import { faultOf } from "../../src/db/faults.ts";
import { openPrisma, type Prisma } from "../../src/db/prisma.ts";
import { badInput, databaseUnavailable } from "../../src/errors.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

/** Both ways in which statements reach the database. */
const PATHS: readonly (readonly [string, (at: { database: Database; prisma: Prisma }) => Promise<unknown>])[] = [
  ["pg", ({ database }) => database.read("SELECT project_id FROM projects")],
  ["Prisma", ({ prisma }) => prisma.project.findMany()],
  ["Prisma, with what belongs to the rows", ({ prisma }) => prisma.project.findMany({ include: { tasks: true } })],
];

async function openBoth(url: string) {
  const database = openDatabase({ url, size: 2, applicationName: "docket test" });
  const prisma = openPrisma(database.pool);
  onTestFinished(async () => {
    await prisma.$disconnect();
    await database.close();
  });
  return { database, prisma };
}

/** A server that speaks just enough of PostgreSQL's protocol to answer each new connection in one way. */
async function startRefusing(answer: (socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => answer(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return `postgresql://a:b@127.0.0.1:${(server.address() as AddressInfo).port}/x`;
}

function fatal(code: string): (socket: Socket) => void {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${code}\0Msaid by a test\0\0`);
  const length = Buffer.alloc(4);
  length.writeInt32BE(4 + fields.length);
  return (socket) => socket.end(Buffer.concat([Buffer.from("E"), length, fields]));
}

const failing = {} as { test: TestDatabase; owner: Client };

beforeAll(async () => {
  failing.test = await createTestDatabase();
  failing.owner = await connect(failing.test.ownerUrl, "docket test");
  await failing.owner.query(`
    INSERT INTO namespaces (namespace, shared) VALUES ('a', false);
    INSERT INTO projects (project_id, name, id_namespace) VALUES ('a', 'A', 'a');
    CREATE FUNCTION fail() RETURNS boolean LANGUAGE sql AS 'SELECT true';
    ALTER TABLE projects ENABLE ROW LEVEL SECURITY;
    CREATE POLICY fails ON projects FOR SELECT TO docket_app USING (fail())`);
});
afterAll(async () => {
  await failing.owner.end();
  await failing.test.drop();
});

/** Makes the table of projects, with one to read, answer each read with this error. */
async function makeFailing(code: string) {
  await failing.owner.query(`CREATE OR REPLACE FUNCTION fail() RETURNS boolean LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'said by a test' USING ERRCODE = '${code}'; END $$`);
  return openBoth(failing.test.url);
}

const UNAVAILABLE = { code: "DATABASE_UNAVAILABLE", details: { retryable: true } };

it.each(
  PATHS.flatMap(([path, read]) => ["57P03", "53300", "57P01", "55000", "28P01"].map((code) => ({ path, read, code }))),
)("tells a connection that is refused with $code as DATABASE_UNAVAILABLE by way of $path", async ({ read, code }) => {
  await expect(read(await openBoth(await startRefusing(fatal(code))))).rejects.toMatchObject(UNAVAILABLE);
});

it.each(PATHS)("tells a connection that breaks as DATABASE_UNAVAILABLE by way of %s", async (_path, read) => {
  const url = await startRefusing((socket) => socket.resetAndDestroy());
  await expect(read(await openBoth(url))).rejects.toMatchObject(UNAVAILABLE);
  await expect(read(await openBoth("postgresql://a:b@127.0.0.1:1/x"))).rejects.toMatchObject(UNAVAILABLE);
});

const CANNOT_NOW = ["53100", "53200", "58030", "57014", "25006", "57P02", "08006"];

it.each(PATHS.flatMap(([path, read]) => CANNOT_NOW.map((code) => ({ path, read, code }))))(
  "tells a statement that fails with $code as DATABASE_UNAVAILABLE by way of $path",
  async ({ read, code }) => {
    await expect(read(await makeFailing(code))).rejects.toMatchObject(UNAVAILABLE);
  },
);

it.each(PATHS)("leaves a mistake of ours as it is by way of %s", async (_path, read) => {
  const error = await read(await makeFailing("22012")).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(Error);
  expect(error).not.toMatchObject({ code: "DATABASE_UNAVAILABLE" });
  expect(faultOf(error)).toBeUndefined();
});

it("runs a statement again that lost against another transaction, by way of Prisma as well", async () => {
  const test = await createTestDatabase();
  onTestFinished(() => test.drop());
  const { prisma, database } = await openBoth(test.url);
  const owner = await connect(test.ownerUrl, "docket test");
  onTestFinished(() => owner.end());
  await owner.query(`
    INSERT INTO namespaces (namespace, shared) VALUES ('a', false);
    INSERT INTO projects (project_id, name, id_namespace) VALUES ('a', 'A', 'a');
    CREATE SEQUENCE tries;
    GRANT USAGE ON SEQUENCE tries TO docket_app;
    CREATE FUNCTION fail_twice() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
      IF nextval('tries') % 3 <> 0 THEN RAISE EXCEPTION 'said by a test' USING ERRCODE = '40001'; END IF;
      RETURN true; END $$;
    ALTER TABLE projects ENABLE ROW LEVEL SECURITY;
    CREATE POLICY fails ON projects FOR SELECT TO docket_app USING (fail_twice())`);
  expect(await prisma.project.findMany()).toHaveLength(1);
  expect(await database.read("SELECT project_id FROM projects")).toHaveLength(1);
});

it("says that the disk is full, and for how long that is known", async () => {
  const at = await makeFailing("53100");
  expect(at.database.pool.diskFullSinceMs).toBe(Number.POSITIVE_INFINITY);
  for (const [, read] of PATHS)
    await expect(read(at)).rejects.toMatchObject({ ...UNAVAILABLE, message: "Database unavailable: its disk is full" });
  expect(at.database.pool.diskFullSinceMs).toBeLessThan(5_000);
});

it("does not take what a caller wrote for a fault of the database", () => {
  expect(faultOf(badInput('"Connection terminated" is not an artifact ID'))).toBeUndefined();
  const quoting = Object.assign(new Error('invalid input "not queryable"'), { code: "22P02" });
  expect(faultOf(quoting)).toBeUndefined();
});

it.each([
  ["a refused connection", Object.assign(new Error("x"), { code: "ECONNREFUSED" }), "lost"],
  ["a server that shuts down", Object.assign(new Error("x"), { code: "57P01" }), "lost"],
  ["a driver's text without a code", new Error("Connection terminated unexpectedly"), "lost"],
  ["the same behind another error", new Error("query failed", { cause: new Error("Query read timeout") }), "lost"],
  ["what was told already", databaseUnavailable(Object.assign(new Error("x"), { code: "57014" })), "refused"],
  ["a refusal for a reason that is not known", databaseUnavailable(new Error("x")), "lost"],
])("judges %s", (_what, error, fault) => {
  expect(faultOf(error)).toBe(fault);
});
