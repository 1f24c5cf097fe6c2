import { randomUUID } from "node:crypto";
import { chmodSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";

type Environment = Readonly<Record<string, string | undefined>>;

/** Where the user's settings of Docket are, by the XDG rules: $XDG_CONFIG_HOME/docket, ~/.config/docket by default. */
export const configFolder = (env: Environment) => docketIn(env, "XDG_CONFIG_HOME", ".config");

/** Where a user's commands remember what they hold: $XDG_STATE_HOME/docket, ~/.local/state/docket by default. */
export const stateFolder = (env: Environment) => docketIn(env, "XDG_STATE_HOME", join(".local", "state"));

function docketIn(env: Environment, variable: string, usual: string): string {
  const given = env[variable];
  // The rules ask to leave a relative path unheeded.
  const base = given !== undefined && isAbsolute(given) ? given : join(env["HOME"] || homedir(), usual);
  return join(base, "docket");
}

/** Writes a file that only its owner may read. Whoever reads meanwhile finds the old one or the new one, whole. */
export function writePrivately(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${randomUUID()}`;
  writeFileSync(draft, text, { mode: 0o600 });
  // The process's umask may have taken more away than it should.
  chmodSync(draft, 0o600);
  renameSync(draft, file);
}
