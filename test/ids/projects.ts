import { seedTasks, type VerbTest, verbTest } from "../support/verbs.ts";

/** A database with these projects, each in a namespace of its own. */
export async function withProjects(...projectIds: string[]): Promise<VerbTest> {
  const t = await verbTest();
  for (const projectId of projectIds) await seedTasks(t, projectId, 0);
  return t;
}

/** Adds projects that share one namespace. */
export async function share({ owner }: VerbTest, namespace: string, ...projectIds: string[]): Promise<void> {
  await owner.query("INSERT INTO namespaces (namespace, shared) VALUES ($1, true)", [namespace]);
  await owner.query(
    "INSERT INTO projects (project_id, name, id_namespace) SELECT given.id, given.id, $1 FROM unnest($2::varchar[]) AS given(id)",
    [namespace, projectIds],
  );
}

/** `US-001 … US-006` for ("US", 1, 6). */
export const idsFrom = (type: string, first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, i) => `${type}-${`${first + i}`.padStart(3, "0")}`);
