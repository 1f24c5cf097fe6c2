import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createEmptyDatabase } from "../support/database.ts";
import { fails, makeHome, outcome, run } from "./run.ts";

describe("docket migrate", () => {
  test("makes no database in a folder without a server", async () => {
    const home = join(await makeHome(), ".docket");
    for (const command of ["migrate", "migrate down"])
      expect(await fails({ DOCKET_HOME: home }, command)).toContain(`There is no database in ${home}.`);
    expect(existsSync(home)).toBe(false);
  });

  test("creates the database where it is told to, brings it up to date, says so the second time, and takes the last migration back", async () => {
    const database = await createEmptyDatabase();
    await database.drop();
    const env = { DATABASE_URL: database.ownerUrl };
    const say = async (command: string) => {
      const child = run(command, env);
      const { out, err, code } = await outcome(child, once(child, "exit"));
      expect([err, code]).toEqual(["", 0]);
      return out;
    };
    expect(await say("migrate --create")).toMatch(/^Created the database\.\nApplied \d+_foundation, /);
    expect(await say("migrate")).toBe("The database is up to date.\n");
    const [, last] = /^Undone: (\d+_\w+)\.\n$/.exec(await say("migrate down")) ?? [];
    expect(await say("migrate")).toBe(`Applied ${last}.\n`);
    await database.drop();
  });
});
