/** When a client first asked and when it had the answer, in milliseconds of one monotonic clock. */
export interface Heard {
  readonly askedAt: number;
  readonly toldAt: number;
}

export interface TasksAdded extends Heard {
  readonly projectId: string;
  /** Different for every task of a race, so that a task that came twice shows. */
  readonly descriptions: readonly string[];
  readonly taskIds: readonly string[];
}

export interface TaskClaimed extends Heard {
  readonly projectId: string;
  readonly taskId: string;
  readonly attempt: number;
  /** The attempt as it was given, for writing. */
  readonly given: string;
  readonly worker: string;
  readonly leaseMs: number;
}

export interface TaskLeft extends Heard {
  readonly projectId: string;
  readonly taskId: string;
  readonly attempt: number;
  readonly outcome: "completed" | "released";
}

export interface IdsReserved extends Heard {
  readonly projectId: string;
  readonly reservationId: string;
  readonly ids: readonly string[];
}

export interface ReservationSettled extends Heard {
  readonly reservationId: string;
  readonly outcome: "confirmed" | "released";
  /** Kept for good; none when the whole was given back. */
  readonly kept: readonly string[];
}

/** A write that was let through to somebody who had not been given the attempt. */
export interface Intrusion {
  readonly projectId: string;
  readonly taskId: string;
  readonly how: string;
}

/** An answer that was asked for again under the same idempotency key, and came back different. */
export interface Contradiction {
  readonly operation: string;
  readonly first: string;
  readonly again: string;
}

/** What the clients were told. */
export interface Told {
  readonly added: readonly TasksAdded[];
  readonly claimed: readonly TaskClaimed[];
  readonly left: readonly TaskLeft[];
  readonly reserved: readonly IdsReserved[];
  readonly settled: readonly ReservationSettled[];
  readonly contradictions: readonly Contradiction[];
  readonly intrusions: readonly Intrusion[];
  /** What each subscriber received, in order. */
  readonly streams: readonly (readonly StreamedEvent[])[];
}

export interface StreamedEvent {
  readonly projectId: string | null;
  readonly number: number;
}

/** What the database holds after the race; instants in milliseconds of its own clock. */
export interface Stored {
  readonly tasks: readonly StoredTask[];
  readonly attempts: readonly StoredAttempt[];
  readonly reservations: readonly StoredReservation[];
  /** In the order of the log. */
  readonly events: readonly StoredEvent[];
  /** Events that never came into the log. */
  readonly inbox: number;
}

export interface StoredTask {
  readonly projectId: string;
  readonly taskId: string;
  readonly description: string;
  readonly status: string;
  readonly attempts: number;
  readonly completionNotes: string | null;
}

export interface StoredAttempt {
  readonly projectId: string;
  readonly taskId: string;
  readonly attempt: number;
  readonly worker: string | null;
  readonly claimedAt: number;
  readonly endedAt: number | null;
  readonly outcome: string | null;
}

export interface StoredReservation {
  readonly reservationId: string;
  readonly projectId: string;
  readonly namespace: string;
  readonly status: string;
  /** Nobody else may be given its numbers. */
  readonly live: boolean;
  readonly ids: readonly string[];
}

export interface StoredEvent {
  readonly position: number;
  readonly number: number;
  readonly projectId: string;
  readonly type: string;
  readonly subjectId: string;
  /** Of task events that carry one. */
  readonly attempt: number | null;
  /** What the link of the chain says of it. */
  readonly entry: string;
  /** In hexadecimal. */
  readonly hash: string;
}

/** What must not happen. */
export type Fault = "double claim" | "overlap" | "lost answer" | "hole in the log" | "passed fence";

export interface Finding {
  readonly fault: Fault;
  readonly text: string;
}
