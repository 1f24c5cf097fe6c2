import type {
  Contradiction,
  Heard,
  IdsReserved,
  Intrusion,
  ReservationSettled,
  TaskClaimed,
  TaskLeft,
  TasksAdded,
} from "./records.ts";

interface Plan {
  readonly projects: readonly string[];
  readonly tasks: number;
  readonly reservations: number;
  /** Ends the race before its plan is done: nothing new is begun, and what is under way is answered. */
  readonly over: AbortSignal;
}

const BATCH = 20;

/** What the clients have still to do, and what they were told: the clients' side of the evidence. */
export class Ledger {
  readonly projects: readonly string[];
  readonly over: AbortSignal;
  readonly added: TasksAdded[] = [];
  readonly claimed: TaskClaimed[] = [];
  readonly left: TaskLeft[] = [];
  readonly reserved: IdsReserved[] = [];
  readonly settled: ReservationSettled[] = [];
  readonly contradictions: Contradiction[] = [];
  readonly intrusions: Intrusion[] = [];
  /** Workers that died holding a task. */
  deaths = 0;
  /** Of those, the ones that came back when somebody else had the task. */
  tooLate = 0;
  /** Writes without the attempt, all refused. */
  fended = 0;
  readonly #tasks: number;
  readonly #reservations: number;
  #planned = 0;
  #reservationsTaken = 0;

  constructor({ projects, tasks, reservations, over }: Plan) {
    this.projects = projects;
    this.over = over;
    this.#tasks = tasks;
    this.#reservations = reservations;
  }

  /** The next batch of tasks for a client to add. */
  takeBatch(): { projectId: string; descriptions: string[] } | undefined {
    const size = Math.min(BATCH, this.#tasks - this.#planned);
    if (size === 0) return undefined;
    const descriptions = Array.from({ length: size }, (_, i) => `race task ${this.#planned + i + 1}`);
    const projectId = this.projects[(this.#planned / BATCH) % this.projects.length] ?? "";
    this.#planned += size;
    return { projectId, descriptions };
  }

  takeReservation(): boolean {
    if (this.#reservationsTaken === this.#reservations) return false;
    this.#reservationsTaken++;
    return true;
  }

  /** Notes the claim that an answer brought, if it brought one. */
  claim(
    { leaseSeconds, ...asked }: Heard & { projectId: string; worker: string; leaseSeconds: number },
    { attempt: given, task }: { attempt: string | null; task: { taskId: string } | null },
  ): TaskClaimed | undefined {
    if (given === null || task === null) return undefined;
    const claim = {
      ...asked,
      taskId: task.taskId,
      attempt: Number.parseInt(given, 10),
      given,
      leaseMs: leaseSeconds * 1_000,
    };
    this.claimed.push(claim);
    return claim;
  }

  get completed(): number {
    return this.left.reduce((count, { outcome }) => count + (outcome === "completed" ? 1 : 0), 0);
  }

  /** From 0 to 1. */
  get progress(): number {
    return (this.completed + this.reserved.length) / (this.#tasks + this.#reservations);
  }

  get done(): boolean {
    return this.reserved.length >= this.#reservations && this.completed >= this.#tasks;
  }
}
