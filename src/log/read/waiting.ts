import type { Db } from "../../db/database.ts";

/** What is not in the log yet. */
export interface WaitingEvents {
  readonly events: number;
  /** How old the oldest of them is. */
  readonly seconds: number;
}

const COUNT = {
  name: "log-waiting",
  text: `SELECT count(*)::int AS events,
  greatest(coalesce(extract(epoch FROM docket_now() - min(occurred_at)), 0), 0)::float8 AS seconds FROM event_inbox`,
};

/** The events that no drain has moved into the log yet. */
export async function waitingEvents(db: Db): Promise<WaitingEvents> {
  const [waiting = { events: 0, seconds: 0 }] = await db.read<WaitingEvents>(COUNT);
  return waiting;
}
