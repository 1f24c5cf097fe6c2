import { verb } from "../access/verb.ts";
import type { Context } from "../access/viewer.ts";
import { badInput, reservationExpired } from "../errors.ts";
import { append } from "../log/write/append.ts";
import { parseArtifactId } from "./artifact-id.ts";
import { changeReservation, subject } from "./change-reservation.ts";
import { LOCK_LANE } from "./lane.ts";
import { type LockedReservation, lockReservation } from "./lock-reservation.ts";
import { type Released, releaseActive } from "./release.ts";

export interface ConfirmReservation {
  readonly reservationId: string;
  /** Keep only these, release the rest. All of them when left out. */
  readonly ids?: readonly string[] | null | undefined;
}

/**
 * Keeps reserved IDs for good. With `ids` the row splits: those keep the reservation's id, the rest become a released
 * row. A reservation that is confirmed already stays as it is and releases nothing. IDs that left it because a task or
 * registerIds recorded them count as confirmed. One that expired is kept as well, as long as nobody was given the numbers
 * since.
 * @throws RESERVATION_EXPIRED for one whose numbers somebody was given since, that was released or is not there;
 *   FORBIDDEN; BAD_USER_INPUT for IDs that are not in it.
 */
export const confirmReservation = verb(
  {
    name: "confirmReservation",
    role: "agent",
    effect: "ends",
    scope: "project",
    idempotent: true,
    first: LOCK_LANE,
    on: lockReservation,
  },
  async (ctx, input: ConfirmReservation, locked): Promise<Released> => {
    const { projectId, reservationId, status } = locked;
    if (status === "released") throw reservationExpired(reservationId);
    const wanted = await wantedIds(ctx, locked, input.ids);
    if (status === "confirmed") return { projectId, reservationId, released: [] };
    const kept = locked.ids.filter((id) => wanted.has(id));
    if (kept.length === 0 && status === "expired") return { projectId, reservationId, released: [] };
    // Numbers that went back before do not go back now: somebody else may hold them.
    const released = locked.returned ? [] : locked.ids.filter((id) => !wanted.has(id));
    if (kept.length > 0) await keep(ctx, locked, kept, released);
    else await releaseActive(ctx, locked);
    return { projectId, reservationId, released };
  },
);

/** Of numbers that are not in a reservation now, those that did not leave it by being recorded, or were voided since. */
const FOREIGN = {
  name: "reservation-foreign-ids",
  text: `SELECT artifact_ids(o.artifact_type, number_set($3::bigint[]) - coalesce((
  SELECT range_agg(c.numbers * o.recorded) FROM id_reservations c
  WHERE c.namespace = o.namespace AND c.artifact_type = o.artifact_type AND c.project_id = o.project_id
    AND c.confirmed_at IS NOT NULL AND c.returned_at IS NULL AND c.numbers && o.recorded), '{}')) AS ids
FROM id_reservations o WHERE o.namespace = $1 AND o.reservation_id = $2`,
};

async function wantedIds(
  { db }: Context,
  { namespace, artifactType, reservationId, ids }: LockedReservation,
  given: ConfirmReservation["ids"],
): Promise<Set<string>> {
  if (given == null) return new Set(ids);
  if (given.length === 0) throw badInput("ids is empty. To give the whole reservation back, use releaseReservation.");
  const wanted = given.map(parseArtifactId);
  const others = wanted.filter(({ id }) => !ids.includes(id));
  const misfit = others.find((other) => other.artifactType !== artifactType)?.id;
  const [unknown] =
    others.length > 0 && misfit === undefined
      ? await db.read<{ ids: string[] }>(FOREIGN, [namespace, reservationId, others.map(({ number }) => number)])
      : [];
  const foreign = misfit ?? unknown?.ids[0];
  if (foreign !== undefined)
    throw badInput(`${foreign} is not in reservation ${reservationId}, which holds ${ids.join(", ")}.`, {
      reservationId,
      ids,
    });
  return new Set(wanted.map(({ id }) => id));
}

const CONFIRMED = `confirmed_at = docket_now(), expired_at = NULL, returned_at = NULL, numbers = number_set($3::bigint[])`;
const RETAKE = {
  name: "reservation-retake",
  text: "SELECT retake_numbers($1, $2, $3, number_set($4::bigint[]), $5) AS retaken",
};
/** What `retake_numbers` judges, number by number. */
const STILL_FREE = {
  name: "reservation-still-free",
  text: `SELECT artifact_ids($2, wanted - given - borne) AS ids FROM (SELECT number_set($4::bigint[]) AS wanted) asked
CROSS JOIN LATERAL (SELECT coalesce(range_agg(r.numbers), '{}') AS given FROM id_reservations r
  WHERE r.namespace = $1 AND r.artifact_type = $2 AND (r.returned_at IS NULL OR r.reserved_at >= $5)
    AND r.numbers && wanted) since
CROSS JOIN LATERAL (SELECT coalesce(range_agg(int8range(b.number, b.number + 1)), '{}') AS borne
  FROM task_numbers($1, $2, wanted) b WHERE b.project <> $3) tasks`,
};

async function stillFree(
  { db }: Context,
  { namespace, artifactType, projectId, expiresAt }: LockedReservation,
  ids: readonly string[],
): Promise<string[]> {
  const [found] = await db.read<{ ids: string[] }>(STILL_FREE, [
    namespace,
    artifactType,
    projectId,
    numbersOf(ids),
    expiresAt,
  ]);
  return found?.ids ?? [];
}

const SPLIT_OFF = {
  name: "reservation-split-off",
  text: `INSERT INTO id_reservations
  (namespace, artifact_type, project_id, numbers, reserved_at, expires_at, released_at, branch, task_id)
SELECT namespace, artifact_type, project_id, number_set($3::bigint[]), reserved_at, expires_at, docket_now(), branch, task_id
FROM id_reservations WHERE namespace = $1 AND reservation_id = $2 RETURNING reservation_id AS "reservationId"`,
};

async function keep(ctx: Context, locked: LockedReservation, kept: readonly string[], released: readonly string[]) {
  const { namespace, reservationId, projectId, artifactType, expiresAt } = locked;
  if (locked.returned) {
    const [again] = await ctx.db.write<{ retaken: boolean }>(RETAKE, [
      namespace,
      artifactType,
      projectId,
      numbersOf(kept),
      expiresAt,
    ]);
    if (!again?.retaken) throw reservationExpired(reservationId, await stillFree(ctx, locked, kept));
  }
  const changes = await changeReservation(ctx, locked, CONFIRMED, [numbersOf(kept)]);
  const splitOff =
    released.length === 0
      ? []
      : await ctx.db.write<{ reservationId: string }>(SPLIT_OFF, [namespace, reservationId, numbersOf(released)]);
  await append(ctx, {
    type: "ids.confirmed",
    ...subject(locked),
    payload: {
      ...{ artifactType, ids: kept, released, changes },
      ...(splitOff.length > 0 && { reservationIds: splitOff.map(({ reservationId }) => reservationId) }),
    },
  });
}

const numbersOf = (ids: readonly string[]) => ids.map((id) => parseArtifactId(id).number);
