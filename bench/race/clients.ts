import { setTimeout as delay } from "node:timers/promises";
import { ServerError } from "../../client/faults.ts";
import { pick } from "../random.ts";
import type { Ask } from "./asking.ts";
import {
  AddRaceTasks,
  ClaimRaceTask,
  CompleteRaceTask,
  CompleteRaceTaskAndGoOn,
  ConfirmRaceIds,
  GiveBackRaceIds,
  GiveBackRaceTask,
  ReserveRaceIds,
} from "./documents.ts";
import { intrude } from "./intrude.ts";
import type { Ledger } from "./ledger.ts";
import type { TaskClaimed } from "./records.ts";

/** Long enough for every run, so that such a claim never expires. */
const LEASE_SECONDS = 900;
/** Of workers that die: somebody else must take over within the run. */
const SHORT_LEASE_SECONDS = 2;
const ARTIFACT_TYPES = ["US", "SPEC"];
const MOST_IDS = 6;

interface ClientSettings {
  readonly ask: Ask;
  /** Asks with the same key, from no session. */
  readonly strangerAsk: Ask;
  readonly ledger: Ledger;
  readonly random: () => number;
}

/** One client: adds tasks, works on tasks and reserves IDs, in a random order, until the whole plan is done or the race is over. */
export async function runClient(worker: string, settings: ClientSettings): Promise<void> {
  const { ask, strangerAsk, ledger, random } = settings;
  let idlePause = 10;
  while (!ledger.done && !ledger.over.aborted) {
    const batch = random() < 0.5 ? ledger.takeBatch() : undefined;
    if (batch) await addTasks(batch);
    else if (random() < 0.5 && ledger.takeReservation()) await reserve();
    else if (await work()) idlePause = 10;
    else {
      await delay(idlePause * (0.5 + random()));
      idlePause = Math.min(idlePause * 2, 500);
    }
  }

  async function addTasks({ projectId, descriptions }: { projectId: string; descriptions: string[] }) {
    const tasks = descriptions.map((description) => ({ description, priority: Math.floor(random() * 5) }));
    const { answer, ...heard } = await ask(AddRaceTasks, { projectId, tasks });
    ledger.added.push({ ...heard, projectId, descriptions, taskIds: answer.addTasks.taskIds });
  }

  /** Claims a task and sees it through, with those that follow from it. False when there was none. */
  async function work(): Promise<boolean> {
    const projectId = pick(ledger.projects, random);
    // Decided before, because the lease must be short then.
    const dies = random() < 0.05;
    const leaseSeconds = dies ? SHORT_LEASE_SECONDS : LEASE_SECONDS;
    const { answer, ...heard } = await ask(ClaimRaceTask, { projectId, worker, leaseSeconds });
    let claim = ledger.claim({ ...heard, projectId, worker, leaseSeconds }, answer.claimNextTask);
    if (!claim) return false;
    if (random() < 0.05) await intrude(strangerAsk, { ...claim, number: claim.attempt }, ledger);
    if (dies) await dieHolding(claim);
    else while (claim) claim = await finish(claim);
    return true;
  }

  /**
   * The worker is silent beyond its lease. Half of them never wake up. The others answer too late, and when they are
   * refused, try again with what the refusal told them of the holder.
   */
  async function dieHolding(claim: TaskClaimed): Promise<void> {
    ledger.deaths++;
    if (random() < 0.5) return;
    await delay(claim.leaseMs + random() * 1_000);
    try {
      await complete(claim);
    } catch (error) {
      if (!(error instanceof ServerError) || !error.is("LEASE_LOST")) throw error;
      ledger.tooLate++;
      await intrude(ask, { ...claim, number: holderOf(error) ?? claim.attempt }, ledger);
    }
  }

  async function complete({ projectId, taskId, attempt, given }: TaskClaimed): Promise<void> {
    const input = { projectId, taskId, attempt: given, status: "COMPLETED" as const };
    const { answer: _, ...heard } = await ask(CompleteRaceTask, input);
    ledger.left.push({ ...heard, projectId, taskId, attempt, outcome: "completed" });
  }

  /** Completes or gives back a claimed task; the next claim, when the answer brought one. */
  async function finish(claim: TaskClaimed): Promise<TaskClaimed | undefined> {
    const { projectId, taskId, attempt, given } = claim;
    const chance = random();
    if (chance < 0.05) {
      const { answer: _, ...heard } = await ask(GiveBackRaceTask, { projectId, taskId, attempt: given });
      ledger.left.push({ ...heard, projectId, taskId, attempt, outcome: "released" });
      return undefined;
    }
    if (chance < 0.6) {
      await complete(claim);
      return undefined;
    }
    const input = { projectId, taskId, attempt: given, worker, leaseSeconds: LEASE_SECONDS };
    const { answer, ...heard } = await ask(CompleteRaceTaskAndGoOn, input);
    ledger.left.push({ ...heard, projectId, taskId, attempt, outcome: "completed" });
    return ledger.claim({ ...heard, projectId, worker, leaseSeconds: LEASE_SECONDS }, answer.completeAndClaimNext);
  }

  async function reserve(): Promise<void> {
    const projectId = pick(ledger.projects, random);
    const count = 1 + Math.floor(random() * MOST_IDS);
    const artifactType = pick(ARTIFACT_TYPES, random);
    const { answer, ...heard } = await ask(ReserveRaceIds, {
      projectId,
      artifactType,
      count,
      ttlSeconds: LEASE_SECONDS,
    });
    const { reservedIds: ids, reservation } = answer.reserveIds;
    if (!ids || !reservation) throw new Error(`reserveIds answered ${JSON.stringify(answer)}`);
    const { reservationId } = reservation;
    ledger.reserved.push({ ...heard, projectId, reservationId, ids });
    await settle(reservationId, ids);
  }

  /** Most keep all, some keep a part, some give everything back, some never answer. */
  async function settle(reservationId: string, ids: readonly string[]): Promise<void> {
    const chance = random();
    if (chance < 0.05) return;
    if (chance < 0.2) {
      const { answer: _, ...heard } = await ask(GiveBackRaceIds, { reservationId });
      ledger.settled.push({ ...heard, reservationId, outcome: "released", kept: [] });
      return;
    }
    const kept = chance < 0.4 ? ids.slice(0, Math.ceil(ids.length / 2)) : ids;
    const { answer: _, ...heard } = await ask(ConfirmRaceIds, { reservationId, ids: [...kept] });
    ledger.settled.push({ ...heard, reservationId, outcome: "confirmed", kept });
  }
}

/** The number of the attempt that holds the task now, as a refusal tells it. */
function holderOf({ extensions }: ServerError): number | undefined {
  const holder = extensions["holder"] as { attempt?: number | null } | null | undefined;
  return holder?.attempt ?? undefined;
}
