import { expect, test } from "vitest";
import { connectOwner } from "../support/owner.ts";
import { startTestServer } from "../support/server.ts";
import { commit, contextOf, leave, startLog, taskEvent } from "./test-log.ts";

/** An event of each row that is written, as a trigger of a later feature may leave it. */
const TRIGGER = `CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO event_inbox (event_type, project_id, subject_type, subject_id)
    VALUES ('task.updated', NEW.project_id, 'project', TG_TABLE_NAME || ' ' || TG_WHEN);
    RETURN NEW;
  END $$;
  CREATE TRIGGER tell_before BEFORE INSERT OR UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION tell();
  CREATE TRIGGER tell_after AFTER INSERT OR UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION tell();
  CREATE TRIGGER tell_given AFTER INSERT ON id_reservations FOR EACH ROW EXECUTE FUNCTION tell()`;

test("names who acts in the events that triggers leave, for verbs of one statement and combined ones too", async () => {
  const server = await startTestServer({ env: { DOCKET_JOBS: "none" } });
  const owner = await connectOwner(server.test);
  await owner.query(TRIGGER);
  const { viewer } = await server.ask<{ viewer: { actor: string } }>("{ viewer { actor } }");
  const asked = {
    addTasks: '{projectId: "alpha", createProject: true, tasks: [{description: "a"}]}',
    updateTask: '{taskId: "TASK-001", title: "New"}',
    claimNextTask: '{projectId: "alpha"}',
    reserveIds: '{projectId: "alpha", artifactType: "US", count: 1}',
  };
  for (const [verb, input] of Object.entries(asked)) {
    const told = await server.gql(
      `mutation { ${verb}(input: ${input}) { replayed } }`,
      {},
      { client: `session of ${verb}`, headers: { "x-request-id": `request-of-${verb}` } },
    );
    expect(told.errors).toBeUndefined();
  }
  await owner.query("SELECT drain()");
  const { rows } = await owner.query(
    `SELECT DISTINCT correlation_id AS request, subject_id AS by, actor, client FROM events
     WHERE event_type = 'task.updated' AND subject_type = 'project' ORDER BY 1, 2`,
  );
  const by = (verb: string, trigger: string) => ({
    request: `request-of-${verb}`,
    by: trigger,
    actor: viewer.actor,
    client: `session of ${verb}`,
  });
  expect(rows).toEqual([
    by("addTasks", "id_reservations AFTER"),
    by("addTasks", "tasks AFTER"),
    by("addTasks", "tasks BEFORE"),
    by("claimNextTask", "tasks AFTER"),
    by("claimNextTask", "tasks BEFORE"),
    by("reserveIds", "id_reservations AFTER"),
    by("updateTask", "tasks AFTER"),
    by("updateTask", "tasks BEFORE"),
  ]);
});

test("takes what plain SQL leaves for an act of the server, on a connection that has acted as somebody too", async () => {
  const { database, log, owner } = await startLog();
  const plain = `INSERT INTO event_inbox (event_type, project_id, subject_type, subject_id)
    VALUES ('task.updated', 'alpha', 'task', 'TASK-001')`;
  await owner.query(plain);
  await commit(database, taskEvent("alpha", "TASK-001"));
  // Every connection that the pool has: the one that committed is among them.
  await Promise.all(Array.from({ length: database.pool.totalCount }, () => database.write(plain)));
  await log.cursor();
  const { rows } = await owner.query(
    "SELECT DISTINCT actor, client, correlation_id FROM events WHERE actor <> 'admin'",
  );
  expect(rows).toEqual([{ actor: "server", client: null, correlation_id: null }]);
});

test("refuses an event in a transaction that acts as nobody", async () => {
  const { database, owner } = await startLog();
  await commit(database, taskEvent("alpha", "TASK-001"));
  const unnamed = database.transaction((tx) => leave(contextOf(tx), taskEvent("alpha", "TASK-002")));
  await expect(unnamed).rejects.toThrow(/null value in column "actor"/);
  expect((await owner.query("SELECT FROM event_inbox WHERE subject_id = 'TASK-002'")).rowCount).toBe(0);
});
