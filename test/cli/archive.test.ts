import { spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { builtDocket } from "../support/built-docket.ts";
import { createTestDatabase } from "../support/database.ts";
import { connectOwner } from "../support/owner.ts";

const docket = await builtDocket();

test("docket archive says how many tasks it would archive, and archives them", async () => {
  const database = await createTestDatabase();
  const owner = await connectOwner(database);
  await owner.query("INSERT INTO namespaces (namespace, shared) VALUES ('alpha', false)");
  await owner.query("INSERT INTO projects (project_id, name, id_namespace) VALUES ('alpha', 'A', 'alpha')");
  await owner.query(`INSERT INTO tasks (project_id, task_id, description, status, completed_at)
    SELECT 'alpha', 'TASK-' || n, 'work', 'completed', now() - interval '10 days' FROM generate_series(100, 1299) n`);
  const archive = async (...args: string[]) => {
    const child = spawn(process.execPath, [docket, "archive", ...args], {
      cwd: tmpdir(),
      env: { PATH: process.env["PATH"], DATABASE_URL: database.url, DATABASE_OWNER_URL: database.ownerUrl },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
    return code === 0 ? out : `${code}: ${err}`;
  };
  const archived = async () =>
    (await owner.query("SELECT count(*)::int AS n FROM tasks WHERE archived_at IS NOT NULL")).rows[0].n;
  for (const days of ["0", "1.5", "36501"])
    expect(await archive(`--days=${days}`)).toMatch(/^1: .*must be a whole number from 1 to 36500/s);
  expect(await archive()).toBe("Archived 0 tasks completed or deleted more than 365 days ago.\n");
  const dryRun = await archive("--days", "9", "--dry-run");
  expect(dryRun).toBe("Would archive 1200 tasks completed or deleted more than 9 days ago.\n");
  expect(await archived()).toBe(0);
  expect(await archive("--days", "9")).toBe("Archived 1200 tasks completed or deleted more than 9 days ago.\n");
  expect(await archived()).toBe(1200);
});
