import { execFileSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";

/** Where and of what a run was made: figures of another machine are no measure for this one. */
export interface Environment {
  readonly date: string;
  /** Of this repository, with a + where files were changed since. */
  readonly commit: string;
  readonly processors: number;
  readonly platform: string;
  readonly node: string;
}

export function environmentNow(): Environment {
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: commitNow(),
    processors: availableParallelism(),
    platform: `${process.platform} ${process.arch}`,
    node: process.versions.node,
  };
}

function commitNow(): string {
  const git = (...words: string[]) =>
    execFileSync("git", words, { cwd: fileURLToPath(new URL("..", import.meta.url)), encoding: "utf8" }).trim();
  try {
    return git("rev-parse", "--short", "HEAD") + (git("status", "--porcelain") === "" ? "" : "+");
  } catch {
    return "unknown";
  }
}
