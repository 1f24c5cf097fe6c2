import { parentPort, workerData } from "node:worker_threads";
import { createRequest } from "../../client/request.ts";
import { openLoop, type Sample } from "../measure.ts";
import { monotonicMs } from "./clock.ts";
import { ClaimMeanwhile } from "./documents.ts";
import { commitUpdates, openOwnLog } from "./own-log.ts";

/** Claims of the server that delivers, at a steady pace. */
export interface Claims {
  readonly url: string;
  readonly apiKey: string;
  readonly projectId: string;
  readonly perSecond: number;
}

/** Writes at a steady pace; when each commit was acknowledged is left in `answeredAt`. */
export interface Round {
  readonly perSecond: number;
  readonly seconds: number;
  readonly answeredAt: Float64Array;
  readonly claims?: Claims;
}

export interface RoundAnswer {
  /** What went wrong with a write, or null. */
  readonly fault: string | null;
  readonly claims: Sample;
}

const { databaseUrl, projectId } = workerData as { databaseUrl: string; projectId: string };
const own = await openOwnLog(databaseUrl);

async function write({ perSecond, seconds, answeredAt, claims }: Round): Promise<RoundAnswer> {
  let fault: string | null = null;
  const writing = openLoop(perSecond, seconds, async (i) => {
    try {
      await commitUpdates(own.database, projectId, i);
      answeredAt[i] = monotonicMs();
    } catch (error) {
      fault ??= String(error);
    }
  });
  const claimed = claims ? await claim(claims, seconds) : { durations: [], errors: 0 };
  await writing;
  return { fault, claims: claimed };
}

function claim({ url, apiKey, projectId: from, perSecond }: Claims, seconds: number): Promise<Sample> {
  const request = createRequest({ url, apiKey });
  return openLoop(perSecond, seconds, async () => {
    const { claimNextTask } = await request(ClaimMeanwhile, { input: { projectId: from } });
    if (claimNextTask.attempt === null) throw new Error("There was no task left to claim.");
  });
}

parentPort?.on("message", (round: Round | "end") => {
  // A round that was given up would go on to its end.
  if (round === "end") void own[Symbol.asyncDispose]().finally(() => process.exit());
  else void write(round).then((answer) => parentPort?.postMessage(answer));
});
parentPort?.postMessage("ready");
