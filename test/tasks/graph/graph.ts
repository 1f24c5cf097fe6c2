import type { Client } from "pg";
import { expect } from "vitest";
import type { TaskKey } from "../../../src/tasks/task.ts";

interface Node {
  readonly id: string;
  readonly parent: string | null;
  readonly status: string;
  readonly gone: boolean;
  readonly failures: number;
  readonly waits: boolean;
  readonly parked: boolean;
}
interface Link {
  readonly id: string;
  readonly on: string;
}
interface Told {
  readonly id: string;
  readonly type: string;
  readonly outcome: string | null;
  readonly handedOver: boolean;
}

const TASKS = `SELECT project_id AS "projectId", task_id AS "taskId" FROM tasks WHERE project_id = ANY ($1) ORDER BY project_id, task_id`;
const NODES = `SELECT project_id || '/' || task_id AS id, project_id || '/' || parent_task_id AS parent, status, deleted_at IS NOT NULL AS gone,
  failures, coalesce(ready_at > docket_now(), false) AS waits, parked_at IS NOT NULL AS parked
FROM tasks WHERE project_id = ANY ($1) ORDER BY project_id, task_id`;
const LINKS = `SELECT project_id || '/' || task_id AS id, depends_on_project_id || '/' || depends_on_task_id AS on
FROM task_dependencies WHERE project_id = ANY ($1)`;
const TOLD = `SELECT e.project_id || '/' || e.subject_id AS id, e.event_type AS type, e.payload ->> 'outcome' AS outcome, a.checkpoint IS NOT NULL AS "handedOver"
FROM events e LEFT JOIN task_attempts a ON a.project_id = e.project_id AND a.task_id = e.subject_id
  AND a.attempt = (e.payload ->> 'attempt')::integer
WHERE e.project_id = ANY ($1) AND e.subject_type = 'task' ORDER BY e.position`;

/** All tasks of some projects, in the order of their keys. */
export async function tasksOf(owner: Client, projects: readonly string[]): Promise<TaskKey[]> {
  const { rows } = await owner.query<TaskKey>(TASKS, [projects]);
  return rows;
}

/** What of the projects' tasks is ready, by their names, by a calculation from the graph alone; fails where the graph is none that may be. */
export async function readyByTheGraph(owner: Client, projects: readonly string[]): Promise<string[]> {
  const { rows: nodes } = await owner.query<Node>(NODES, [projects]);
  const { rows: links } = await owner.query<Link>(LINKS, [projects]);
  const waits = [...links, ...nodes.flatMap(({ id, parent }) => (parent ? [{ id: parent, on: id }] : []))];
  requireNoCircle(waits);
  const open = new Set(nodes.filter(({ status, gone }) => status !== "completed" && !gone).map(({ id }) => id));
  const waiting = new Set(waits.filter(({ on }) => open.has(on)).map(({ id }) => id));
  return nodes
    .filter(
      ({ id, status, gone, waits: later, parked }) =>
        status === "pending" && !gone && !later && !parked && !waiting.has(id),
    )
    .map(({ id }) => id);
}

/** Taken away from its ends, a graph without a circle is gone. */
function requireNoCircle(links: readonly Link[]): void {
  let left = links;
  for (let before = Number.POSITIVE_INFINITY; left.length < before; ) {
    before = left.length;
    const waiting = new Set(left.map(({ id }) => id));
    left = left.filter(({ on }) => waiting.has(on));
  }
  expect(left).toEqual([]);
}

/** That each task counts as failures what its log tells of, in a row. */
export async function expectFailuresAsTold(owner: Client, projects: readonly string[]): Promise<void> {
  await owner.query("SELECT drain()");
  const { rows: told } = await owner.query<Told>(TOLD, [projects]);
  const failures = new Map<string, number>();
  for (const { id, type, outcome, handedOver } of told) {
    if (type === "task.completed" || type === "task.reset" || type === "task.unparked") failures.set(id, 0);
    else if (type === "task.released" && outcome === "RELEASED" && handedOver) failures.set(id, 0);
    else if (type === "task.released" || type === "task.lease_expired") failures.set(id, (failures.get(id) ?? 0) + 1);
  }
  const { rows: nodes } = await owner.query<Node>(NODES, [projects]);
  expect(nodes.map(({ id, failures: counted }) => [id, counted])).toEqual(
    nodes.map(({ id }) => [id, failures.get(id) ?? 0]),
  );
}
