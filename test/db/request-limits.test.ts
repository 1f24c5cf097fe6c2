import type { Client } from "pg";
import { expect, it, onTestFinished } from "vitest";
import { connect } from "../../src/db/connect.ts";
import { type Database, openDatabase } from "../../src/db/database.ts";
import { openPrisma } from "../../src/db/prisma.ts";
import { asRequester, background, CallerGone, Requester } from "../../src/db/requester.ts";
import { LARGEST_ANSWER_BYTES } from "../../src/db/too-much.ts";
import { createTestDatabase } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";

/** How long a request may work in these tests, in seconds. */
const SECONDS = 0.5;
const TOO_LONG = { code: "QUERY_TOO_COMPLEX", message: expect.stringContaining("busy for 0.5 seconds") };
const TOO_LARGE = { code: "QUERY_TOO_COMPLEX", message: expect.stringContaining("larger than 16 MB. Lower first") };

async function open({ size = 4, requestSeconds = SECONDS } = {}): Promise<{ database: Database; owner: Client }> {
  const test = await createTestDatabase();
  const database = openDatabase({ url: test.url, size, applicationName: "limited", requestSeconds });
  const owner = await connect(test.ownerUrl, "docket test");
  onTestFinished(async () => {
    await database.close();
    await owner.end();
    await test.drop();
  });
  return { database, owner };
}

const request = () => new Requester("a");

/** Statements of the pool that the server is busy with. */
async function running(owner: Client): Promise<number> {
  const { rowCount } = await owner.query(
    "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'limited' AND state = 'active'",
  );
  return rowCount ?? 0;
}

/** How many statements have come to their `nextval('finished')`. */
async function countFinished(owner: Client): Promise<() => Promise<number>> {
  await owner.query("CREATE SEQUENCE finished; GRANT USAGE ON SEQUENCE finished TO PUBLIC");
  return async () => {
    const { rows } = await owner.query(
      "SELECT CASE WHEN is_called THEN last_value ELSE 0 END::int AS count FROM finished",
    );
    return rows[0].count;
  };
}

it("ends the statement under way of a request that worked too long, on the server as well", async () => {
  const { database, owner } = await open();
  const finished = await countFinished(owner);
  const sleeping = asRequester(request(), () => database.read("SELECT pg_sleep(2.4), nextval('finished')"));
  await expect(sleeping).rejects.toMatchObject(TOO_LONG);
  await expect.poll(() => running(owner)).toBe(0);
  expect(await finished()).toBe(0);
});

it("lets a request do what takes less, and begins nothing more once it worked too long", async () => {
  const { database } = await open({ requestSeconds: 2 });
  const requester = request();
  const nap = () => asRequester(requester, () => database.read("SELECT pg_sleep(0.6)"));
  await nap();
  await nap();
  const tooMany = async () => {
    for (let i = 0; i < 3; i++) await nap();
  };
  await expect(tooMany()).rejects.toMatchObject({ code: "QUERY_TOO_COMPLEX" });
  await expect(nap()).rejects.toMatchObject({ message: expect.stringContaining("busy for 2 seconds") });
  await asRequester(request(), () => database.read("SELECT"));
  requester.renew();
  await nap();
});

it("stops Prisma's statements like our own", async () => {
  const { database, owner } = await open();
  const prisma = openPrisma(database.pool);
  await owner.query(`
    INSERT INTO namespaces (namespace, shared) VALUES ('a', false);
    INSERT INTO projects (project_id, name, id_namespace) VALUES ('a', 'A', 'a');
    ALTER TABLE projects ENABLE ROW LEVEL SECURITY;
    CREATE POLICY slow ON projects FOR SELECT TO docket_app USING (pg_sleep(2) IS NOT NULL)`);
  const requester = request();
  const read = () => asRequester(requester, async () => await prisma.project.findMany({ include: { tasks: true } }));
  await expect(read()).rejects.toMatchObject(TOO_LONG);
  await expect(read()).rejects.toMatchObject(TOO_LONG);
  await prisma.$disconnect();
});

it("does not count the time in which a request waits for its turn", async () => {
  const { database } = await open({ size: 1, requestSeconds: 2 });
  // Making a connection may take its time, too.
  await database.read("SELECT");
  const others = Array.from({ length: 5 }, () => asRequester(request(), () => database.read("SELECT pg_sleep(0.5)")));
  const began = performance.now();
  const waiting = request();
  await asRequester(waiting, () => database.read("SELECT"));
  expect(performance.now() - began).toBeGreaterThan(2_000);
  expect(waiting.workedMs).toBeLessThan(2_000);
  await Promise.all(others);
});

it("rolls back a transaction that worked too long before its COMMIT", async () => {
  const { database, owner } = await open();
  const write = asRequester(request(), () =>
    database.transaction(async (db) => {
      await db.write("INSERT INTO namespaces (namespace, shared) VALUES ('lost', false)");
      await db.read("SELECT pg_sleep(0.4)");
      await db.read("SELECT pg_sleep(0.4)");
    }),
  );
  await expect(write).rejects.toMatchObject(TOO_LONG);
  // It idles between two statements of its transaction.
  const idle = asRequester(request(), () =>
    database.transaction(async (db) => {
      await db.write("INSERT INTO namespaces (namespace, shared) VALUES ('lost', false)");
      await new Promise((resolve) => setTimeout(resolve, 800));
    }),
  );
  await expect(idle).rejects.toMatchObject(TOO_LONG);
  expect((await owner.query("SELECT FROM namespaces")).rowCount).toBe(0);
});

