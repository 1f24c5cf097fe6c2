import { expect } from "vitest";
import { eventually } from "./eventually.ts";
import type { VerbTest } from "./verbs.ts";

/** Of pg_locks those of this database: tables of the databases of other tests have the same numbers. */
export const OWN_LOCK = "database = (SELECT oid FROM pg_database WHERE datname = current_database())";

/** Until exactly one statement of the test's database waits for a lock, such as one that the owner's transaction has. */
export const oneIsWaiting = ({ owner }: VerbTest) =>
  eventually(async () => {
    // A transaction looks at this once.
    await owner.query("SELECT pg_stat_clear_snapshot()");
    const { rowCount } = await owner.query(
      "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    );
    expect(rowCount).toBe(1);
  });
