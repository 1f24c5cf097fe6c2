import { expect, it } from "vitest";
import { share, withProjects } from "./projects.ts";

const REFUSED = "restrict_violation";

/** A row of project alpha, type US, numbers 1–3, unless told. */
const insert = (values: Record<string, string> = {}) => {
  const row = {
    namespace: "'alpha'",
    artifact_type: "'US'",
    project_id: "'alpha'",
    numbers: "'{[1,4)}'",
    expires_at: "now()",
    ...values,
  };
  return `INSERT INTO id_reservations (${Object.keys(row).join(", ")}) VALUES (${Object.values(row).join(", ")})`;
};

const RETURN = "UPDATE id_reservations SET expired_at = now(), returned_at = now()";
const CONFIRM_LATE = `UPDATE id_reservations SET expired_at = NULL, returned_at = NULL, confirmed_at = now()
  WHERE expired_at IS NOT NULL`;

it.each([
  ["overlapping live numbers", insert({ numbers: "'{[3,4),[9,10)}'" }), "excl_live_numbers"],
  [
    "overlapping live numbers of another project in a shared namespace",
    `${insert({ namespace: "'joint'", project_id: "'gamma'" })}; ${insert({ namespace: "'joint'", project_id: "'delta'" })}`,
    "excl_live_numbers",
  ],
  ["no numbers", insert({ numbers: "'{}'" }), "chk_numbers"],
  ["the number 0", insert({ numbers: "'{[0,1)}'" }), "chk_numbers"],
  ["numbers without an end", insert({ numbers: "'{[10,)}'" }), "chk_numbers"],
  ["numbers above the counter", insert({ numbers: "'{[100,102)}'" }), REFUSED],
  [
    "a project of another namespace",
    insert({ numbers: "'{[9,10)}'", project_id: "'gamma'" }),
    "id_reservations_project_id_namespace_fkey",
  ],
  [
    "a sequence that was never begun",
    insert({ artifact_type: "'EPIC'" }),
    "id_reservations_namespace_artifact_type_fkey",
  ],
  [
    "a task of another project",
    insert({ numbers: "'{[9,10)}'", task_id: "'TASK-009'" }),
    "id_reservations_project_id_task_id_fkey",
  ],
  ["no expiry and no confirmation", insert({ numbers: "'{[9,10)}'", expires_at: "NULL" }), "chk_expires_or_confirmed"],
  [
    "both confirmed and released",
    insert({ numbers: "'{[9,10)}'", confirmed_at: "now()", released_at: "now()" }),
    "chk_ends_once",
  ],
  [
    "both released and expired",
    insert({ numbers: "'{[9,10)}'", released_at: "now()", expired_at: "now()" }),
    "chk_ends_once",
  ],
  [
    "confirmed numbers that were returned",
    insert({ numbers: "'{[9,10)}'", confirmed_at: "now()", returned_at: "now()" }),
    "chk_returned_after_end",
  ],
  [
    "numbers returned while they are held",
    insert({ numbers: "'{[9,10)}'", returned_at: "now()" }),
    "chk_returned_after_end",
  ],
  [
    "a reservation id twice",
    `${insert({ numbers: "'{[9,10)}'", reservation_id: "(SELECT reservation_id FROM id_reservations LIMIT 1)" })}`,
    "id_reservations_pkey",
  ],
  ["a branch without a name", insert({ numbers: "'{[9,10)}'", branch: "''" }), "id_reservations_branch_check"],
  ["released numbers above the counter", "UPDATE id_registry SET released = '{[50,52)}'", "chk_released_was_assigned"],
  ["a released number 0", "UPDATE id_registry SET released = '{[0,2)}'", "chk_released_was_assigned"],
  ["a counter beyond the integers", "UPDATE id_registry SET last_assigned_id = 2147483648", "chk_last_assigned"],
  ["a counter below zero", "INSERT INTO id_registry VALUES ('alpha', 'HLS', -1)", "chk_last_assigned"],
  ["a counter that falls below a number that is held", "UPDATE id_registry SET last_assigned_id = 2", REFUSED],
  ["a sequence of no namespace", "INSERT INTO id_registry VALUES ('nowhere', 'US')", "id_registry_namespace_fkey"],
  ["a type in lower case", "INSERT INTO id_registry VALUES ('alpha', 'us')", "id_registry_artifact_type_check"],
  ["more numbers than were reserved", "UPDATE id_reservations SET numbers = '{[1,6)}'", REFUSED],
  ["numbers that move to another type", "UPDATE id_reservations SET artifact_type = 'SPEC'", REFUSED],
  [
    "a confirmed reservation that is given back",
    "UPDATE id_reservations SET confirmed_at = now(); UPDATE id_reservations SET confirmed_at = NULL",
    REFUSED,
  ],
  [
    "a returned reservation that lives again",
    "UPDATE id_reservations SET released_at = now(), returned_at = now(); UPDATE id_reservations SET returned_at = NULL",
    REFUSED,
  ],
  [
    "a released reservation that is confirmed after its numbers went back",
    `UPDATE id_reservations SET released_at = now(), returned_at = now();
     UPDATE id_reservations SET released_at = NULL, returned_at = NULL, confirmed_at = now()`,
    REFUSED,
  ],
  ["numbers confirmed late that somebody holds", `${RETURN}; ${insert()}; ${CONFIRM_LATE}`, "excl_live_numbers"],
  [
    "numbers confirmed late that lie above the counter",
    `${RETURN}; UPDATE id_registry SET last_assigned_id = 2; ${CONFIRM_LATE}`,
    REFUSED,
  ],
  [
    "a confirmed reservation that is voided and told otherwise",
    `UPDATE id_reservations SET confirmed_at = now();
     UPDATE id_reservations SET confirmed_at = NULL, released_at = now(), returned_at = now(), branch = 'other'`,
    REFUSED,
  ],
  [
    "a project that leaves its namespace",
    "UPDATE projects SET id_namespace = 'joint' WHERE project_id = 'alpha'",
    "id_reservations_project_id_namespace_fkey",
  ],
])("the database refuses %s", async (_what, statements, reason) => {
  const t = await withProjects("alpha");
  await share(t, "joint", "gamma", "delta");
  await t.owner.query("INSERT INTO id_registry VALUES ('alpha', 'US', 10), ('alpha', 'SPEC', 10), ('joint', 'US', 10)");
  await t.owner.query(insert());
  const [code, constraint] = reason === REFUSED ? ["23001", undefined] : [undefined, reason];
  await expect(t.owner.query(statements)).rejects.toMatchObject({
    ...(code && { code }),
    ...(constraint && { constraint }),
  });
});

it("lets the server's role delete nothing, and give the lane no row", async () => {
  const t = await withProjects("alpha");
  for (const statement of [
    "DELETE FROM id_reservations",
    "DELETE FROM id_registry",
    "TRUNCATE id_reservations",
    "INSERT INTO id_lane VALUES (true)",
  ])
    await expect(t.database.write(statement), statement).rejects.toThrow("permission denied");
});