it("never cuts off a COMMIT, or a statement that commits by itself, however long it takes", async () => {
  const { database, owner } = await open({ requestSeconds: 1 });
  await owner.query(`
    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(1.8); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON namespaces DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW EXECUTE FUNCTION slow()`);
  // Making a connection may take its time, too.
  await database.read("SELECT");
  const insert = "INSERT INTO namespaces (namespace, shared) VALUES ($1, false) RETURNING namespace";
  const written = asRequester(request(), () => database.transaction((db) => db.write(insert, ["in-a-transaction"])));
  expect(await written).toEqual([{ namespace: "in-a-transaction" }]);
  expect(await asRequester(request(), () => database.write(insert, ["by-itself"]))).toEqual([
    { namespace: "by-itself" },
  ]);
  expect((await owner.query("SELECT FROM namespaces")).rowCount).toBe(2);
});

const megabytes = (count: number) => `SELECT repeat('x', 1024 * 1024 - 100) AS text FROM generate_series(1, ${count})`;

it("lets a request read 16 MB, in one statement or several, and nothing beyond", async () => {
  const { database, owner } = await open({ requestSeconds: 15 });
  expect(LARGEST_ANSWER_BYTES).toBe(16 * 1024 * 1024);
  // On a busy machine one statement may take longer than it may: a limit of its own, which is not meant here.
  await eventually(async () => {
    const requester = request();
    const read = (count: number, by = requester) => asRequester(by, () => database.read(megabytes(count)));
    await read(10);
    await read(6);
    await expect(read(1)).rejects.toMatchObject(TOO_LARGE);
    await expect(read(0)).rejects.toMatchObject(TOO_LARGE);
    await read(16, request());
    await expect(read(17, request())).rejects.toMatchObject(TOO_LARGE);
    // It stops while rows come: a request does not have to read it all to be told.
    const huge = request();
    await expect(read(2_000, huge)).rejects.toMatchObject(TOO_LARGE);
    expect(huge.bytes).toBeLessThan(2 * LARGEST_ANSWER_BYTES);
  });
  await expect.poll(() => running(owner)).toBe(0);
});

it("stops everything that a failed request still does or waits for", async () => {
  const { database, owner } = await open({ size: 6, requestSeconds: 15 });
  const requester = request();
  const statements = [megabytes(17), ...Array.from({ length: 20 }, () => "SELECT pg_sleep(2), nextval('finished')")];
  const finished = await countFinished(owner);
  const all = await asRequester(requester, () => Promise.allSettled(statements.map((text) => database.read(text))));
  for (const result of all) expect(result).toMatchObject({ status: "rejected", reason: { code: "QUERY_TOO_COMPLEX" } });
  await expect.poll(() => running(owner)).toBe(0);
  expect(await finished()).toBe(0);
  expect(requester.connections).toBe(0);
});

it("limits neither background work nor programs that serve nobody", async () => {
  const { database } = await open();
  await background("job")(() => Promise.all([database.read(megabytes(17)), database.read("SELECT pg_sleep(0.8)")]));
  await Promise.all([database.read(megabytes(17)), database.read("SELECT pg_sleep(0.8)")]);
});

it("ends what is under way for a caller that went away, begins nothing more, and keeps the connection", async () => {
  const { database, owner } = await open({ size: 1 });
  const backend = () => database.read<{ pid: number }>("SELECT pg_backend_pid() AS pid");
  const before = await backend();
  const caller = new AbortController();
  const requester = new Requester("a", { gone: caller.signal });
  const transaction = asRequester(requester, () =>
    database.transaction(async (db) => {
      await db.write("INSERT INTO namespaces (namespace, shared) VALUES ('begun', false)");
      await db.read("SELECT pg_sleep(0.2)");
    }),
  );
  const queued = asRequester(requester, () =>
    database.write("INSERT INTO namespaces (namespace, shared) VALUES ('queued', false)"),
  );
  const other = backend();
  await expect.poll(() => running(owner)).toBe(1);
  caller.abort();
  await expect(queued).rejects.toBeInstanceOf(CallerGone);
  await transaction;
  requester.renew();
  await expect(asRequester(requester, backend)).rejects.toBeInstanceOf(CallerGone);
  expect([await other, await backend()]).toEqual([before, before]);
  expect((await owner.query("SELECT namespace FROM namespaces")).rows).toEqual([{ namespace: "begun" }]);
});

it("tells a request that one of its reads took too long, and of a write that it may be repeated", async () => {
  const { database } = await open({ requestSeconds: 15 });
  const prisma = openPrisma(database.pool);
  const slow = "SELECT pg_sleep(2.7)";
  const asRequest = <T>(work: () => Promise<T>) => asRequester(request(), work);
  const [ours, its, write, job] = await Promise.allSettled([
    asRequest(() => database.read(slow)),
    asRequest(async () => await prisma.$queryRawUnsafe(`${slow}::text`)),
    asRequest(() => database.write(slow)),
    background("job")(() => database.read(slow)),
  ]);
  const tooSlow = {
    code: "QUERY_TOO_COMPLEX",
    message: expect.stringMatching(/^One statement took longer than 2.5 seconds. Narrow the filter .* lower first/),
    details: { retryable: false },
  };
  for (const read of [ours, its]) expect(read).toMatchObject({ status: "rejected", reason: tooSlow });
  const away = {
    code: "DATABASE_UNAVAILABLE",
    message:
      "Database unavailable: one statement took longer than 2.5 seconds, and nothing of it is kept: repeat this, or send less at once",
    details: { retryable: true },
  };
  for (const other of [write, job]) expect(other).toMatchObject({ status: "rejected", reason: away });
  // What takes less is read.
  await asRequest(() => database.read("SELECT pg_sleep(2)"));
  await prisma.$disconnect();
});
