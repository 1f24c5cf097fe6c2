import type { Client } from "pg";
import { onTestFinished } from "vitest";
import { connect } from "../../src/db/connect.ts";
import type { TestDatabase } from "./database.ts";

/** The owner's connection to a test's database: for set-up, for looking, and for moving time. */
export interface Owner extends Client {
  /** Moves the database's clock forward by so many seconds. */
  pass(seconds: number): Promise<void>;
}

/** Ends with the test, unless it is kept open for the caller to end, for `beforeAll`. */
export async function connectOwner({ ownerUrl }: TestDatabase, { keepOpen = false } = {}): Promise<Owner> {
  const client = await connect(ownerUrl, "docket test owner");
  if (!keepOpen) onTestFinished(() => client.end());
  return Object.assign(client, { pass: (seconds: number) => passTime(client, seconds) });
}

/** Moves the database's clock forward by so many seconds. */
export async function passTime(owner: Client, seconds: number): Promise<void> {
  await owner.query(
    `INSERT INTO clock_offset (moved_by) VALUES (make_interval(secs => $1))
     ON CONFLICT (only_row) DO UPDATE SET moved_by = clock_offset.moved_by + excluded.moved_by`,
    [seconds],
  );
}
