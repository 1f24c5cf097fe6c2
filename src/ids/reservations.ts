import type { Context } from "../access/viewer.ts";
import { type Looking, requireProjects, visibleProjects } from "../access/visibility.ts";
import { type Combined, combinedCondition, partsOf } from "../db/combined.ts";
import {
  all,
  type ChoiceFilter,
  type DateFilter,
  dateCondition,
  inOneCase,
  type Maybe,
  type StringFilter,
  stringCondition,
} from "../db/comparators.ts";
import { type CountedPage, countedPage } from "../db/counted-list.ts";
import type { Db } from "../db/database.ts";
import { ordersOf } from "../db/order.ts";
import { type Page, type PageArgs, type PageQuery, pageQuery } from "../db/page.ts";
import { type Bind, parameters } from "../db/parameters.ts";
import { isUuid } from "../db/storable.ts";
import { reservationExpired } from "../errors.ts";
import type { ReservationStatus } from "./lock-reservation.ts";

export interface Reservation {
  readonly reservationId: string;
  readonly projectId: string;
  readonly namespace: string;
  readonly artifactType: string;
  readonly ids: string[];
  readonly status: ReservationStatus;
  readonly reservedAt: Date;
  /** null once confirmed: confirmed numbers are kept for good. */
  readonly expiresAt: Date | null;
  readonly confirmedAt: Date | null;
  readonly releasedAt: Date | null;
  readonly branch: string | null;
  readonly taskId: string | null;
}

export interface ReservationFilter extends Combined<ReservationFilter> {
  readonly projects?: Maybe<readonly string[]>;
  /** Lower case is understood. */
  readonly artifactType?: Maybe<StringFilter>;
  readonly status?: Maybe<ChoiceFilter<ReservationStatus>>;
  readonly branchName?: Maybe<StringFilter>;
  /** What `branchName` was called first. */
  readonly branch?: Maybe<StringFilter>;
  /** Empty once confirmed. */
  readonly expiresAt?: Maybe<DateFilter>;
}

const EXPIRES_AT = "CASE WHEN r.confirmed_at IS NULL THEN r.expires_at END";

const COLUMNS = `r.reservation_id AS "reservationId", r.project_id AS "projectId", r.namespace,
  r.artifact_type AS "artifactType", artifact_ids(r.artifact_type, r.numbers) AS ids, reservation_status(r) AS status,
  r.reserved_at AS "reservedAt", ${EXPIRES_AT} AS "expiresAt",
  r.confirmed_at AS "confirmedAt", r.released_at AS "releasedAt", r.branch, r.task_id AS "taskId"`;

const FIND = {
  name: "reservations-find",
  text: `SELECT ${COLUMNS} FROM id_reservations r
WHERE r.reservation_id = ANY ($1::uuid[]) AND ($2::text[] IS NULL OR r.project_id = ANY ($2))`,
};

/** Those of the reservations that the viewer sees, in the order given; null where there is none. */
export const findReservations = ({ db, viewer }: Looking, reservationIds: readonly string[]) =>
  find(db, reservationIds, visibleProjects(viewer));

/** The reservations, whoever asks: only for what was told of them already, as events do. */
export const reservationsNow = (db: Db, reservationIds: readonly string[]) => find(db, reservationIds, null);

async function find(
  db: Db,
  reservationIds: readonly string[],
  projectIds: readonly string[] | null,
): Promise<(Reservation | null)[]> {
  const found = await db.read<Reservation>(FIND, [reservationIds.filter(isUuid), projectIds]);
  const byId = new Map(found.map((reservation) => [reservation.reservationId, reservation]));
  return reservationIds.map((id) => byId.get(id.toLowerCase()) ?? null);
}

/** @throws RESERVATION_EXPIRED when there is none that the viewer sees; an expired one is found. */
export async function reservation(ctx: Context, reservationId: string): Promise<Reservation> {
  const [found] = await findReservations(ctx, [reservationId]);
  if (!found) throw reservationExpired(reservationId);
  return found;
}

const orderOf = ordersOf(
  "reservations",
  { sql: "r.reservation_id", type: "uuid" },
  {
    reservedAt: [{ sql: "r.reserved_at", type: "timestamptz" }],
    expiresAt: [{ sql: `(${EXPIRES_AT})`, type: "timestamptz", nullable: true }],
  },
);
export type ReservationOrder = Parameters<typeof orderOf>[0];
export const NEWEST_RESERVATIONS: ReservationOrder = { field: "reservedAt", direction: "DESC" };

export interface ReservationPageArgs extends PageArgs {
  readonly orderBy?: Maybe<ReservationOrder>;
}

export interface ListReservations extends ReservationPageArgs {
  readonly filter?: Maybe<ReservationFilter>;
}

/**
 * A page of the visible reservations, newest first unless told, with rows for every ID given by takeId, registerIds and tasks.
 * Each project's first come from its index, so that the page costs the same however many there are.
 * @throws PROJECT_NOT_FOUND when the filter names an unknown or foreign project; BAD_USER_INPUT for a bad page.
 */
