import { connect } from "../../src/db/connect.ts";
import type { TestServer } from "../support/server.ts";

/** The types and payloads of the events about the key, from the log. */
export async function keyEvents(server: Pick<TestServer, "test">, keyId: string) {
  const owner = await connect(server.test.ownerUrl, "docket test");
  await owner.query("SELECT drain()");
  const { rows } = await owner.query(
    "SELECT event_type, subject_id, actor, payload FROM events WHERE event_type LIKE 'key.%' AND subject_id = $1 ORDER BY position",
    [keyId],
  );
  await owner.end();
  return rows;
}
