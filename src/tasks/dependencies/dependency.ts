import type { TaskKey } from "../task.ts";

/** How two tasks have to do with each other; `blocks` alone keeps the one waiting for the other. */
export const DEPENDENCY_KINDS = ["blocks", "relates_to", "discovered_from", "duplicates"] as const;
export type DependencyKind = (typeof DEPENDENCY_KINDS)[number];

/** What names a dependency: each task has at most one of a kind on another. */
export interface DependencyAddress extends TaskKey {
  /** In the project of the task, unless it says another. */
  readonly dependsOn: { readonly projectId?: string | null | undefined; readonly taskId: string };
  /** Default: blocks. */
  readonly kind?: DependencyKind | null | undefined;
}

export interface Dependency {
  readonly task: TaskKey;
  readonly dependsOn: TaskKey;
  readonly kind: DependencyKind;
}

/** What the verbs answer: the key of the task, and what it was about. */
export interface DependencyResult extends TaskKey {
  readonly dependsOn: TaskKey;
  /** Whether this call has made the change; false: it was so already. */
  readonly changed: boolean;
}
