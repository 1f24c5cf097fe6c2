import { hash } from "node:crypto";
import { existsSync, globSync } from "node:fs";
import { cp, readFile, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { connect } from "../../src/db/connect.ts";
import { migrate, migrateDown } from "../../src/db/migrate.ts";
import { createEmptyDatabase } from "../support/database.ts";
import { makeTemporaryFolder } from "../support/temporary-folder.ts";

const folders = globSync("prisma/migrations/*/migration.sql").map(dirname).sort();

const OURS = "relnamespace = 'public'::regnamespace AND relname NOT LIKE '\\_prisma%'";
/** Who may do what, in one order whichever way it was granted. */
const rights = (acl: string) => `(SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM unnest(${acl}) a)`;
/**
 * All that migrations make, each as one line. The order of columns is none of it: one that comes back comes last. Nor are
 * extensions and the right to use the schema: they may have been there before.
 */
const CATALOGUE = `
  SELECT concat_ws(' ', c.relkind, c.oid::regclass, ${rights("c.relacl")}, c.reloptions, c.relpersistence,
      CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) WHEN c.relkind IN ('i', 'I') THEN pg_get_indexdef(c.oid) END) AS line
    FROM pg_class c WHERE ${OURS} AND c.relkind <> 'c'
  UNION ALL SELECT concat_ws(' ', c.oid::regclass, a.attname, format_type(a.atttypid, a.atttypmod),
      CASE WHEN a.attnotnull THEN 'not null' END, a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid),
      ${rights("a.attacl")})
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
    WHERE ${OURS} AND c.relkind IN ('r', 'p', 'v')
  UNION ALL SELECT concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(k.oid))
    FROM pg_constraint k JOIN pg_class c ON c.oid = conrelid WHERE ${OURS}
  UNION ALL SELECT concat_ws(' ', pg_get_triggerdef(t.oid), tgenabled)
    FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid WHERE ${OURS} AND NOT tgisinternal
  UNION ALL SELECT concat_ws(' ', p.oid::regprocedure, ${rights("proacl")},
      CASE prokind WHEN 'a' THEN prorettype::regtype::text ELSE pg_get_functiondef(p.oid) END)
    FROM pg_proc p WHERE pronamespace = 'public'::regnamespace
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
  UNION ALL SELECT concat_ws(' ', typtype, typname) FROM pg_type
    WHERE typnamespace = 'public'::regnamespace AND typtype IN ('d', 'e', 'r')
  UNION ALL SELECT pg_get_statisticsobjdef(oid) FROM pg_statistic_ext
  UNION ALL SELECT concat_ws(' ', defaclobjtype, ${rights("defaclacl")}) FROM pg_default_acl
  ORDER BY line`;

it("gives databases the text of each migration that landed: its checksum is in those that have it", async () => {
  const texts = await Promise.all(folders.map((folder) => readFile(join(folder, "migration.sql"))));
  const now = folders.map((folder, i) => `${hash("sha256", texts[i] ?? "")}  ${basename(folder)}/migration.sql`);
  // A new migration is added at the end: (cd prisma/migrations && sha256sum */migration.sql > landed.sha256)
  expect(now).toEqual((await readFile("prisma/migrations/landed.sha256", "utf8")).trimEnd().split("\n"));
});

it("makes a database that was given edited texts of two migrations like all others", async () => {
  const { ownerUrl, url: loginUrl, drop } = await createEmptyDatabase();
  onTestFinished(drop);
  const migrationsFolder = await makeTemporaryFolder("migrations");
  const mending = "20261128000930_reminders_once_recurrence_dates";
  await cp("prisma/migrations", migrationsFolder, { recursive: true, filter: (path) => !path.includes("000930_") });
  await migrate({ ownerUrl, loginUrl, migrationsFolder });
  const owner = await connect(ownerUrl, "docket test owner");
  try {
    await owner.query(`ALTER TABLE tasks
        ADD CONSTRAINT chk_recurrence_has_dates CHECK (recurrence_pattern IS NULL OR due_date < '9900-01-01T00:00:00Z');
      UPDATE _prisma_migrations SET checksum = CASE migration_name
        WHEN '20261128000800_reminders' THEN '1ab0b2afd60232ff4e6fde170a752f7ed6ed8605e6c957299f2212cdadba1497'
        WHEN '20261128000820_recurrence' THEN '861f11157ed6cc502501825005727b17bff6f54b00aef647d5d839fe25242bd8'
        ELSE checksum END`);
    expect(await migrate({ ownerUrl, loginUrl })).toEqual({ applied: [mending] });
    await owner.query("UPDATE _prisma_migrations SET checksum = repeat('0', 64) WHERE migration_name LIKE '%000800_%'");
    await expect(migrate({ ownerUrl, loginUrl })).rejects.toThrow("20261128000800_reminders was edited");
  } finally {
    await owner.end();
  }
});

it("undoes each migration by its down.sql, so that nothing of it is left and it can be applied again", async () => {
  expect(folders.filter((folder) => !existsSync(join(folder, "down.sql")))).toEqual([]);
  const { ownerUrl, url: loginUrl, drop } = await createEmptyDatabase();
  onTestFinished(drop);
  const migrationsFolder = await makeTemporaryFolder("migrations");
  onTestFinished(() => rm(migrationsFolder, { recursive: true }));
  const owner = await connect(ownerUrl, "docket test owner");
  try {
    const read = async () => (await owner.query<{ line: string }>(CATALOGUE)).rows.map(({ line }) => line);
    const before: { name: string; catalogue: string[] }[] = [];
    for (const folder of folders) {
      const name = basename(folder);
      before.push({ name, catalogue: await read() });
      await cp(folder, join(migrationsFolder, name), { recursive: true });
      expect(await migrate({ ownerUrl, loginUrl, migrationsFolder })).toEqual({ applied: [name] });
    }
    const whole = await read();
    expect(whole.length).toBeGreaterThan(100);
    for (const { name, catalogue } of before.toReversed()) {
      expect(await migrateDown({ ownerUrl, migrationsFolder })).toEqual({ undone: [name] });
      expect.soft(await read(), `the down.sql of ${name}`).toEqual(catalogue);
    }
    await migrate({ ownerUrl, loginUrl, migrationsFolder });
    expect(await read()).toEqual(whole);
  } finally {
    await owner.end();
  }
});
