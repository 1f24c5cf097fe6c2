import type { LoggedEvent } from "../read/event.ts";
import type { Selection } from "../read/filter.ts";
import type { FrameSource } from "./frame-source.ts";
import { MOST_PROJECTS, type StatusFrame } from "./frames.ts";
import type { Feed, Hub } from "./hub.ts";

/**
 * The projects that have changed since the last frame of those who stand here, and nothing more of them, so that a
 * slow client costs next to nothing.
 */
export class StatusFeed implements FrameSource<StatusFrame>, Feed {
  readonly selection: Selection;
  readonly #hub: Hub;
  readonly #first: () => Promise<readonly string[]>;
  readonly #changed = new Set<string>();
  #begun = false;
  #onReady: () => void = () => undefined;

  /** @param first the projects that its first frame tells of. */
  constructor(hub: Hub, selection: Selection, first: () => Promise<readonly string[]>) {
    this.#hub = hub;
    this.selection = selection;
    this.#first = first;
    hub.attach(this);
  }

  onReady(poke: () => void): void {
    this.#onReady = poke;
  }

  get ready(): boolean {
    return this.#changed.size > 0;
  }

  get level(): boolean {
    return this.#begun && this.#changed.size === 0;
  }

  fork(): StatusFeed {
    const fork = new StatusFeed(this.#hub, this.selection, this.#first);
    fork.#begun = this.#begun;
    for (const projectId of this.#changed) fork.#changed.add(projectId);
    return fork;
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
    for (const projectId of await this.#first()) this.#changed.add(projectId);
    this.#begun = true;
    return this.last();
  }
}
