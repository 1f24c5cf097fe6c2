import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { expect, test } from "vitest";
import { makeProgram } from "../../cli/program.ts";
import { makeShell } from "../../cli/shell/process-shell.ts";
import { makeUser } from "../cli/in-process.ts";
import { startTestServer } from "../support/server.ts";

const readme = await readFile("README.md", "utf8");

/** The commands that do something, each with what it is called within the program. */
function commandsOf(command: Command, path: string): { path: string; command: Command }[] {
  return command.commands.flatMap((inner) => {
    const its = `${path} ${inner.name()}`;
    return inner.commands.length === 0 ? [{ path: its, command: inner }] : commandsOf(inner, its);
  });
}

const program = await makeProgram(makeShell());
const commands = commandsOf(program, "docket");

test("the README lists every command with its arguments and what it does", () => {
  const rows = commands.map(({ path, command }) => {
    const args = command.registeredArguments.map((one) => {
      const name = one.variadic ? `${one.name()}...` : one.name();
      return one.required ? ` <${name}>` : ` [${name}]`;
    });
    return `\`${path}${args.join("")}\`: ${command.description()}`;
  });
  const [, listed = ""] = /<!-- commands -->\n(.*?)\n<!-- end of commands -->/s.exec(readme) ?? [];
  expect(listed.trim().split("\n")).toEqual(rows.map((row) => `- ${row}`));
});

test("the help of every command has an example", () => {
  for (const command of program.commands) {
    let help = "";
    command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
    expect([command.name(), help]).toEqual([command.name(), expect.stringMatching(/^Examples?:\n {2}\S/m)]);
  }
});

test("every command says in plain words what it, and its options are", () => {
  for (const { path, command } of commands) {
    expect([path, command.description()]).toEqual([path, expect.stringMatching(/^[a-z].*[^.]$/)]);
    for (const { flags, description } of command.options)
      expect([path, flags, description]).toEqual([path, flags, expect.stringMatching(/\w/)]);
  }
});

test("the commands of the README run as they are written, one after another", async () => {
  const server = await startTestServer();
  const { docket } = await makeUser({
    DOCKET_URL: server.url,
    DOCKET_API_KEY: server.agentKey,
    PATH: process.env["PATH"] ?? "",
  });
  const [, block = ""] = /<!-- commands -->.*?^```\n(docket .*?)^```/ms.exec(readme) ?? [];
  const lines = block.trim().split("\n");
  expect(lines.length).toBeGreaterThan(5);
  for (const line of lines) {
    const split = spawnSync("bash", ["-c", `docket() { printf '%s\\0' "$@"; }; ${line}`], { encoding: "utf8" });
    const { code, err } = await docket(split.stdout.split("\0").slice(0, -1));
    expect([line, code, err]).toEqual([line, 0, expect.any(String)]);
  }
});
