import { below, inSequence, type Measurement } from "../measure.ts";
import { seedProject, type World } from "../world.ts";
import { ReportBenchStatus } from "./documents.ts";

const PROJECT = "status";
const ITEMS = 1_200;
/** Of the tallest tree that there can be. */
const LEVELS = 6;

/** The report of 45 vendors, 1,200 work items in trees of six levels, and 50 deployments. */
export async function projectStatus(world: World): Promise<Measurement[]> {
  const { owner } = world;
  await seedProject(world, PROJECT, ITEMS);
  await owner.query(
    `INSERT INTO vendors (project_id, name, status, created_by)
     SELECT $1, 'Vendor ' || n, 'operational', 'bench' FROM generate_series(1, 45) n`,
    [PROJECT],
  );
  await owner.query(
    `INSERT INTO deployments (project_id, commit_hash, pr_number, pr_title, test_summary, constitutional_compliance,
       created_by, deployed_at)
     SELECT $1, repeat('a', 40), n, 'PR ' || n, '{"unit": 12}', true, 'bench', now() - make_interval(days => n)
     FROM generate_series(1, 50) n`,
    [PROJECT],
  );
  for (let level = 1; level < LEVELS; level++)
    await owner.query(
      `UPDATE tasks SET parent_task_id = artifact_id('TASK', n - 1) FROM generate_series(1 + $2::int, $3::int, $4::int) n
       WHERE project_id = $1 AND task_id = artifact_id('TASK', n)`,
      [PROJECT, level, ITEMS, LEVELS],
    );
  await owner.query("VACUUM ANALYZE tasks, vendors, deployments");
  const report = () => world.request(ReportBenchStatus, { projectId: PROJECT });
  await inSequence(10, report);
  return [below("status report of 45 vendors, 1,200 items, 50 deployments", await inSequence(100, report), 0.99, 100)];
}
