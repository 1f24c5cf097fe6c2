import { SERVER_STREAM } from "../write/append.ts";

/** One row of the log, shared by everyone it is delivered to. */
export class LoggedEvent {
  /** Place in the whole log: 1, 2, 3 … without holes. Never shown: it would tell of other projects. */
  readonly position: number;
  /** Place among the events of its project: 1, 2, 3 … without holes. */
  readonly number: number;
  readonly eventId: string;
  readonly type: string;
  /** null: an event of the server itself. */
  readonly projectId: string | null;
  readonly subjectType: string;
  readonly subjectId: string;
  readonly actor: string;
  readonly client: string | null;
  readonly occurredAt: Date;
  readonly correlationId: string | null;
  /** The first 8 bytes of its link in the chain: what a cursor proves itself with. */
  readonly hash: Buffer;
  #payload: string | null | Readonly<Record<string, unknown>>;
  /** Size of the payload, in characters of JSON. */
  readonly size: number;

  constructor(row: EventRow) {
    this.position = row.position;
    this.number = row.number;
    this.eventId = row.event_id;
    this.type = row.event_type;
    this.projectId = row.project_id === SERVER_STREAM ? null : row.project_id;
    this.subjectType = row.subject_type;
    this.subjectId = row.subject_id;
    this.actor = row.actor;
    this.client = row.client;
    this.occurredAt = row.occurred_at;
    this.correlationId = row.correlation_id;
    this.hash = row.hash;
    this.#payload = row.payload;
    this.size = row.payload?.length ?? 0;
  }

  /** Parsed when first asked for: most events pass through without anyone looking. */
  get payload(): Readonly<Record<string, unknown>> {
    if (this.#payload === null) throw new Error("The payload of this event was not read");
    if (typeof this.#payload === "string") this.#payload = JSON.parse(this.#payload) as Record<string, unknown>;
    return this.#payload;
  }
}

export interface EventRow {
  readonly position: number;
  readonly number: number;
  readonly event_id: string;
  readonly event_type: string;
  readonly project_id: string;
  readonly subject_type: string;
  readonly subject_id: string;
  readonly actor: string;
  readonly client: string | null;
  readonly occurred_at: Date;
  readonly correlation_id: string | null;
  /** null where it was not asked for. */
  readonly payload: string | null;
  readonly hash: Buffer;
}

/** The columns of an EventRow, of a table or subquery called `e`. */
export const eventColumns = (
  payload = "e.payload::text",
) => `e.position, e.number, e.event_id, e.event_type, e.project_id,
  e.subject_type, e.subject_id, e.actor, e.client, e.occurred_at, e.correlation_id, ${payload} AS payload,
  substr(e.hash, 1, 8) AS hash`;
