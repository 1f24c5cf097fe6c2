import { createHash } from "node:crypto";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { stateFolder, writePrivately } from "../../client/node/folders.ts";
import { readJsonFile } from "../../client/node/user-file.ts";
import { UsageFault } from "./exit.ts";
import type { Shell } from "./shell.ts";

/** What a claim left for `renew`, `done` and `release`. The attempt is the holder's secret: who has it may write. */
export interface KeptAttempt {
  readonly server: string;
  readonly projectId: string;
  readonly taskId: string;
  readonly attempt: string;
}

type Place = Pick<KeptAttempt, "server" | "projectId" | "taskId">;

const folderOf = ({ env }: Pick<Shell, "env">) => join(stateFolder(env), "attempts");

/** A file for each task, so that agents of one user do not write over each other's. */
function fileOf(shell: Pick<Shell, "env">, { server, projectId, taskId }: Place): string {
  const name = createHash("sha256")
    .update(JSON.stringify([server, projectId, taskId]))
    .digest("hex");
  return join(folderOf(shell), `${name.slice(0, 32)}.json`);
}

export function keepAttempt(shell: Pick<Shell, "env">, kept: KeptAttempt): void {
  writePrivately(fileOf(shell, kept), `${JSON.stringify(kept)}\n`);
}

export function forgetAttempt(shell: Pick<Shell, "env">, place: Place): void {
  rmSync(fileOf(shell, place), { force: true });
}

/** What is held at this server, as far as this user's commands know. */
function keptAttempts(shell: Pick<Shell, "env">, server: string): KeptAttempt[] {
  let files: string[];
  try {
    files = readdirSync(folderOf(shell));
  } catch {
    // Nothing was ever claimed.
    return [];
  }
  const all = files.filter((file) => file.endsWith(".json")).map((file) => readJsonFile(join(folderOf(shell), file)));
  return all.filter((content) => content !== undefined && isKept(content)).filter((kept) => kept.server === server);
}

function isKept(content: object): content is KeptAttempt {
  return (["server", "projectId", "taskId", "attempt"] as const).every(
    (name) => name in content && typeof Object.entries(content).find(([key]) => key === name)?.[1] === "string",
  );
}

/** A task that is held, and by which attempt; without one the server decides by key and session. */
export interface HeldWork {
  readonly projectId: string | undefined;
  readonly taskId: string;
  readonly attempt: string | undefined;
}

interface Asked {
  readonly server: string;
  readonly taskId: string | undefined;
  readonly projectId: string | undefined;
  readonly attempt: string | undefined;
}

/**
 * The task that a call is about: the one it names, the one that `docket work` handed over, or the only one that was
 * claimed. @throws UsageFault where that is not clear
 */
export function heldWork(shell: Pick<Shell, "env">, asked: Asked): HeldWork {
  const handed = asked.taskId === undefined || asked.taskId === shell.env["DOCKET_TASK_ID"];
  const taskId = (asked.taskId ?? shell.env["DOCKET_TASK_ID"])?.toUpperCase();
  const attempt = asked.attempt ?? (handed ? shell.env["DOCKET_ATTEMPT"] : undefined);
  if (taskId !== undefined && attempt !== undefined) return { projectId: asked.projectId, taskId, attempt };
  const kept = keptAttempts(shell, asked.server).filter(
    (one) =>
      (taskId === undefined || one.taskId === taskId) &&
      (asked.projectId === undefined || one.projectId === asked.projectId),
  );
  const [only] = kept;
  if (only !== undefined && kept.length === 1) return { ...only, attempt: attempt ?? only.attempt };
  const names = kept.map((one) => `${one.projectId}/${one.taskId}`).join(", ");
  if (kept.length > 1) throw new UsageFault(`Which of them? You hold ${names}: name the task, and its --project.`);
  if (taskId === undefined)
    throw new UsageFault(
      "Which task? None is held that was claimed here: name it, and pass --attempt as its claim printed it.",
    );
  return { projectId: asked.projectId, taskId, attempt: undefined };
}
