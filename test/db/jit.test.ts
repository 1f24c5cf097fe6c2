import { globSync, readFileSync } from "node:fs";
import { Client, escapeIdentifier } from "pg";
import { expect, it, onTestFinished } from "vitest";
import { connect } from "../../src/db/connect.ts";
import { openDatabase } from "../../src/db/database.ts";
import { openPrisma } from "../../src/db/prisma.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

/** A database whose PostgreSQL compiles what it holds to be worth it, as it does unless told. */
async function compilingDatabase(): Promise<TestDatabase> {
  const test = await createTestDatabase();
  onTestFinished(() => test.drop());
  const owner = await connect(test.ownerUrl, "docket test");
  await owner.query(`ALTER DATABASE ${escapeIdentifier(new URL(test.ownerUrl).pathname.slice(1))} SET jit = on`);
  await owner.end();
  return test;
}

const jitOf = async (client: Client) => (await client.query<{ jit: string }>("SHOW jit")).rows[0]?.jit;

it("lets PostgreSQL compile no statement, whichever connection sends it", async () => {
  const { url, ownerUrl } = await compilingDatabase();
  const others = new Client({ connectionString: url });
  await others.connect();
  expect(await jitOf(others)).toBe("on");
  await others.end();

  const database = openDatabase({ url, size: 1, applicationName: "docket test" });
  const prisma = openPrisma(database.pool);
  expect(await database.read("SHOW jit")).toEqual([{ jit: "off" }]);
  expect(await database.transaction((db) => db.read("SHOW jit"))).toEqual([{ jit: "off" }]);
  expect(await prisma.$queryRaw`SHOW jit`).toEqual([{ jit: "off" }]);
  await prisma.$disconnect();
  await database.close();

  for (const [whose, options] of [
    [ownerUrl, {}],
    [url, { options: "-c role=docket_app" }],
  ] as const) {
    const client = await connect(whose, "docket test", options);
    expect(await jitOf(client)).toBe("off");
    await client.end();
  }
});

it("drains without compiling on connections of somebody else, too", async () => {
  const { ownerUrl } = await compilingDatabase();
  const owner = await connect(ownerUrl, "docket test");
  const { rows } = await owner.query("SELECT proconfig FROM pg_proc WHERE proname = 'drain'");
  expect(rows).toMatchObject([{ proconfig: expect.arrayContaining(["jit=off"]) }]);
  await owner.end();
});

it("opens every connection where this is seen to", () => {
  const openers = globSync("{src,schema}/**/*.ts").filter((file) =>
    /\bnew (pg\.)?(Client|Pool)\(|extends pg\.(Client|Pool)\b/.test(readFileSync(file, "utf8")),
  );
  // migrate.ts only asks such a client whose login a URL names.
  expect(openers.sort()).toEqual([
    "src/db/connect.ts",
    "src/db/migrate.ts",
    "src/db/pool.ts",
    "src/db/pooled-client.ts",
  ]);
});
