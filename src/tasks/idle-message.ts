import type { ReadyReason } from "./reasons.ts";

/** How many tasks one reason keeps from being handed out. */
export interface ReasonCount {
  readonly reason: ReadyReason;
  readonly count: number;
}

/** Of one project: what its message is made of. */
export interface Quiet {
  /** Why the whole project hands out nothing; empty where it would. */
  readonly stops: readonly string[];
  /** What keeps its tasks back one by one; empty where nobody could take any that is left. */
  readonly kept: readonly ReasonCount[];
}

const WORDS: Partial<Record<ReadyReason, (count: number) => string>> = {
  blocked: (count) => `waiting for ${count === 1 ? "another task" : "other tasks"}`,
  waiting: (count) => `waiting for ${count === 1 ? "its" : "their"} time`,
  parked: () => "parked until somebody decides",
  held: () => "held already",
  has_open_children: () => "with open children",
  kind_not_asked: () => "of a kind that is not asked for",
  skills_missing: () => "requiring skills that you did not name",
  assigned: (count) => `assigned to ${count === 1 ? "another worker" : "other workers"}`,
  filtered_out: () => "outside what you asked for",
};

/** The words for a project in which nothing is pending: clients look for them. */
const NOTHING = "No pending tasks for project";

/** Why nothing is handed out, in words: of one project, or of several together. */
export function idleMessage(each: readonly Quiet[]): string {
  const stops = each.flatMap((of) => of.stops);
  const several = each.length > 1;
  const counts = new Map<ReadyReason, number>();
  // Whatever is to be done in a project that is stopped, its stop comes first.
  for (const { reason, count } of each.filter((of) => of.stops.length === 0).flatMap(({ kept }) => kept))
    counts.set(reason, (counts.get(reason) ?? 0) + count);
  const kept = [...counts].flatMap(([reason, count]) => {
    const words = WORDS[reason];
    return words === undefined ? [] : `${count} ${words(count)}`;
  });
  if (kept.length > 0) return [`No task is ready: ${kept.join(", ")}.`, ...stops].join(" ");
  if (stops.length === 0) return several ? `${NOTHING}s.` : NOTHING;
  const others = each.some((of) => of.stops.length === 0);
  return [...(others ? ["No pending tasks in the other projects."] : []), ...stops].join(" ");
}
