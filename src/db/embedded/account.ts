import { readFile, stat } from "node:fs/promises";
import { dirname } from "node:path";

/** The operating system's user that PostgreSQL runs as. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** In order of preference; `nobody` exists on every Unix. initdb looks the user up, so a bare number will not do. */
const USERS = ["postgres", "_postgres", "nobody"];

/** Whether this process is root, which PostgreSQL refuses to run as. */
export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/**
 * An unprivileged user for PostgreSQL when this process is root.
 * @throws Error when the system has none of the users we may choose.
 */
export async function unprivilegedAccount(): Promise<Account> {
  const lines = (await readFile("/etc/passwd", "utf8")).split("\n").map((line) => line.split(":"));
  for (const user of USERS) {
    const [, , uid, gid] = lines.find(([name]) => name === user) ?? [];
    if (uid && gid && uid !== "0") return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error(
    "PostgreSQL does not run as root, and this system has no user `postgres` or `nobody` to run it as. " +
      "Start Docket as an ordinary user, add a user `postgres`, or set DATABASE_URL to a PostgreSQL of your own.",
  );
}

/** Whether `account` may pass through every folder down to `path`. Without an account: this process, which may. */
export async function canReach(path: string, account: Account | undefined): Promise<boolean> {
  if (account === undefined) return true;
  for (let folder = path; ; folder = dirname(folder)) {
    const { mode, uid, gid } = await stat(folder);
    const execute = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
    if ((mode & execute) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}
