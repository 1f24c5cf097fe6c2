import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { ensureFirstKeys } from "../../src/keys/first-keys.ts";
import { makeTemporaryFolder } from "../support/temporary-folder.ts";
import { type VerbTest, verbTest } from "../support/verbs.ts";

async function folder(): Promise<string> {
  const made = await makeTemporaryFolder("keys");
  onTestFinished(() => rm(made, { recursive: true, force: true }));
  return join(made, ".docket");
}

async function keysOf({ owner }: VerbTest) {
  const { rows } = await owner.query("SELECT role, name FROM api_keys ORDER BY role");
  return rows;
}

describe("the first keys", () => {
  test("are made once, in files that only their owner can read", async () => {
    const t = await verbTest();
    const home = await folder();
    const first = await ensureFirstKeys(t.database, home);
    expect(first.notices).toEqual([]);
    for (const file of [first.adminKeyFile, first.agentKeyFile]) {
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      expect(await readFile(file, "utf8")).toMatch(/^dk_\w{49}\n$/);
    }
    const admin = await readFile(first.adminKeyFile, "utf8");
    expect(await ensureFirstKeys(t.database, home)).toEqual(first);
    expect(await readFile(first.adminKeyFile, "utf8")).toBe(admin);
    expect(await keysOf(t)).toEqual([
      { role: "admin", name: "first-admin" },
      { role: "agent", name: "first-agent" },
    ]);
    expect((await t.events()).map(({ type }) => type)).toEqual(["key.created", "key.created"]);
  });

  test("are made once when servers with folders of their own start together", async () => {
    const t = await verbTest();
    const homes = await Promise.all([folder(), folder(), folder()]);
    const started = await Promise.all(homes.map((home) => ensureFirstKeys(t.database, home)));
    expect(await keysOf(t)).toHaveLength(2);
    expect(started.map(({ notices }) => notices.length).sort()).toEqual([0, 2, 2]);
    expect(new Set(started.map(({ adminKeyId }) => adminKeyId)).size).toBe(1);
  });

  test("are left alone when their files are lost, with a word on what to do", async () => {
    const t = await verbTest();
    const home = await folder();
    const { adminKeyFile } = await ensureFirstKeys(t.database, home);
    await rm(home, { recursive: true });
    const { notices } = await ensureFirstKeys(t.database, home);
    expect(notices).toEqual([
      expect.stringMatching(/There is no key in .*api-key\. .* admin keys already \(dk_\w{8}…\).*createApiKey/),
      expect.stringMatching(/There is no key in .*agent-key\./),
    ]);
    expect(await keysOf(t)).toHaveLength(2);
    await expect(stat(adminKeyFile)).rejects.toThrow("ENOENT");
  });

  test("of another database are moved aside, never overwritten", async () => {
    const home = await folder();
    const { adminKeyFile } = await ensureFirstKeys((await verbTest()).database, home);
    const foreign = await readFile(adminKeyFile, "utf8");
    const { notices } = await ensureFirstKeys((await verbTest()).database, home);
    expect(notices).toEqual([]);
    expect(await readFile(adminKeyFile, "utf8")).not.toBe(foreign);
    const aside = (await readdir(home)).filter((name) => name.startsWith("api-key."));
    expect(aside).toEqual([`api-key.${foreign.slice(0, 11)}`]);
    expect(await readFile(join(home, aside[0] ?? ""), "utf8")).toBe(foreign);
  });

  test("are made again when nobody could administer the server any more", async () => {
    const t = await verbTest();
    const home = await folder();
    const first = await ensureFirstKeys(t.database, home);
    await t.owner.query("UPDATE api_keys SET revoked_at = docket_now() WHERE role = 'admin'");
    const again = await ensureFirstKeys(t.database, home);
    expect(again.adminKeyId).not.toBe(first.adminKeyId);
    expect(again.notices).toEqual([]);
  });

  test("take the place of an empty file", async () => {
    const t = await verbTest();
    const home = await folder();
    const { agentKeyFile } = await ensureFirstKeys((await verbTest()).database, home);
    await writeFile(agentKeyFile, "");
    await ensureFirstKeys(t.database, home);
    expect(await readFile(agentKeyFile, "utf8")).toMatch(/^dk_/);
  });
});
