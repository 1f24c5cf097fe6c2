import { seedProject, type World } from "../world.ts";

export interface Size {
  readonly tasks: number;
  readonly attempts: number;
  readonly events: number;
}

const PROJECTS = 10;
/** Four of five tasks were worked on; one of these is still held. */
const WORKED = 0.8;
/** One call of `drain` moves that many. */
const DRAINED = 1_000;

/** Each project has workers of its own, who take turns. */
const worker = (turn: string) => `project_id || ' worker ' || (${turn}) % 3`;

/** Projects in which work went on for four weeks, as quickly as SQL can. */
export async function fill(world: Pick<World, "owner">, { tasks, attempts, events }: Size): Promise<void> {
  const { owner } = world;
  const each = Math.ceil(tasks / PROJECTS);
  for (let n = 0; n < PROJECTS; n++) await seedProject(world, `team-${n}`, each);
  await owner.query(
    `UPDATE tasks SET labels = ARRAY['area-' || queue_position / 1000000 % 7, 'size-' || queue_position / 1000000 % 3],
       status = CASE queue_position / 1000000 % 5 WHEN 0 THEN 'pending' WHEN 1 THEN 'in_progress' ELSE 'completed' END`,
  );
  await owner.query(
    `UPDATE tasks t SET created_at = began - interval '2 hours', updated_at = began, attempts = $1,
       started_at = CASE WHEN status <> 'pending' THEN began END,
       completed_at = CASE WHEN status = 'completed' THEN began + make_interval(mins => (queue_position / 1000000 % 90)::int) END,
       claimed_by = CASE WHEN status = 'in_progress' THEN ${worker("queue_position / 1000000")} END,
       lease_expires_at = CASE WHEN status = 'in_progress' THEN docket_now() + interval '1 day' END
     FROM (SELECT project_id AS of, task_id AS id, docket_now() - interval '28 days' * (queue_position / 1000000 / $2::float8) AS began FROM tasks) s
     WHERE (s.of, s.id) = (t.project_id, t.task_id)`,
    [Math.max(1, Math.round(attempts / (tasks * WORKED))), tasks],
  );
  await owner.query("UPDATE tasks SET attempts = 0 WHERE status = 'pending'");
  await owner.query(
    `INSERT INTO task_attempts (project_id, task_id, attempt, worker, actor, claimed_at, lease_expires_at, ended_at, outcome)
     SELECT project_id, task_id, n, ${worker("queue_position / 1000000 + attempts - n")}, 'dk_bench000/agent',
       started_at, coalesce(lease_expires_at, started_at + interval '1 hour'),
       CASE WHEN n < attempts OR status = 'completed' THEN started_at + interval '5 minutes' END,
       CASE WHEN n < attempts THEN (ARRAY['expired', 'released', 'released'])[1 + (queue_position / 1000000 + n) % 3]
         WHEN status = 'completed' THEN 'completed' END
     FROM tasks, generate_series(1, attempts) n`,
  );
  await owner.query(
    `INSERT INTO event_inbox (event_type, project_id, subject_type, subject_id, actor, payload)
     SELECT 'task.updated', project_id, 'task', task_id, 'dk_bench000/agent', '{"changes": {}}'
     FROM tasks, generate_series(1, ceil($1 / $2::float8)::int) LIMIT $1`,
    [events, tasks],
  );
  for (let moved = 0; moved < events; moved += DRAINED) await owner.query("SELECT drain()");
  for (const table of ["tasks", "task_attempts", "events"]) await owner.query(`VACUUM ANALYZE ${table}`);
}
