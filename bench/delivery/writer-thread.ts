import { parentPort, workerData } from "node:worker_threads";
import { openLoop } from "../measure.ts";
import { monotonicMs } from "./clock.ts";
import { commitUpdates, openOwnLog } from "./own-log.ts";

/** Writes at a steady pace; when each commit was acknowledged is left in `answeredAt`. */
export interface Round {
  readonly perSecond: number;
  readonly seconds: number;
  readonly answeredAt: Float64Array;
}

/** What went wrong, or null. */
export type RoundAnswer = { readonly fault: string | null };

const { url, projectId } = workerData as { url: string; projectId: string };
const own = await openOwnLog(url);

async function write({ perSecond, seconds, answeredAt }: Round): Promise<RoundAnswer> {
  let fault: string | null = null;
  await openLoop(perSecond, seconds, async (i) => {
    try {
      await commitUpdates(own.database, projectId, i);
      answeredAt[i] = monotonicMs();
    } catch (error) {
      fault ??= String(error);
    }
  });
  return { fault };
}

parentPort?.on("message", (round: Round | "end") => {
  // A round that was given up would go on to its end.
  if (round === "end") void own[Symbol.asyncDispose]().finally(() => process.exit());
  else void write(round).then((answer) => parentPort?.postMessage(answer));
});
parentPort?.postMessage("ready");
