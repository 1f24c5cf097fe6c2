import { makeDueInstances } from "../../src/schedule/due-instances.ts";
import { addTasks } from "../../src/tasks/add.ts";
import type { AddTaskItem } from "../../src/tasks/new-task.ts";
import { seedTasks, type VerbTest, verbTest } from "../support/verbs.ts";

/** The instant that the database's clock shows at the beginning of each of these tests: a Monday. */
const BEGIN = "2026-12-07T12:00:00Z";

/** A project whose time stands where the test puts it. */
export async function recurrenceTest() {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  const now = async () => {
    const { rows } = await t.owner.query<{ now: Date }>("SELECT docket_now() AS now");
    return rows[0]?.now ?? new Date();
  };
  const until = async (instant: string) => {
    await t.pass((Date.parse(instant) - (await now()).getTime()) / 1_000);
  };
  /** Makes all that is due. */
  const sweep = async () => {
    while (await makeDueInstances(t.as())) {}
  };
  await until(BEGIN);
  return {
    ...t,
    until,
    add: (item: AddTaskItem) => addTemplate(t, item),
    sweep,
    sweepAt: async (instant: string) => {
      await until(instant);
      await sweep();
    },
    /** Of a template, in the order of the dates. */
    instances: async (taskId: string) => {
      const { rows } = await t.owner.query<{ date: string; due: Date; taskId: string }>(
        `SELECT occurrence_date::text AS date, due_date AS due, task_id AS "taskId" FROM tasks
         WHERE project_id = 'alpha' AND parent_recurring_task_id = $1 ORDER BY occurrence_date`,
        [taskId],
      );
      return rows;
    },
    dates: async (taskId: string) => {
      const { rows } = await t.owner.query<{ date: string }>(
        "SELECT occurrence_date::text AS date FROM tasks WHERE project_id = 'alpha' AND parent_recurring_task_id = $1 ORDER BY 1",
        [taskId],
      );
      return rows.map(({ date }) => date);
    },
  };
}

async function addTemplate(t: VerbTest, item: AddTaskItem): Promise<string> {
  const { tasks } = await addTasks(t.as(), { projectId: "alpha", tasks: [{ description: "stand-up", ...item }] });
  return tasks[0]?.taskId ?? "";
}
