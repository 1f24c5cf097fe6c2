import type { Db } from "../../db/database.ts";
import type { LoggedEvent } from "../read/event.ts";
import type { Selection } from "../read/filter.ts";

/** Somewhere outside that events go to, in order and each at least once: all that a new one has to implement. */
export interface LogSink {
  /** Names its place in the log, which is kept in the database: whatever process goes on, it goes on from there. */
  readonly reader: string;
  /** What it wants of the log. */
  readonly selection: Selection;
  /**
   * Takes events in the order of the log, at most 100. Once it resolves they are taken for good. If it throws, or its
   * process ends before, the same events come again. It has about 3 s: the database ends transactions that idle.
   * @param db the transaction in which the place moves on; what is written with it happens exactly once.
   */
  take(events: readonly LoggedEvent[], db: Db): Promise<void>;
}

/** Every event of every project and of the server. */
export const EVERYTHING: Selection = { projects: null, server: true, types: null, subjects: null, actors: null };
