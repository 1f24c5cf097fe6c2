import type { Context } from "../access/viewer.ts";
import { canSee } from "../access/visibility.ts";
import type { Db } from "../db/database.ts";
import { badInput, forbidden } from "../errors.ts";
import { type Changes, changesBetween } from "../log/write/changes.ts";

export const ID_REUSES = ["immediately", "after", "never"] as const;
export type IdReuse = (typeof ID_REUSES)[number];

export interface ReuseInput {
  readonly idReuse?: IdReuse | null | undefined;
  readonly idQuarantineSeconds?: number | null | undefined;
}

interface ReuseChange {
  readonly changes: Changes;
  readonly sharing: readonly string[];
}

/** What the input says of it, checked; null: nothing. @throws BAD_USER_INPUT */
export function givenReuse({ idReuse, idQuarantineSeconds }: ReuseInput): Reuse | null {
  if (idReuse == null && idQuarantineSeconds == null) return null;
  if (idReuse == null || (idReuse === "after") !== (idQuarantineSeconds != null && idQuarantineSeconds > 0))
    throw badInput("idReuse AFTER needs idQuarantineSeconds (more than 0), and only AFTER takes it.");
  return { idReuse, idQuarantineSeconds: idReuse === "after" ? (idQuarantineSeconds ?? null) : null };
}

/**
 * When numbers that were released or expired are given again, for the whole namespace.
 * @returns what changed, as events tell it, and the projects for which it did.
 * @throws FORBIDDEN unless the viewer sees every project that shares the namespace.
 */
export async function setReuse({ db, viewer }: Context, namespace: string, input: ReuseInput): Promise<ReuseChange> {
  const given = givenReuse(input);
  if (given === null) return { changes: {}, sharing: [] };
  const { idReuse, idQuarantineSeconds } = given;
  const sharing = await requireNamespace({ db, viewer }, namespace, "changing its reuse");
  const [before] = await db.write<{ reuse: IdReuse; quarantine_seconds: number | null }>(
    "SELECT reuse, quarantine_seconds FROM namespaces WHERE namespace = $1 FOR NO KEY UPDATE",
    [namespace],
  );
  await db.write("UPDATE namespaces SET reuse = $2, quarantine_seconds = $3 WHERE namespace = $1", [
    namespace,
    idReuse,
    idQuarantineSeconds,
  ]);
  const changes = await changesBetween(
    { db },
    { idReuse: before?.reuse.toUpperCase(), idQuarantineSeconds: before?.quarantine_seconds },
    { idReuse: idReuse.toUpperCase(), idQuarantineSeconds },
  );
  return { changes, sharing };
}

/**
 * For what reaches every project that shares the namespace: these projects.
 * @throws FORBIDDEN unless the viewer sees them all.
 */
export async function requireNamespace(
  { db, viewer }: Pick<Context, "db" | "viewer">,
  namespace: string,
  what: string,
): Promise<string[]> {
  const rows = await db.read<{ project_id: string }>("SELECT project_id FROM projects WHERE id_namespace = $1", [
    namespace,
  ]);
  const sharing = rows.map(({ project_id }) => project_id);
  if (!sharing.every((projectId) => canSee(viewer, projectId)))
    throw forbidden(`Namespace ${namespace} is shared with projects outside this key; ${what} needs them all.`);
  return sharing;
}

/**
 * Makes or joins the namespace of a new project. A project's own bears its id and is not shareable.
 * @returns when its numbers are given again.
 * @throws BAD_USER_INPUT when the name is taken by a namespace of the other sort.
 */
export async function enterNamespace({ db }: Context, projectId: string, namespace: string): Promise<Reuse> {
  const shared = namespace !== projectId;
  // No target: of two at once the second may meet either unique key first.
  await db.write("INSERT INTO namespaces (namespace, shared) VALUES ($1, $2) ON CONFLICT DO NOTHING", [
    namespace,
    shared,
  ]);
  const [found] = await db.read<Reuse & { shared: boolean }>(
    `SELECT shared, reuse AS "idReuse", quarantine_seconds AS "idQuarantineSeconds" FROM namespaces WHERE namespace = $1`,
    [namespace],
  );
  if (found?.shared === shared) return found;
  throw badInput(
    shared
      ? `Namespace ${namespace} belongs to the project ${namespace} alone and cannot be shared. Choose another idNamespace.`
      : `A shared namespace is already called ${namespace}. Choose another projectId, or join it with idNamespace under another projectId.`,
  );
}

/** When the numbers of a namespace are given again. */
export interface Reuse {
  readonly idReuse: IdReuse;
  readonly idQuarantineSeconds: number | null;
}

const REUSE = {
  name: "namespaces-reuse",
  text: `SELECT namespace, reuse AS "idReuse", quarantine_seconds AS "idQuarantineSeconds" FROM namespaces
WHERE namespace = ANY ($1::text[])`,
};

/** What holds in each of the namespaces, in their order; null where there is none. */
export async function findReuse(db: Db, namespaces: readonly string[]): Promise<(Reuse | null)[]> {
  const rows = await db.read<Reuse & { namespace: string }>(REUSE, [namespaces]);
  const found = new Map(rows.map((row) => [row.namespace, row]));
  return namespaces.map((namespace) => found.get(namespace) ?? null);
}
