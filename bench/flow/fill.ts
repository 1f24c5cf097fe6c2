import { seedProject, type World } from "../world.ts";

export const TASKS = 10_000;
export const BLOCKED = TASKS / 2;
const BLOCKERS = 6;
export const EDGES = BLOCKED * BLOCKERS;

/** One project without dependencies, and one where each task of the first half waits for six of the second. */
export const PLAIN = "plain";
export const LINKED = "linked";

/** A pool of projects, together as large. */
export const POOL = Array.from({ length: 20 }, (_, i) => `pool-${i}`);

/** A project, its sessions, their tasks and so on: five levels below the first. */
export const TREE = "tree";
export const TREE_TASKS = 1_200;
export const ROOT = "TASK-001";
const LEVELS = 5;

export async function fill(world: Pick<World, "owner">): Promise<void> {
  const { owner } = world;
  for (const projectId of [PLAIN, LINKED]) await seedProject(world, projectId, TASKS);
  for (const projectId of POOL) await seedProject(world, projectId, TASKS / POOL.length);
  // All of one priority: otherwise what is blocked would not lie in front.
  await owner.query("UPDATE tasks SET priority = 2");
  await owner.query(
    `INSERT INTO task_dependencies (project_id, task_id, depends_on_project_id, depends_on_task_id, kind)
     SELECT $1, artifact_id('TASK', n), $1, artifact_id('TASK', $2 + 1 + (n * 7 + i * 811) % $2), 'blocks'
     FROM generate_series(1, $2::int) n, generate_series(1, $3::int) i`,
    [LINKED, BLOCKED, BLOCKERS],
  );
  await seedProject(world, TREE, TREE_TASKS);
  // Each level is four times as wide as the one above it.
  const first = Array.from({ length: LEVELS + 1 }, (_, level) => 1 + (4 ** level - 1) / 3);
  for (let level = 1; level <= LEVELS; level++)
    await owner.query(
      `UPDATE tasks SET parent_task_id = artifact_id('TASK', $2::int + (queue - $3::int) / 4)
       FROM (SELECT task_id AS id, row_number() OVER (ORDER BY queue_position)::int AS queue FROM tasks WHERE project_id = $1) numbered
       WHERE project_id = $1 AND task_id = id AND queue >= $3 AND queue < coalesce($4, ${TREE_TASKS} + 1)`,
      [TREE, first[level - 1], first[level], level < LEVELS ? first[level + 1] : null],
    );
  for (const table of ["tasks", "task_dependencies"]) await owner.query(`VACUUM ANALYZE ${table}`);
}
