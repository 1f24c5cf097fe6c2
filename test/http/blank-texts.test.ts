import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectTools } from "../mcp/connect.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ keepOpen: true });
  await server.ask(`mutation { createProject(input: {projectId: "alpha", name: "Alpha"}) { replayed } }`);
  await server.ask(`mutation { addTasks(input: {projectId: "alpha", tasks: [{description: "a"}]}) { replayed } }`);
  await server.ask(`mutation { registerIds(input: {projectId: "alpha", ids: ["SPEC-001"]}) { replayed } }`);
});
afterAll(() => server.close());

/** Says what came of a mutation as an admin: the text of its error, or null. */
async function refusal(field: string, input: object): Promise<string | null> {
  const type = `${field[0]?.toUpperCase()}${field.slice(1)}Input!`;
  const document = `mutation ($input: ${type}) { ${field}(input: $input) { replayed } }`;
  const { errors } = await server.gql(document, { input }, { key: server.adminKey });
  if (errors) expect(errors[0]?.extensions["code"]).toBe("BAD_USER_INPUT");
  return errors?.[0]?.message ?? null;
}

const task = (fields: object) => ({ projectId: "alpha", tasks: [{ description: "a", ...fields }] });
const change = (fields: object) => ({ projectId: "alpha", taskId: "TASK-001", ...fields });
let projects = 0;

describe("a text that says nothing", () => {
  test.each<[string, string, (text: string) => object]>([
    ["the name of a project", "createProject", (name) => ({ projectId: `p-${++projects}`, name })],
    ["the new name of a project", "updateProject", (name) => ({ projectId: "alpha", name })],
    ["the name of a key", "createApiKey", (name) => ({ name, role: "AGENT" })],
    ["the description of a new task", "addTasks", (description) => task({ description })],
    ["the title of a new task", "addTasks", (title) => task({ title })],
    ["a label of a new task", "addTasks", (label) => task({ labels: ["good", label] })],
    ["an input of a new task", "addTasks", (input) => task({ inputs: [input] })],
    ["the generator of a new task", "addTasks", (generatorName) => task({ generatorName })],
    ["the branch of a new task", "addTasks", (branchName) => task({ branchName })],
    ["the worker of new tasks", "addTasks", (worker) => ({ ...task({}), worker })],
    ["the description of a known task", "updateTask", (description) => change({ description })],
    ["the title of a known task", "updateTask", (title) => change({ title })],
    ["a label of a known task", "updateTask", (label) => change({ labels: [label] })],
    ["an output of a known task", "updateTask", (output) => change({ expectedOutputs: [output] })],
    ["the worker of a claim", "claimNextTask", (worker) => ({ projectId: "alpha", worker })],
    [
      "the branch of a reservation",
      "reserveIds",
      (branch) => ({ projectId: "alpha", artifactType: "US", count: 1, branch }),
    ],
  ])("is refused as %s, and one character is enough", async (_what, field, input) => {
    for (const blank of ["", " ", "\t\n", "\u00a0\u2003", "\u200b\ufeff"])
      expect(await refusal(field, input(blank)), JSON.stringify(blank)).toMatch(
        /empty|blank|something to read|must say why/,
      );
    expect(await refusal(field, input(" é "))).toBeNull();
  });

  test("is refused by a tool in its own words", async () => {
    await using tools = await connectTools({ ...server, defaultProject: "alpha" });
    expect(await tools.call("add_task", { tasks: [{ description: "\u200b" }] })).toMatchObject({
      failed: true,
      text: expect.stringMatching(/tasks\[0\].*description.*(empty|blank)/),
    });
  });
});

test("a label that is given twice is kept once, in the order given", async () => {
  const document = `mutation {
    addTasks(input: {projectId: "alpha", tasks: [{description: "a", labels: ["b", "a", "b", "B"]}]}) { tasks { labels } }
    updateTask(input: {projectId: "alpha", taskId: "TASK-001", labels: ["x", "x", "y"]}) { task { labels } }
  }`;
  const many = Array.from({ length: 50 }, (_, i) => `label-${i}`);
  expect(await server.ask(document)).toEqual({
    addTasks: { tasks: [{ labels: ["b", "a", "B"] }] },
    updateTask: { task: { labels: ["x", "y"] } },
  });
  expect(await refusal("updateTask", change({ labels: many }))).toBeNull();
});

describe("what was named and is not there is said plainly", () => {
  const global = (text: string) => Buffer.from(text).toString("base64");
  const node = "query ($id: ID!) { node(id: $id) { id } }";
  const nodes =
    "Project, Task, Attempt, Reminder, Reservation, Vendor, Deployment, ProjectConfiguration, Enhancement, ApiKey, Webhook, WebhookDelivery or Event";

  test.each(["", " ", "TASK-001", "nonsense", global("Namespace:1"), global("Task:"), global("__proto__:1")])(
    "node(id: %j) is no global id",
    async (id) => {
      expect((await server.gql(node, { id })).errors).toMatchObject([
        {
          message: `${JSON.stringify(id)} is no global id: pass the field id of a ${nodes} as it was answered.`,
          extensions: { code: "BAD_USER_INPUT" },
        },
      ]);
    },
  );

  test("the global ids of answers are known, and those of nothing are null", async () => {
    const ids = `{ project(projectId: "alpha") { id } task(projectId: "alpha", taskId: "TASK-001") { id } }`;
    for (const { id } of Object.values(await server.ask<Record<string, { id: string }>>(ids)))
      expect(await server.ask(node, { id })).toEqual({ node: { id } });
    for (const text of [
      "Task:alpha/TASK-999",
      "Task:é",
      "Attempt:1",
      "Event:é",
      "Project:beta",
      "Reservation:x",
      "ApiKey:1:2",
    ])
      expect(await server.ask(node, { id: global(text) })).toEqual({ node: null });
  });

  test.each([
    ['{ task(taskId: "") { id } }', 'Task "" not found'],
    ['{ task(projectId: " ", taskId: "TASK-001") { id } }', 'Project " " not found. '],
    ['mutation { claimNextTask(input: {projectId: ""}) { attempt } }', 'Project "" not found. '],
    ['mutation { revokeApiKey(input: {keyId: ""}) { replayed } }', 'API key "" not found. '],
    ['mutation { rotateApiKey(input: {keyId: " "}) { replayed } }', 'API key " " not found. '],
    ['mutation { deleteWebhook(input: {webhookId: ""}) { replayed } }', 'Webhook "" not found. '],
    [
      'mutation { reserveIds(input: {projectId: "alpha", artifactType: "", count: 1}) { replayed } }',
      'Invalid artifact_type: "". Valid',
    ],
  ])("%s", async (document, message) => {
    const { errors } = await server.gql(document, {}, { key: server.adminKey });
    expect(errors?.[0]?.message).toContain(message);
  });

  test("an attempt that is none, or that the task never had", async () => {
    const renew = `mutation ($attempt: ID!) {
      renewTaskLease(input: {projectId: "alpha", taskId: "TASK-001", attempt: $attempt}) { replayed }
    }`;
    for (const [attempt, message] of [
      ["", "what was given as attempt is none."],
      ["1", "what was given as attempt is none."],
      ["99-9f86d081884c", "there is no attempt 99."],
    ] as const) {
      const { errors } = await server.gql(renew, { attempt });
      expect(errors).toMatchObject([{ message: expect.stringContaining(message), extensions: { code: "LEASE_LOST" } }]);
    }
  });
});
