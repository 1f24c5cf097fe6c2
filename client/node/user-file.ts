import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ClientConfigError } from "./config.ts";
import { configFolder, writePrivately } from "./folders.ts";

/** What `docket login` keeps: the server of commands that name none, and the keys, each for its own server only. */
export interface UserFile {
  readonly server?: string | undefined;
  readonly keys: Readonly<Record<string, string>>;
}

type Environment = Readonly<Record<string, string | undefined>>;

export const userFilePath = (env: Environment) => join(configFolder(env), "config.json");

/** The user's file, empty where there is none. @throws ClientConfigError when it cannot be understood */
export function readUserFile(env: Environment): UserFile {
  const file = userFilePath(env);
  const content = readJsonFile(file);
  if (content === undefined) return { keys: {} };
  const { server, keys = {} } = content;
  if (server !== undefined && typeof server !== "string") throw unreadable(file, "server must be an address");
  if (typeof keys !== "object" || keys === null) throw unreadable(file, "keys must be an object");
  const texts = Object.entries(keys).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  return { server, keys: Object.fromEntries(texts) };
}

export function writeUserFile(env: Environment, content: UserFile): void {
  writePrivately(userFilePath(env), `${JSON.stringify(content, null, 2)}\n`);
}

/** The object in a JSON file; undefined where there is no such file. @throws ClientConfigError */
export function readJsonFile(file: string): Readonly<Record<string, unknown>> | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR"))
      return undefined;
    throw unreadable(file, error instanceof Error ? error.message : String(error));
  }
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw unreadable(file, "it is no JSON");
  }
  if (typeof content !== "object" || content === null || Array.isArray(content))
    throw unreadable(file, "it must hold a JSON object");
  return content as Readonly<Record<string, unknown>>;
}

export const unreadable = (file: string, why: string) => new ClientConfigError(`${file} cannot be used: ${why}.`);
