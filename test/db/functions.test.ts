import { globSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { escapeIdentifier } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { connectOwner, type Owner } from "../support/owner.ts";

const functionFiles = globSync("prisma/functions/*.sql").sort();
const viewFiles = globSync("prisma/views/*.sql").sort();
const nameOf = (file: string) => basename(file, ".sql");

let database: TestDatabase;
let owner: Owner;

beforeAll(async () => {
  database = await createTestDatabase();
  owner = await connectOwner(database, { keepOpen: true });
});

afterAll(async () => {
  await owner.end();
  await database.drop();
});

/** Functions by their names, without those of extensions; triggers and rights belong to the function that they call. */
const OWN_FUNCTIONS = `SELECT p.* FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')`;
const OWN_VIEWS = "SELECT c.* FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'v'";
const rights = (acl: string) =>
  `(SELECT string_agg(format(' %s may %s', a.grantee::regrole, a.privilege_type), '' ORDER BY a.grantee, a.privilege_type)
    FROM aclexplode(${acl}) a)`;

const FUNCTIONS = `
  SELECT f.proname AS name, CASE f.prokind
      WHEN 'a' THEN (SELECT format('%s by %s of %s from %s', f.oid::regprocedure, a.aggtransfn, f.prorettype::regtype, a.agginitval)
                     FROM pg_aggregate a WHERE a.aggfnoid = f.oid)
      ELSE pg_get_functiondef(f.oid) END || coalesce(${rights("f.proacl")}, '') AS stands
    FROM (${OWN_FUNCTIONS}) f
  UNION ALL
  SELECT f.proname, pg_get_triggerdef(t.oid)
    FROM pg_trigger t JOIN (${OWN_FUNCTIONS}) f ON f.oid = t.tgfoid JOIN pg_class c ON c.oid = t.tgrelid
    -- Those of a partition come with it.
    WHERE NOT t.tgisinternal AND NOT c.relispartition`;
const VIEWS = `SELECT v.relname AS name, pg_get_viewdef(v.oid) || ${rights("v.relacl")} AS stands FROM (${OWN_VIEWS}) v`;

async function standing(kind: string, name: string): Promise<string[]> {
  const { rows } = await owner.query<{ stands: string }>(
    `SELECT k.stands FROM (${kind}) k WHERE k.name = $1 ORDER BY 1`,
    [name],
  );
  return rows.map(({ stands }) => stands);
}

/** What stands in the database once `dropped` is gone and the file has made it anew. */
async function madeAnew(file: string, kind: string, dropped: string): Promise<string[]> {
  await owner.query("BEGIN");
  try {
    await owner.query(`DROP ${dropped} CASCADE`);
    await owner.query(readFileSync(file, "utf8"));
    return await standing(kind, nameOf(file));
  } finally {
    await owner.query("ROLLBACK");
  }
}

test("each function and each view that the migrations leave has a file, and each file has one", async () => {
  const functions = await owner.query<{ name: string }>(`SELECT DISTINCT proname AS name FROM (${OWN_FUNCTIONS}) f`);
  expect(functionFiles.map(nameOf)).toEqual(functions.rows.map(({ name }) => name).sort());
  const views = await owner.query<{ name: string }>(`SELECT relname AS name FROM (${OWN_VIEWS}) v`);
  expect(viewFiles.map(nameOf)).toEqual(views.rows.map(({ name }) => name).sort());
});

test.each(functionFiles)(
  "%s makes what the migrations have made: functions, their triggers and rights",
  async (file) => {
    const { rows } = await owner.query<{ all: string }>(
      `SELECT string_agg(f.oid::regprocedure::text, ', ') AS all FROM (${OWN_FUNCTIONS}) f WHERE f.proname = $1`,
      [nameOf(file)],
    );
    expect(await madeAnew(file, FUNCTIONS, `ROUTINE ${rows[0]?.all}`)).toEqual(await standing(FUNCTIONS, nameOf(file)));
  },
);

test.each(viewFiles)("%s makes the view that the migrations have made, and its rights", async (file) => {
  const view = `VIEW ${escapeIdentifier(nameOf(file))}`;
  expect(await madeAnew(file, VIEWS, view)).toEqual(await standing(VIEWS, nameOf(file)));
});
