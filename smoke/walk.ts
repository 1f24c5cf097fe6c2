import { randomUUID } from "node:crypto";
import { createRequest } from "../client/request.ts";
import type { Ground } from "./path.ts";
import { PATHS } from "./paths.ts";
import { putAway } from "./put-away.ts";

export interface Walk {
  readonly url: string;
  readonly apiKey: string;
  readonly patienceMs: number;
  readonly print: (line: string) => void;
}

const LONGEST_WORDS = 500;

/** What a server says, whoever it is, on one line: without what would move the cursor or colour the terminal. */
function plain(words: string): string {
  const line = words.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ").trim();
  return line.length > LONGEST_WORDS ? `${line.slice(0, LONGEST_WORDS)}…` : line;
}

/** Tries every path of a running server, and says of each how it went. @returns the names of those that failed. */
export async function walk({ print, ...server }: Walk): Promise<string[]> {
  const clientId = `smoke-${randomUUID()}`;
  const ground: Ground = {
    ...server,
    clientId,
    request: createRequest({ ...server, clientId }),
    // No other run, and no user, has a project of that name.
    projectId: `smoke-${new Date().toISOString().slice(0, 10)}-${randomUUID().slice(0, 8)}`,
    added: [],
    worked: undefined,
  };
  const failed: string[] = [];
  const say = (how: string, name: string, words: string) =>
    print(`${how.padEnd(7)} ${name.padEnd(17)} ${plain(words)}`);
  for (const path of PATHS) {
    const missing = path.needs.find((name) => failed.includes(name));
    if (missing !== undefined) {
      failed.push(path.name);
      say("skipped", path.name, `it needs ${missing}`);
      continue;
    }
    const began = performance.now();
    try {
      const seen = await path.try(ground);
      say("ok", path.name, `${seen} (${Math.round(performance.now() - began)} ms)`);
    } catch (error) {
      failed.push(path.name);
      say("FAILED", path.name, error instanceof Error ? error.message : String(error));
    }
  }
  if (!failed.includes("project")) print(plain(await putAway(ground)));
  return failed;
}
