import { access, constants, mkdir, realpath } from "node:fs/promises";
import { join, resolve } from "node:path";
import { errorCode } from "../faults.ts";

/** Held while the cluster of a Docket folder is started, stopped, joined, left, made or replaced. */
export const lockOf = (home: string) => join(home, "postgres.lock");

/** Shared by the processes that use the cluster of a Docket folder. */
export const usersOf = (home: string) => join(home, "postgres.users");

/** Makes the Docket folder. @throws Error saying what to do when it cannot be made, or nothing may be written there. */
export async function makeHome(folder: string): Promise<string> {
  try {
    await mkdir(resolve(folder), { recursive: true, mode: 0o700 });
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    return await realpath(folder);
  } catch (cause) {
    throw new Error(
      `Docket cannot write to ${resolve(folder)} (${errorCode(cause)}), where it keeps its database and keys. ` +
        "Make it a folder that belongs to the user who starts Docket, or set DOCKET_HOME to another one.",
      { cause },
    );
  }
}