export async function listReservations(
  ctx: Context,
  { filter, orderBy, ...page }: ListReservations,
): Promise<CountedPage<Reservation>> {
  await requireProjects(ctx, namedProjects(filter));
  const list = (bind: Bind) => {
    const projects = amongProjects(ctx, filter, bind);
    const matching = matches(filter, bind);
    return {
      all: `FROM projects p JOIN id_reservations r USING (project_id) WHERE ${projects} AND ${matching}`,
      page: ({ key, condition, sort, limit }: PageQuery) => `SELECT r.* FROM projects p CROSS JOIN LATERAL (
         SELECT ${COLUMNS}, ${key} AS "cursorKey", r.reserved_at, r.expires_at, r.confirmed_at, r.reservation_id FROM id_reservations r
         WHERE r.project_id = p.project_id AND ${matching} AND ${condition} ${sort} ${limit}
       ) r WHERE ${projects} ${sort} ${limit}`,
    };
  };
  return await countedPage(ctx.db, list, orderOf(orderBy ?? NEWEST_RESERVATIONS), page);
}

/** Whose reservations are asked for: a project's, or only those that were made for a task of it. */
export interface ReservationsOf {
  readonly projectId: string;
  readonly taskId?: string;
}

/** All of them are of projects, or all of tasks: each has an index of its own. */
function wantedOf(wanted: readonly ReservationsOf[], bind: Bind) {
  const projects = bind(wanted.map(({ projectId }) => projectId));
  const tasks = bind(wanted.map(({ taskId }) => taskId ?? null));
  const ofTask = wanted[0]?.taskId === undefined ? "TRUE" : "r.task_id = wanted.task_id";
  return {
    wanted: `unnest(${projects}::text[], ${tasks}::text[]) WITH ORDINALITY AS wanted (project_id, task_id, place)`,
    matching: `r.project_id = wanted.project_id AND ${ofTask}`,
  };
}

/**
 * The same page of each of them, newest first unless told, in their order. Whether they may be seen is the caller's to know.
 * @throws BAD_USER_INPUT for a bad page.
 */
export async function listReservationsOf(
  db: Db,
  wanted: readonly ReservationsOf[],
  { orderBy, ...page }: ReservationPageArgs,
): Promise<Page<Reservation>[]> {
  const { values, bind } = parameters();
  const of = wantedOf(wanted, bind);
  const { key, condition, sort, limit, toPage } = pageQuery(page, orderOf(orderBy ?? NEWEST_RESERVATIONS), bind);
  const rows = await db.read<Reservation & { cursorKey: string[]; place: number }>(
    `SELECT r.* FROM ${of.wanted} CROSS JOIN LATERAL (
       SELECT ${COLUMNS}, ${key} AS "cursorKey", wanted.place::int, r.reserved_at, r.expires_at, r.confirmed_at, r.reservation_id
       FROM id_reservations r
       WHERE ${of.matching} AND ${condition} ${sort} ${limit}
     ) r ${sort}`,
    values,
  );
  const found = Map.groupBy(rows, ({ place }) => place - 1);
  return wanted.map((_, i) => toPage(found.get(i) ?? []));
}

/** How many reservations each of them has. */
export async function countReservationsOf(db: Db, wanted: readonly ReservationsOf[]): Promise<number[]> {
  const { values, bind } = parameters();
  const of = wantedOf(wanted, bind);
  const rows = await db.read<{ count: number }>(
    `SELECT (SELECT count(*)::int FROM id_reservations r WHERE ${of.matching}) AS count FROM ${of.wanted} ORDER BY place`,
    values,
  );
  return rows.map(({ count }) => count);
}

/** The projects that the filter names, also within those that it combines. @throws BAD_USER_INPUT for too large a filter */
const namedProjects = (filter: Maybe<ReservationFilter>) =>
  partsOf(filter ?? {}).flatMap(({ projects }) => projects ?? []);

function amongProjects({ viewer }: Context, filter: Maybe<ReservationFilter>, bind: Bind): string {
  const visible = visibleProjects(viewer);
  return all([
    visible && `p.project_id = ANY (${bind(visible)}::text[])`,
    filter?.projects && `p.project_id = ANY (${bind(filter.projects)}::text[])`,
    // An overview leaves archived projects out.
    `(p.archived_at IS NULL OR p.project_id = ANY (${bind(namedProjects(filter))}::text[]))`,
  ]);
}

const matches = (filter: Maybe<ReservationFilter>, bind: Bind) =>
  combinedCondition(filter ?? {}, bind, ({ projects, artifactType, status, branchName, branch, expiresAt }, bind) =>
    all([
      projects && `r.project_id = ANY (${bind(projects)}::text[])`,
      artifactType && stringCondition("r.artifact_type", inOneCase(artifactType, inUpperCase), bind),
      status && stringCondition("reservation_status(r)", status, bind),
      branchName && stringCondition("r.branch", branchName, bind),
      branch && stringCondition("r.branch", branch, bind),
      expiresAt && dateCondition(EXPIRES_AT, expiresAt, bind),
    ]),
  );

const inUpperCase = (text: string) => text.toUpperCase();
