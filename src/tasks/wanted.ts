import { MATURED, PENDING, READY_ONES, UNASKED } from "./ready.ts";
import { ofClaim } from "./reasons.ts";
import type { TaskKind } from "./task.ts";

/** What a claim may take. */
export interface Wanted {
  /** Of which projects: each once, in order. */
  readonly projects: readonly string[];
  /** What the worker can do. */
  readonly skills: readonly string[];
  /** What each task has to have; null: any. */
  readonly labels: readonly string[] | null;
  /** null: those that are handed out unasked. */
  readonly kinds: readonly TaskKind[] | null;
  /** In hours; null: also those of which nobody said how long they take. */
  readonly maxEstimate: number | null;
}

/** Whatever is handed out in these projects. */
export const anythingOf = (...projects: readonly string[]): Wanted => ({
  projects,
  skills: [],
  labels: null,
  kinds: null,
  maxEstimate: null,
});

/** Whether it is all of one project that the skills allow: then the statement that knows no more finds it fastest. */
export const isPlain = ({ projects, labels, kinds, maxEstimate }: Wanted): boolean =>
  projects.length === 1 && labels === null && kinds === null && maxEstimate === null;

/** As parameters of a statement, behind the projects. */
export const wantedValues = ({ skills, labels, kinds, maxEstimate }: Wanted) => [skills, labels, kinds, maxEstimate];

/** The names of these parameters, and that of the worker, in SQL. */
export interface WantedSql {
  readonly worker: string;
  readonly skills: string;
  readonly labels: string;
  readonly kinds: string;
  readonly maxEstimate: string;
}

/** Conditions on `tasks t` that choose among what is ready; asked by CASE, the planner expects that many tasks meet them. */
export const ofKinds = ({ kinds }: Pick<WantedSql, "kinds">) =>
  `CASE WHEN ${kinds}::text[] IS NULL THEN ${UNASKED} ELSE t.kind = ANY (${kinds}::text[]) END`;
export const passing = ({ labels, maxEstimate }: WantedSql) =>
  `CASE WHEN ${labels}::text[] IS NULL AND ${maxEstimate}::float8 IS NULL THEN true
    ELSE (${labels}::text[] IS NULL OR t.labels @> ${labels}::text[]) AND (${maxEstimate}::float8 IS NULL OR coalesce(
      jsonb_typeof(t.metadata -> 'estimated_hours') = 'number' AND t.metadata -> 'estimated_hours' <= to_jsonb(${maxEstimate}::float8), false)) END`;

/** As `READY_ONES`, of the kinds that are wanted. */
export const readyOnes = (sql: Pick<WantedSql, "kinds">) => ({
  pending: `${PENDING} AND ${ofKinds(sql)}`,
  matured: `${MATURED} AND ${ofKinds(sql)}`,
  expired: `${READY_ONES.expired} AND ${ofKinds(sql)}`,
});

/** What of a task keeps it from the claim, each as SQL. */
export const keptFromClaim = (sql: WantedSql) =>
  ({
    ...ofClaim(`${sql.worker}::text`, sql.skills),
    filtered_out: `NOT ${passing(sql)}`,
  }) as const;
