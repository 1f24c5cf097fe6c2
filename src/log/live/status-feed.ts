import type { Db } from "../../db/database.ts";
import type { LoggedEvent } from "../read/event.ts";
import type { Selection } from "../read/filter.ts";
import { MOST_PROJECTS, type StatusFrame } from "./frames.ts";
import type { Feed, Hub } from "./hub.ts";
import type { FrameSource } from "./paced-stream.ts";

const ALL_PROJECTS = {
  name: "log-all-projects",
  text: `SELECT project_id FROM projects
WHERE archived_at IS NULL AND ($1::text[] IS NULL OR project_id = ANY ($1)) ORDER BY project_id`,
};

/** Which projects of a subscriber have changed; of each only that, so a slow client costs next to nothing. */
export class StatusFeed implements FrameSource<StatusFrame>, Feed {
  readonly selection: Selection;
  readonly #hub: Hub;
  readonly #db: Db;
  readonly #named: readonly string[] | null;
  readonly #changed = new Set<string>();
  #begun = false;
  #onReady: () => void = () => undefined;

  /** @param named the projects that were asked for, archived ones too; null: all that are selected and not archived. */
  constructor(hub: Hub, db: Db, selection: Selection, named: readonly string[] | null) {
    this.#hub = hub;
    this.#db = db;
    this.selection = selection;
    this.#named = named;
    hub.attach(this);
  }

  onReady(poke: () => void): void {
    this.#onReady = poke;
  }

  get ready(): boolean {
    return this.#changed.size > 0;
  }

  offer({ projectId }: LoggedEvent): void {
    if (projectId === null) return;
    this.#changed.add(projectId);
    if (this.#changed.size === 1) this.#onReady();
  }

  take(): StatusFrame | Promise<StatusFrame> {
    return this.#begun ? this.last() : this.#begin();
  }

  last(): StatusFrame {
    const projectIds = [...this.#changed.keys().take(MOST_PROJECTS)];
    for (const projectId of projectIds) this.#changed.delete(projectId);
    // Taken before anyone loads the projects: they are at least as new as the cursor.
    return { cursor: this.#hub.codec.encode(this.#hub.recent.end), projectIds };
  }

  close(): void {
    this.#changed.clear();
    this.#hub.detach(this);
  }

  async #begin(): Promise<StatusFrame> {
    // They are among those that are read now.
    this.#changed.clear();
    const { projects } = this.selection;
    const projectIds =
      this.#named ??
      (await this.#db.read<{ project_id: string }>(ALL_PROJECTS, [projects && [...projects]])).map(
        (row) => row.project_id,
      );
    for (const projectId of projectIds) this.#changed.add(projectId);
    this.#begun = true;
    return this.last();
  }
}
