import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseEnv } from "node:util";
import { ClientConfigError, DEFAULT_PORT, isSendable, NOT_SENDABLE, readWord, serverUrl } from "./config.ts";
import { findProjectFile, type ProjectFile } from "./project-file.ts";
import { readUserFile, type UserFile, userFilePath } from "./user-file.ts";

/** Something that was set, and where. */
interface Found {
  readonly value: string;
  /** For people, like `DOCKET_URL` or the name of a file. */
  readonly from: string;
}

/** Which server a command talks to and as whom, each with where that was taken from. */
export interface ChosenServer {
  readonly url: Found;
  readonly key: Found | undefined;
  readonly project: Found | undefined;
}

export interface ServerChoice {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** `--server`, `--key-file` and `--project`. */
  readonly server?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly project?: string | undefined;
  /** Where a server keeps its keys in this folder, its admin's is the one for the command. */
  readonly asAdmin?: boolean | undefined;
}

/**
 * Chooses by the first that says anything: the flag, the environment, the repository's project file, the user's file,
 * the server that was started in this folder. A key that `docket login` stored is sent to its own server only, and no
 * key to a server that nobody but a project file names. @throws ClientConfigError
 */
export function chooseServer(choice: ServerChoice): ChosenServer {
  const { env, cwd } = choice;
  const file = findProjectFile(cwd);
  const user = readUserFile(env);
  const url = chooseUrl(choice, file, user);
  const given = givenKey(choice);
  if (given && file?.server === url.value && url.from === file.file && !isKnown(user, url.value))
    throw new ClientConfigError(
      `${file.file} leads to ${url.value}, where you have not signed in, and ${given.from} names no server. If you trust that server, set DOCKET_URL to it as well, or run: docket login --server ${url.value}`,
    );
  const key = given ?? storedKey(choice, user, url.value) ?? besideKey(choice, url, file);
  if (key && !isSendable(key.value)) throw new ClientConfigError(`${NOT_SENDABLE} The one of ${key.from} is not.`);
  const project =
    found(choice.project, "--project") ??
    found(env["DOCKET_PROJECT"], "DOCKET_PROJECT") ??
    (file && found(file.project, file.file));
  return { url, key, project };
}

const found = (value: string | undefined, from: string): Found | undefined => {
  const text = value?.trim();
  return text ? { value: text, from } : undefined;
};

const isKnown = (user: UserFile, url: string) => user.server === url || Object.hasOwn(user.keys, url);

function chooseUrl({ env, cwd, server }: ServerChoice, file: ProjectFile | undefined, user: UserFile): Found {
  const named =
    found(server, "--server") ??
    found(env["DOCKET_URL"], "DOCKET_URL") ??
    found(env["TASK_TRACKING_URL"], "TASK_TRACKING_URL") ??
    (file && found(file.server, file.file)) ??
    found(user.server, userFilePath(env));
  if (named === undefined) {
    const { value: port, from } = portBeside(env, cwd);
    return { value: `http://127.0.0.1:${port}`, from };
  }
  const value = serverUrl(named.value);
  if (value === undefined)
    throw new ClientConfigError(`${named.from} must be an http or https address such as http://127.0.0.1:4000.`);
  return { value, from: named.from };
}

/** A key that was given with the call, for whatever server it goes to. */
function givenKey({ env, keyFile }: ServerChoice): Found | undefined {
  const fromFile = (name: string | undefined, by: string): Found | undefined => {
    if (!name?.trim()) return undefined;
    const value = readWord(name.trim());
    if (value === undefined) throw new ClientConfigError(`${by} names ${name.trim()}, which holds no readable key.`);
    return { value, from: by };
  };
  return (
    fromFile(keyFile, "--key-file") ??
    found(env["DOCKET_API_KEY"], "DOCKET_API_KEY") ??
    fromFile(env["DOCKET_API_KEY_FILE"], "DOCKET_API_KEY_FILE") ??
    found(env["TASK_TRACKING_API_KEY"], "TASK_TRACKING_API_KEY")
  );
}

function storedKey({ env }: ServerChoice, user: UserFile, url: string): Found | undefined {
  return Object.hasOwn(user.keys, url) ? found(user.keys[url], userFilePath(env)) : undefined;
}

/** The key that a server started in this folder wrote there: for this machine only, and never where a project file leads. */
function besideKey({ env, cwd, asAdmin = false }: ServerChoice, url: Found, file: ProjectFile | undefined) {
  const { hostname } = new URL(url.value);
  if (!["127.0.0.1", "localhost", "[::1]"].includes(hostname) || url.from === file?.file) return undefined;
  const home = homeBeside(env, cwd);
  const files = [join(home, "agent-key"), join(home, "api-key")];
  for (const name of asAdmin ? files.toReversed() : files) {
    const key = found(readWord(name), name);
    if (key) return key;
  }
  return undefined;
}

/** Of the server beside, as it is set for this call, as it was started last, or as it is set for all. */
function portBeside(env: ServerChoice["env"], cwd: string): Found {
  const started = join(homeBeside(env, cwd), "port");
  const set = [
    found(env["PORT"], "PORT"),
    found(readWord(started), started),
    found(settingBeside(env, cwd, "PORT"), join(cwd, ".env")),
  ];
  return set.find((port) => port && isPort(port.value)) ?? { value: String(DEFAULT_PORT), from: "the default" };
}

const isPort = (text: string) => /^[1-9]\d{0,4}$/.test(text) && Number(text) < 2 ** 16;

const homeBeside = (env: ServerChoice["env"], cwd: string) =>
  resolve(cwd, settingBeside(env, cwd, "DOCKET_HOME") ?? ".docket");

/**
 * A setting of the server beside. Of its `.env` only what is asked for counts: the file may have come with a repository,
 * and must not choose the server that keys are sent to.
 */
function settingBeside(env: ServerChoice["env"], cwd: string, name: "PORT" | "DOCKET_HOME"): string | undefined {
  const set = env[name]?.trim();
  if (set) return set;
  try {
    return parseEnv(readFileSync(join(cwd, ".env"), "utf8"))[name]?.trim() || undefined;
  } catch {
    // No such file is the usual case.
    return undefined;
  }
}
