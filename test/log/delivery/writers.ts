import { setTimeout as pause } from "node:timers/promises";
import { fc } from "@fast-check/vitest";
import type { ClientBase } from "pg";
import { expect } from "vitest";
import { actAs } from "../../../src/access/act-as.ts";
import type { Db, Statement } from "../../../src/db/database.ts";
import { faultOf } from "../../../src/db/faults.ts";
import { ADMIN, contextOf, leave, taskEvent } from "../test-log.ts";
import { LONG_TASK, type Participant, TASKS, type World } from "./world.ts";

export const TYPES = ["task.updated", "task.claimed", "task.completed"] as const;
export const ACTORS = ["ann", "bob"];

/** One transaction: the tasks it changes, how long it stays open behind each, and whether it commits. */
const change = fc.record({
  tasks: fc.array(fc.nat(TASKS.length - 1), { minLength: 1, maxLength: 4 }),
  type: fc.constantFrom(...TYPES),
  actor: fc.constantFrom(...ACTORS),
  holdsMs: fc.constantFrom(0, 0, 0, 2, 5, 30),
  commits: fc.nat(9).map((n) => n > 1),
});
export const writerPlans = fc.array(fc.array(change, { minLength: 5, maxLength: 15 }), { minLength: 4, maxLength: 8 });
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

class Rollback extends Error {}

/**
 * Carries out the plans at once.
 * @param around whether one more transaction is open from before the first to after the last of them.
 * @param calm called when they are carried out: where connections break sooner than they are made, nobody ever drains.
 * @returns once all is in the log.
 */
export async function write(
  { owner, participants }: World,
  plans: readonly (readonly Change[])[],
  around: boolean,
  calm: () => Promise<void>,
): Promise<void> {
  // Nothing that can be seen is left in the inbox.
  const drained = () => expect.poll(async () => (await owner.query("SELECT FROM event_inbox")).rowCount).toBe(0);
  const long = await owner.connect();
  try {
    await long.query("BEGIN");
    if (around) await changeTask(writing(long), LONG_TASK, "task.updated", "ann");
    await Promise.all(
      plans.map(async (changes, i) => {
        for (const one of changes) await carryOut(participants[i % participants.length] as Participant, one);
      }),
    );
    await calm();
    // It holds up nobody's events, and its own come when it commits: the last ones.
    await drained();
    await long.query("COMMIT");
    await drained();
  } finally {
    long.release();
  }
}

const writing = (client: ClientBase): Pick<Db, "write"> => ({
  async write<Row>(statement: Statement, values: readonly unknown[] = []) {
    const { rows } = await client.query(typeof statement === "string" ? statement : statement.text, [...values]);
    return rows as Row[];
  },
});

/** What became of it where the connection was lost at COMMIT, or a row was held for too long, `tasks.version` tells. */
async function carryOut({ database }: Participant, { tasks, type, actor, holdsMs, commits }: Change): Promise<void> {
  try {
    await database.transaction(async (tx) => {
      for (const index of tasks.toSorted()) {
        const task = TASKS[index];
        if (task) await changeTask(tx, task, type, actor);
        await pause(holdsMs);
      }
      if (!commits) throw new Rollback();
    });
  } catch (error) {
    if (!(error instanceof Rollback || faultOf(error) !== undefined)) throw error;
  }
}

/** As a verb does: the row lock first, then the event of the change. Versions of a task count its committed changes. */
async function changeTask(
  tx: Pick<Db, "write">,
  { project, task }: { project: string; task: string },
  type: (typeof TYPES)[number],
  actor: string,
): Promise<void> {
  const [row] = await tx.write<{ version: number }>(
    "UPDATE tasks SET version = version + 1 WHERE project_id = $1 AND task_id = $2 RETURNING version",
    [project, task],
  );
  const event = taskEvent(project, task, { version: row?.version });
  const inside = contextOf(tx as Db, { ...ADMIN, actor });
  await actAs(inside);
  await leave(inside, { ...event, type });
}
