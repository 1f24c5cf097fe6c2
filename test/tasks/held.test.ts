import { getNamedType, isInputObjectType, isRequiredInputField } from "graphql";
import { describe, expect, it } from "vitest";
import { schema } from "../../schema/index.ts";
import { EXAMPLES, typeNameOf } from "../schema/every-mutation.ts";
import { makeProject, shareServer } from "../support/server.ts";
import { codeOf } from "./holding-calls.ts";

const shared = shareServer();

/** Mutations that act on two tasks, and change neither of what its holder works on: its fields and its version stay. */
const ON_TWO_TASKS = ["addDependency", "removeDependency"];
/** Mutations that act on a task which nobody can hold: one that was deleted or archived. */
const ON_WHAT_IS_AWAY = ["restoreTask"];
/** Mutations that act on the template of a recurring task, which nobody can hold. */
const ON_TEMPLATES = ["pauseRecurrence", "resumeRecurrence", "skipOccurrence"];

/** Each other mutation that acts on a task, with the fields that its input takes. */
const ON_A_TASK = Object.values(schema.getMutationType()?.getFields() ?? {}).flatMap(({ name, args: [input] }) => {
  const type = input && getNamedType(input.type);
  const fields = isInputObjectType(type) ? type.getFields() : {};
  if ([...ON_TWO_TASKS, ...ON_WHAT_IS_AWAY, ...ON_TEMPLATES].includes(name)) return [];
  return fields["taskId"] && isRequiredInputField(fields["taskId"]) ? [{ name, fields: Object.keys(fields) }] : [];
});

/** What is asked instead of the usual, which asks for what is so already. */
const ASKED: Readonly<Record<string, readonly object[]>> = {
  moveInQueue: [{ after: "TASK-002" }],
  updateTaskStatus: [{ status: "COMPLETED" }, { status: "PENDING" }, { status: "PENDING", reset: true }],
};

/** Mutations that a caller who does not hold the task may use as well, each with its reason. */
const FOR_ANYBODY: Readonly<Record<string, string>> = {
  updateTask: "A planner corrects what is said of a task also while a worker holds it.",
  parkTask: "Who finds that something has to be decided keeps others from it; its holder may finish it.",
  unparkTask: "Who decided lets it be claimed again.",
  moveInQueue: "A planner orders the queue, also what comes back to it.",
};

const calls = ON_A_TASK.flatMap(({ name, fields }) =>
  (ASKED[name] ?? [EXAMPLES[name]?.input ?? {}]).map((input) => ({ name, fields, input })),
);

const HOLDER = "holder";
const STRANGER = "stranger";

/** TASK-001, held by a session for the second time, with a queue behind it; and how to call a mutation with it. */
async function heldTask(name: string, input: object) {
  const server = await makeProject(shared.server, ["work", "more work"]);
  const { projectId } = server;
  const ask = (mutation: string, asked: object, asking: object = {}) =>
    server.gql<Record<string, { attempt: string }>>(
      `mutation ($input: ${typeNameOf(mutation)}Input!) { ${mutation}(input: $input) { replayed ${mutation === "updateTaskStatus" ? "attempt" : ""} } }`,
      { input: { projectId, taskId: "TASK-001", ...asked } },
      asking,
    );
  const claim = async () => {
    const { data } = await ask("updateTaskStatus", { status: "IN_PROGRESS" }, { client: HOLDER });
    return data["updateTaskStatus"]?.attempt ?? "";
  };
  const stale = await claim();
  await ask("releaseTask", {}, { client: HOLDER });
  const attempt = await claim();
  const rows = async () =>
    (
      await shared.owner.query(
        `SELECT to_jsonb(t) AS task, to_jsonb(a) AS attempt FROM tasks t LEFT JOIN task_attempts a USING (project_id, task_id)
         WHERE project_id = $1 ORDER BY t.task_id, a.attempt`,
        [projectId],
      )
    ).rows;
  const call = (more: object, asking: object) =>
    ask(name, { ...input, projectId, taskId: "TASK-001", ...more }, asking);
  return { projectId, stale, attempt, rows, call };
}

describe.each(calls)("$name with $input", ({ name, fields, input }) => {
  it("refuses a stranger, an attempt that has ended, and another version, and then leaves all as it was", async () => {
    expect(fields).toContain("attempt");
    const { rows, call, stale, attempt } = await heldTask(name, input);
    const before = await rows();
    for (const client of [HOLDER, STRANGER]) {
      expect(codeOf(await call({ attempt: stale }, { client }))).toBe("LEASE_LOST");
      expect(codeOf(await call({ attempt: "2-000000000000" }, { client }))).toBe("LEASE_LOST");
    }
    if (!(name in FOR_ANYBODY)) expect(codeOf(await call({}, { client: STRANGER }))).toBe("LEASE_LOST");
    if (fields.includes("expectedVersion"))
      expect(codeOf(await call({ attempt, expectedVersion: 1 }, { client: HOLDER }))).toBe("VERSION_CONFLICT");
    expect(await rows()).toEqual(before);

    expect((await call({ attempt }, { client: STRANGER })).errors).toBeUndefined();
    expect(await rows()).not.toEqual(before);
  });

  it("lets an admin write in the holder's place, and says so in the event", async () => {
    const { projectId, call } = await heldTask(name, input);
    const headers = { "x-request-id": `${name}-${projectId}` };
    expect((await call({}, { key: shared.server.adminKey, client: STRANGER, headers })).errors).toBeUndefined();
    await shared.owner.query("SELECT drain()");
    const { rows } = await shared.owner.query(
      "SELECT payload ->> 'override' AS override FROM events WHERE correlation_id = $1 AND subject_id = 'TASK-001'",
      [headers["x-request-id"]],
    );
    expect(rows).toEqual([{ override: name in FOR_ANYBODY ? null : "true" }]);
  });
});

it("knows of no exception that is none", () => {
  expect(ON_A_TASK.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys({ ...ASKED, ...FOR_ANYBODY })));
});
