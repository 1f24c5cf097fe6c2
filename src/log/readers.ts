import type { Viewer } from "../access/viewer.ts";
import type { LoggedEvent } from "./read/event.ts";
import type { VisibleEvents } from "./read/filter.ts";

/** Who may read what of the log: the log itself knows no projects. */
export interface Visibility {
  /**
   * What a viewer reads: of the projects named, or (null) of all that it sees, those yet to come too if it has no limits.
   * @throws PROJECT_NOT_FOUND for a named one that is unknown or not the viewer's.
   */
  visibleTo(viewer: Viewer, named: readonly string[] | null): Promise<VisibleEvents>;
  /** Of the projects of a scope (null: of all), those that an overview begins with. */
  inOverview(projects: ReadonlySet<string> | null): Promise<string[]>;
}

/** Whether a viewer may go on reading: the log itself knows no keys. */
export interface Validity {
  /**
   * Calls `onEnd` once, as soon as the viewer may no longer see anything. The answer stops watching.
   * @throws UNAUTHENTICATED when that is so already.
   */
  watch(viewer: Viewer, onEnd: () => void): Promise<() => void>;
  /** Called with new events before anyone is given them: some may end a viewer. */
  observe(events: readonly LoggedEvent[]): void;
}
