import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { makeUser } from "./in-process.ts";

const runs = (shell: string) => spawnSync(shell, ["-c", "true"]).status === 0;

describe("docket completion", () => {
  test("completes commands, those within them, and options in bash", async () => {
    const { docket, home } = await makeUser();
    const script = join(home, "docket.bash");
    await writeFile(script, (await docket(["completion", "bash"])).out);
    const complete = (...words: string[]) => {
      const asked = `source ${script}; COMP_WORDS=(docket ${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length}; _docket; echo "\${COMPREPLY[@]}"`;
      return spawnSync("bash", ["-c", asked], { encoding: "utf8" }).stdout.trim().split(" ");
    };
    expect(complete("re")).toEqual(["renew", "release", "reserve", "restore"]);
    expect(complete("tasks", "--sta")).toEqual(["--status"]);
    expect(complete("claim", "--project", "web", "--l")).toEqual(["--label", "--lease"]);
    expect(complete("keys", "")).toEqual(expect.arrayContaining(["list", "create", "revoke"]));
    expect(complete("keys", "create", "--r")).toEqual(["--role"]);
    expect(complete("completion", "z")).toEqual(["zsh"]);
  });

  test("prints scripts for zsh and fish, and knows no other shell", async () => {
    const { docket } = await makeUser();
    const zsh = await docket(["completion", "zsh"]);
    expect(zsh.out).toMatch(/^#compdef docket\n.*"keys\/create"\) choices=\(.*'--role:.*compdef _docket docket\n$/s);
    const fish = await docket(["completion", "fish"]);
    expect(fish.out).toMatch(
      /complete -c docket -n '.*__fish_seen_subcommand_from keys; and __fish_seen_subcommand_from create' -l role /,
    );
    for (const [shell, { out }] of [
      ["zsh", zsh],
      ["fish", fish],
    ] as const)
      if (runs(shell))
        expect(spawnSync(shell, ["-n"], { input: out, encoding: "utf8" })).toMatchObject({ status: 0, stderr: "" });
    expect((await docket(["completion", "tcsh"])).code).toBe(2);
  });
});
