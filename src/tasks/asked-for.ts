import { badInput } from "../errors.ts";
import { requireWords } from "./lease.ts";
import type { TaskKind } from "./task.ts";
import type { Wanted } from "./wanted.ts";

/** What a caller says of the task that it wants. */
export interface AskedFor {
  readonly projectId?: string | null | undefined;
  /** Instead of `projectId`: one pool. */
  readonly projects?: readonly string[] | null | undefined;
  /** What the worker can do: of the tasks that require skills, those that require no other are taken. */
  readonly skills?: readonly string[] | null | undefined;
  /** All of these. */
  readonly labels?: readonly string[] | null | undefined;
  /** Default: tasks and research. */
  readonly kinds?: readonly TaskKind[] | null | undefined;
  /** In hours. */
  readonly maxEstimate?: number | null | undefined;
}

const MOST_PROJECTS = 100;

/** @throws BAD_USER_INPUT for what does not go together, or is too much. */
export function wantedOf({ projectId, projects, skills, labels, kinds, maxEstimate }: AskedFor): Wanted {
  if ((projectId == null) === (projects == null))
    throw badInput("Give projectId for one project, or projects for several: one of the two.");
  const named = sorted(projects ?? [projectId ?? ""]) ?? [];
  if (named.length < 1 || named.length > MOST_PROJECTS)
    throw badInput(`projects names ${named.length}; give 1 to ${MOST_PROJECTS}.`);
  requireWords("skill", skills ?? []);
  requireWords("label", labels ?? []);
  if (maxEstimate != null && !(maxEstimate >= 0))
    throw badInput(`maxEstimate is ${maxEstimate}; it must be 0 hours or more.`);
  return {
    projects: named,
    skills: sorted(skills) ?? [],
    labels: sorted(labels),
    kinds: sorted(kinds),
    maxEstimate: maxEstimate ?? null,
  };
}

/** Each once, so that the same is asked in the same words; null for none. */
function sorted<Word extends string>(words: readonly Word[] | null | undefined): Word[] | null {
  return words?.length ? [...new Set(words)].sort() : null;
}
