import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { text } from "node:stream/consumers";
import { expect, onTestFinished } from "vitest";
import { builtDocket } from "../support/built-docket.ts";
import { makeTemporaryFolder } from "../support/temporary-folder.ts";

const docket = await builtDocket();

export async function makeHome(): Promise<string> {
  const home = await makeTemporaryFolder("home");
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  return home;
}

export function run(command: string, env: Record<string, string>): ChildProcess {
  const child = spawn(process.execPath, [docket, ...command.split(" ")], {
    cwd: tmpdir(),
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

export async function outcome({ stdout, stderr, exitCode }: ChildProcess, exited: Promise<unknown[]>) {
  if (!stdout || !stderr || exitCode !== null) throw new Error("not running with pipes");
  const [out, err, [code]] = await Promise.all([text(stdout), text(stderr), exited]);
  return { out, err, code };
}

export const fails = async (env: Record<string, string>, command = "start") => {
  // Any port: a Docket may run on this machine.
  const child = run(command, { PORT: "0", ...env });
  const { err, code } = await outcome(child, once(child, "exit"));
  expect(code).toBe(1);
  // One message; a stack trace would have lines like these.
  expect(err).not.toMatch(/^\s+at /m);
  return err;
};
