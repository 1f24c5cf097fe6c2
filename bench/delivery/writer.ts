import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Sample } from "../measure.ts";
import type { Round, RoundAnswer } from "./writer-thread.ts";

export type { Claims } from "./writer-thread.ts";

export interface Writer extends AsyncDisposable {
  /** Resolves when all of the round is committed, to how long its claims took. @throws Error when a write failed. */
  write(round: Round): Promise<Sample>;
}

/**
 * Changes in transactions of their own, from a thread of its own: a process that takes in ten thousand frames would see
 * late that a commit was acknowledged. Like a server process it has a pool and drains after its commits.
 */
export async function startWriter(databaseUrl: string, projectId: string): Promise<Writer> {
  const worker = new Worker(new URL("./writer-thread.ts", import.meta.url), { workerData: { databaseUrl, projectId } });
  await once(worker, "message");
  return {
    async write(round) {
      worker.postMessage(round);
      const [{ fault, claims }] = (await once(worker, "message")) as [RoundAnswer];
      if (fault !== null) throw new Error(`A write failed: ${fault}`);
      return claims;
    },
    async [Symbol.asyncDispose]() {
      const ended = once(worker, "exit");
      worker.postMessage("end");
      await ended;
    },
  };
}
