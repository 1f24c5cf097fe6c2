import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { serverUrl } from "./config.ts";
import { readJsonFile, unreadable } from "./user-file.ts";

/** The name of the file that a repository may bring: `{"server": "https://…", "project": "alpha"}`. */
const PROJECT_FILE = ".docket.json";

export interface ProjectFile {
  readonly file: string;
  readonly server?: string | undefined;
  readonly project?: string | undefined;
}

/**
 * The project file of a folder or the nearest one above, within its repository. It comes with a repository that may be
 * anybody's, so it never holds a key. @throws ClientConfigError when it cannot be understood
 */
export function findProjectFile(cwd: string): ProjectFile | undefined {
  for (let folder = cwd; ; folder = dirname(folder)) {
    const file = join(folder, PROJECT_FILE);
    const content = readJsonFile(file);
    if (content !== undefined) return understand(file, content);
    if (existsSync(join(folder, ".git")) || dirname(folder) === folder) return undefined;
  }
}

function understand(file: string, content: Readonly<Record<string, unknown>>): ProjectFile {
  const { server, project, ...others } = content;
  const [other] = Object.keys(others);
  if (other !== undefined)
    throw unreadable(file, `it may hold server and project, and it has ${JSON.stringify(other)}`);
  if (project !== undefined && typeof project !== "string") throw unreadable(file, "project must be a text");
  if (server === undefined) return { file, project };
  const url = typeof server === "string" ? serverUrl(server) : undefined;
  if (url === undefined) throw unreadable(file, "server must be an http or https address");
  return { file, server: url, project };
}
