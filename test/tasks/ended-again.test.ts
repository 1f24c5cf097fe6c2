import { expect, it } from "vitest";
import { makeProject, shareServer } from "../support/server.ts";
import { claim, codeOf, complete, NONE, stateOf, TASK } from "./holding-calls.ts";

const shared = shareServer();

it("keeps the new notes when the holder completes again, and tells of them", async () => {
  const server = await makeProject(shared.server, ["work"]);
  const attempt = await claim(server, {}, NONE);
  const notes = async (completionNotes: string | undefined) =>
    (await complete(server, { attempt, completionNotes })).data.updateTaskStatus.task.completionNotes;
  expect(await notes("first")).toBe("first");
  expect(await notes("first")).toBe("first");
  expect(await notes(undefined)).toBe("first");
  expect(await notes("second")).toBe("second");
  const { task, events } = await server.ask<{
    task: unknown;
    events: { events: { type: string; payload: unknown }[] };
  }>(
    `{ task(taskId: "TASK-001") { version attempts { number notes outcome } }
       events(filter: {projects: ["${server.projectId}"], tasks: ["TASK-001"]}) { events { type payload } } }`,
  );
  expect(task).toEqual({ version: 4, attempts: [{ number: 1, notes: "second", outcome: "COMPLETED" }] });
  const last = events.events.slice(2);
  expect(last.map(({ type }) => type)).toEqual(["task.completed", "task.updated"]);
  expect(last[1]?.payload).toEqual({ attempt: 1, changes: { completionNotes: { old: "first", new: "second" } } });
  const stale = await complete(server, { attempt, completionNotes: "third", expectedVersion: 3 });
  expect(codeOf(stale)).toBe("VERSION_CONFLICT");
});

it("keeps other notes and another checkpoint of a task that is given back once more", async () => {
  const server = await makeProject(shared.server, ["work"]);
  const attempt = await claim(server, {}, NONE);
  const release = (notes: string, step: number) =>
    server.ask("mutation ($input: ReleaseTaskInput!) { releaseTask(input: $input) { replayed } }", {
      input: { projectId: server.projectId, ...TASK, attempt, notes, checkpoint: { step } },
    });
  for (const [notes, step] of [
    ["stuck", 1],
    ["stuck", 1],
    ["no database", 2],
  ] as const)
    await release(notes, step);
  const { task } = await server.ask<{ task: { attempts: unknown; history: { events: { type: string }[] } } }>(
    '{ task(taskId: "TASK-001") { attempts { notes checkpoint } history { events { type } } } }',
  );
  expect(task.attempts).toEqual([{ notes: "no database", checkpoint: { step: 2 } }]);
  expect(task.history.events.map(({ type }) => type).slice(2)).toEqual([
    "task.released",
    "task.checkpointed",
    "task.updated",
  ]);
});

it("refuses to complete what somebody else completed, saying by whom, and answers nobody with another's words", async () => {
  const server = await makeProject(shared.server, ["work"]);
  const attempt = await claim(server, { worker: "anna" }, { client: "anna" });
  await complete(server, { attempt, completionNotes: "anna's words" });
  const before = await stateOf(shared.owner, server);
  for (const [input, asking] of [
    [{ completionNotes: "mine" }, { client: "bert" }],
    [{}, { client: "bert" }],
    [{}, NONE],
    [{ attempt: "1-000000000000" }, NONE],
    [{}, { key: server.adminKey }],
  ] as const) {
    const refused = await complete(server, input, asking);
    expect(refused.errors?.[0]).toMatchObject({
      message: expect.stringMatching(/attempt 1 of anna ended at .* as completed\. Nothing of this call was kept/),
      extensions: { code: "LEASE_LOST" },
    });
    expect(JSON.stringify(refused)).not.toContain("anna's words");
  }
  expect(await stateOf(shared.owner, server)).toEqual(before);
});

it.each([
  ["completes", "status: COMPLETED"],
  ["gives back", "status: PENDING"],
  ["resets", "status: PENDING, reset: true"],
])(
  "refuses the holder of a task that an admin %s in its place, saying by whom, and repeats only the admin's",
  async (_, how) => {
    const server = await makeProject(shared.server, ["work"]);
    const attempt = await claim(server, { worker: "anna" }, { client: "anna" });
    const input = `projectId: "${server.projectId}", taskId: "TASK-001"`;
    const end = (more: string, asking: object) =>
      server.gql(
        `mutation { updateTaskStatus(input: {${input}, ${how}${more}}) { task { completionNotes } } }`,
        {},
        asking,
      );
    const asAdmin = { key: server.adminKey, client: "admin" };
    expect((await end(', completionNotes: "the admin\'s words"', asAdmin)).errors).toBeUndefined();
    const before = await stateOf(shared.owner, server);
    for (const [notes, asking] of [
      [`, attempt: "${attempt}"`, NONE],
      [`, attempt: "${attempt}", completionNotes: ""`, { client: "anna" }],
      [`, attempt: "${attempt}", completionNotes: "mine"`, { client: "anna" }],
      ["", { client: "anna" }],
      // Its capability is not the other admin's, either.
      [', completionNotes: "another admin"', { key: (await server.makeKey({ name: "other", role: "admin" })).secret }],
    ] as const) {
      const refused = await end(notes, asking);
      expect(refused.errors?.[0]).toMatchObject({
        message: expect.stringMatching(
          /attempt 1 of anna ended at .* as \w+, by the key \S+\. Nothing of this call was kept/,
        ),
        extensions: { code: "LEASE_LOST" },
      });
      expect(JSON.stringify(refused)).not.toContain("the admin's words");
    }
    expect(await stateOf(shared.owner, server)).toEqual(before);
    expect((await end("", asAdmin)).errors).toBeUndefined();
    expect(await stateOf(shared.owner, server)).toEqual(before);
  },
);

it("repeats an ending only for the key that was given the attempt and ended it, not for who had claimed", async () => {
  const server = await makeProject(shared.server, ["work"]);
  const attempt = await claim(server, {}, { client: "claimer" });
  const helper = { key: (await server.makeKey({ name: "helper" })).secret, client: "helper" };
  const words = { attempt, completionNotes: "the helper's words" };
  expect((await complete(server, words, helper)).errors).toBeUndefined();
  const before = await stateOf(shared.owner, server);
  for (const input of [{}, { attempt }, { attempt, completionNotes: "mine" }]) {
    const refused = await complete(server, input, { client: "claimer" });
    expect(refused.errors?.[0]).toMatchObject({
      message: expect.stringMatching(/as completed, by the key \S+\. Nothing of this call was kept/),
      extensions: { code: "LEASE_LOST" },
    });
  }
  expect((await complete(server, words, helper)).data.updateTaskStatus.task.completionNotes).toBe("the helper's words");
  expect(await stateOf(shared.owner, server)).toEqual(before);
});
