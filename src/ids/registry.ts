import type { Context } from "../access/viewer.ts";
import type { Db } from "../db/database.ts";
import type { OrderBy } from "../db/order.ts";
import { type Direction, pageSize } from "../db/page.ts";
import { idSpace, requireArtifactType } from "./id-space.ts";

/** Where one sequence stands: the namespace's, so projects that share it see the same. */
export interface IdSequence {
  readonly namespace: string;
  readonly artifactType: string;
  /** The highest ID ever given; null if none. */
  readonly lastAssigned: string | null;
  /** What takeId would give now; null when the numbers are exhausted. */
  readonly nextAvailable: string | null;
  /** IDs that came back and will be given again, lowest first, as ranges: US-007, US-028..US-030. */
  readonly released: string[];
}

// Numbers that are due to come back are counted as back: the next writer returns them before it gives any.
const registry = (direction: Direction) => ({
  name: `id-registry-${direction}`,
  text: `SELECT p.project_id AS "projectId", p.id_namespace AS namespace, t.type AS "artifactType",
  artifact_id(t.type, nullif(g.last_assigned_id, 0)) AS "lastAssigned",
  artifact_id(t.type, coalesce(lower(f.free), nullif(coalesce(g.last_assigned_id, 0) + 1, 2147483648))) AS "nextAvailable",
  artifact_id_ranges(t.type, f.free) AS released
FROM projects p
CROSS JOIN LATERAL (
  SELECT type, place FROM (
    SELECT type, place FROM unnest(artifact_types(p.settings)) WITH ORDINALITY AS known(type, place)
    UNION ALL
    SELECT o.artifact_type, 1000 FROM id_registry o
    WHERE o.namespace = p.id_namespace AND NOT o.artifact_type = ANY (artifact_types(p.settings))
  ) t
  WHERE ($2::text IS NULL OR type = $2)
    AND ($3::text IS NULL OR (place, type) ${direction === "ASC" ? ">" : "<"} (coalesce(array_position(artifact_types(p.settings), $3), 1000), $3))
  ORDER BY place ${direction}, type ${direction} LIMIT $4
) t
LEFT JOIN id_registry g ON g.namespace = p.id_namespace AND g.artifact_type = t.type
CROSS JOIN LATERAL (
  SELECT coalesce(g.released, '{}') + coalesce(range_agg(due.numbers), '{}') AS free FROM (
    SELECT r.numbers FROM id_reservations r
    WHERE r.namespace = p.id_namespace AND r.artifact_type = t.type AND r.confirmed_at IS NULL AND r.released_at IS NULL
      AND r.expired_at IS NULL AND r.expires_at <= reuse_horizon(p.id_namespace)
    UNION ALL
    SELECT r.numbers FROM id_reservations r
    WHERE r.namespace = p.id_namespace AND r.artifact_type = t.type AND r.confirmed_at IS NULL AND r.returned_at IS NULL
      AND (r.released_at IS NOT NULL OR r.expired_at IS NOT NULL)
      AND coalesce(r.released_at, r.expires_at) <= reuse_horizon(p.id_namespace)) due
) f
WHERE p.project_id = ANY ($1::text[])
ORDER BY t.place ${direction}, t.type ${direction}`,
});
const REGISTRY = { ASC: registry("ASC"), DESC: registry("DESC") };

/** The place of an artifact type: as the project's settings list them, then by name those that only others number. */
export type SequenceOrder = OrderBy<"place">;
export const BY_PLACE: SequenceOrder = { field: "place", direction: "ASC" };

export interface RegistryQuery {
  /** Default: by place. */
  readonly orderBy?: SequenceOrder | null | undefined;
  readonly first?: number | null | undefined;
  /** The artifact type of the last one seen. */
  readonly after?: string | null | undefined;
}

interface RegistryOf extends RegistryQuery {
  readonly projectId: string;
  /** Only this one. */
  readonly artifactType?: string | null | undefined;
}

/**
 * The sequences of a project's namespace: one for each type it may number, and those that others of the namespace use.
 * @throws PROJECT_NOT_FOUND; BAD_USER_INPUT for an invalid type, or a size outside 0 … 100.
 */
export async function idRegistry(
  ctx: Context,
  { projectId, artifactType, ...page }: RegistryOf,
): Promise<IdSequence[]> {
  const space = await idSpace(ctx, projectId);
  const type = artifactType == null ? null : requireArtifactType(space, artifactType);
  return read(ctx.db, [projectId], type, page);
}

/** The same for several projects at once, in the order given. Whether they may be seen is the caller's to know. */
export async function idRegistries(
  db: Db,
  projectIds: readonly string[],
  page: RegistryQuery,
): Promise<IdSequence[][]> {
  const byProject = Map.groupBy(await read(db, projectIds, null, page), ({ projectId }) => projectId);
  return projectIds.map((projectId) => byProject.get(projectId) ?? []);
}

function read(db: Db, projectIds: readonly string[], type: string | null, { orderBy, first, after }: RegistryQuery) {
  const values = [projectIds, type, after?.toUpperCase(), pageSize(first)];
  return db.read<IdSequence & { readonly projectId: string }>(REGISTRY[(orderBy ?? BY_PLACE).direction], values);
}
