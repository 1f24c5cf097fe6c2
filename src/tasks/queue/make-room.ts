import type { Db } from "../../db/database.ts";
import { lockTasks } from "../lock.ts";
import {
  type Asked,
  FIND_PLACE,
  type FoundPlace,
  GAP,
  LOCK_PLACES,
  OTHER,
  open,
  type Side,
  standing,
  WAYS,
  writePlaces,
} from "./places.ts";

/** Where there is no room. */
export interface Beside {
  readonly projectId: string;
  readonly priority: number;
  readonly way: Side;
  readonly other: string | null;
  readonly own: string;
}

/** There is no place left between the neighbours. */
export class NoRoom extends Error {
  readonly beside: Beside;

  constructor(beside: Beside) {
    super("There is no room in the queue");
    this.beside = beside;
  }
}

/** So many in front of the place are spread at first; four times as many while there is too little room for them, too. */
const NEAREST = 200;
/** What is room enough for one of them. */
const ROOM = GAP / 1_000;

const inFront = (way: Side) => ({
  name: `queue-in-front-${way}`,
  text: `SELECT o.task_id AS "taskId", o.queue_position::text AS place FROM (${open("t.task_id, t.queue_position", `t.queue_position ${way === "before" ? "<" : "<="} ${OTHER}`).join(" UNION ALL ")}) o
ORDER BY o.queue_position DESC LIMIT $4`,
});
const IN_FRONT = { before: inFront("before"), after: inFront("after"), first: inFront("first") };

const UPPER = {
  name: "queue-next-place",
  text: `SELECT (${WAYS.after.upper})::text AS upper`,
};

/** Tasks $2 of project $1, in their order, between the places $3 and $4: never beside a multiple, and each time elsewhere. */
const SPREAD = {
  name: "queue-spread",
  text: `UPDATE tasks t SET queue_position = p.place + (p.place % ${GAP} = 0)::integer FROM (
  SELECT g.task_id, $3::bigint + s.step * g.nth + floor(random() * s.step / 2)::bigint AS place
  FROM unnest($2::text[]) WITH ORDINALITY AS g (task_id, nth),
    LATERAL (SELECT ($4::bigint - $3::bigint) / (cardinality($2::text[]) + 1) AS step) s) p
WHERE t.project_id = $1 AND t.task_id = p.task_id`,
};

/**
 * Spreads those nearest in front of the place over what room there is: so often was something moved there. Nobody is told:
 * they stand as they stood to every other task of their project and priority.
 */
async function make(from: Db, { projectId, priority, way, other, own }: Beside): Promise<void> {
  const keepOthersWaiting = { first: LOCK_PLACES.exclusive };
  await from.transaction(async (db) => {
    const [beside] = other === null ? [] : await standing(db, { projectId, taskId: other });
    if (!beside) return;
    const asked: Asked = [projectId, priority, beside.at, own];
    // Another caller may have made it by now.
    const [found] = await db.read<FoundPlace>(FIND_PLACE[way], asked);
    if (found?.place != null) return;
    const [behind] = way === "before" ? [{ upper: beside.at }] : await db.read<{ upper: string }>(UPPER, asked);
    const upper = BigInt(behind?.upper ?? beside.at);
    for (let nearest = NEAREST; ; nearest *= 4) {
      const rows = await db.read<{ taskId: string; place: string }>(IN_FRONT[way], [
        projectId,
        priority,
        beside.at,
        nearest + 1,
      ]);
      const front = rows.slice(0, nearest).map(({ taskId }) => ({ projectId, taskId }));
      const limit = rows[nearest];
      // In front of the first one there is room without end.
      const lower = limit
        ? BigInt(limit.place)
        : BigInt(rows.at(-1)?.place ?? beside.at) - BigInt(GAP * (front.length + 1));
      if (limit && upper - lower < BigInt(ROOM * (nearest + 1))) continue;
      await lockTasks(db, front);
      const inOrder = front.map(({ taskId }) => taskId).reverse();
      await writePlaces(db, SPREAD, [projectId, inOrder, String(lower), String(upper)]);
      return;
    }
  }, keepOthersWaiting);
}

/** One after another within this process, as a lock of the database is not waited for as long as many of them may take. */
export function makeRoom(db: Db, beside: Beside): Promise<void> {
  const made = last.then(() => make(db, beside));
  last = made.catch(() => undefined);
  return made;
}

let last: Promise<unknown> = Promise.resolve();
