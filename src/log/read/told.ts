import type { Db } from "../../db/database.ts";
import { momentSql, requirePast } from "../../db/moment.ts";
import { parameters } from "../../db/parameters.ts";
import { positionBefore } from "./span.ts";

/** From when on something is looked at, and a position of the log behind which all of that lies. */
export interface Since {
  readonly at: Date;
  readonly behind: number;
}

/** @throws BAD_USER_INPUT for what is no instant, or one to come. */
export async function sinceOf(db: Db, given: string): Promise<Since> {
  await requirePast(db, "since", given);
  const { values, bind } = parameters();
  const [found] = await db.read<{ at: Date }>(`SELECT ${momentSql(given, bind, "since")} AS at`, values);
  const at = found?.at ?? new Date(0);
  return { at, behind: (await positionBefore({ since: at, until: null }, db)) ?? 0 };
}

/** The inbox follows the log: its events count on from where no position ever comes to. */
const BEHIND_THE_LOG = 2 ** 52;

/**
 * SQL: some events, of the log and, as nobody may have drained yet, of the inbox: a table `e` with these columns and their
 * order, `place`. A statement sees each event once.
 * @param columns SQL for columns of `e`, which both tables have.
 * @param matching SQL: which events.
 * @param behind SQL: a position of the log behind which they lie.
 */
export const told = (columns: string, matching: string, behind: string) =>
  `(SELECT e.position AS place, ${columns} FROM events e WHERE e.position > ${behind} AND ${matching}
    UNION ALL SELECT ${BEHIND_THE_LOG} + e.seq, ${columns} FROM event_inbox e WHERE ${matching}) e`;
