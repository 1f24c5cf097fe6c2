import { isInterfaceType } from "graphql";
import { expect, it } from "vitest";
import { schema } from "../../schema/index.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

interface Event {
  readonly id: string;
  readonly type: string;
  readonly project: { readonly projectId: string } | null;
  readonly subject: Record<string, unknown> | null;
}

/** A project with a held task, and IDs that are reserved for it. */
async function fill(server: TestServer, projectId: string) {
  const { reserveIds } = await server.ask<{ reserveIds: { reservation: { id: string; reservationId: string } } }>(
    `mutation ($projectId: ID!) {
      createProject(input: {projectId: $projectId, name: "P"}) { replayed }
      addTasks(input: {projectId: $projectId, tasks: [{description: "work"}, {description: "other"}]}) { taskIds }
      claimNextTask(input: {projectId: $projectId, worker: "anna"}) { attempt }
      reserveIds(input: {projectId: $projectId, artifactType: "US", taskId: "TASK-001"}) { reservation { id reservationId } }
      other: reserveIds(input: {projectId: $projectId, artifactType: "US"}) { reservedIds }
    }`,
    { projectId },
    { key: server.adminKey },
  );
  return reserveIds.reservation;
}

const events = async (server: TestServer, args: string, asking = {}) =>
  (
    await server.ask<{ events: { events: Event[] } }>(
      `{ events(${args}) { events { id type project { projectId } subject {
        __typename ... on Task { taskId } ... on Project { projectId } ... on Reservation { reservationId ids }
        ... on ApiKey { keyId } ... on Webhook { webhookId }
      } } } }`,
      {},
      asking,
    )
  ).events.events;

it("leads from a reservation to its project and task, and back from each of them", async () => {
  const server = await startTestServer();
  await fill(server, "alpha");
  await fill(server, "beta");
  expect(
    await server.ask(`{
      reservations(filter: {projects: ["alpha"], artifactType: {eq: "US"}}) { nodes { ids project { projectId } task { projectId taskId } } }
      project(projectId: "alpha") { reservations(first: 1) { totalCount nodes { ids } pageInfo { hasNextPage } } }
      task(projectId: "alpha", taskId: "TASK-001") { reservations { totalCount nodes { projectId ids } } }
      other: task(projectId: "alpha", taskId: "TASK-002") { reservations { totalCount nodes { ids } } }
    }`),
  ).toEqual({
    reservations: {
      nodes: [
        { ids: ["US-002"], project: { projectId: "alpha" }, task: null },
        { ids: ["US-001"], project: { projectId: "alpha" }, task: { projectId: "alpha", taskId: "TASK-001" } },
      ],
    },
    // Those of its tasks' own IDs, too.
    project: { reservations: { totalCount: 3, nodes: [{ ids: ["US-002"] }], pageInfo: { hasNextPage: true } } },
    task: { reservations: { totalCount: 1, nodes: [{ projectId: "alpha", ids: ["US-001"] }] } },
    other: { reservations: { totalCount: 0, nodes: [] } },
  });
});

it("leads from a reservation to no task that was deleted", async () => {
  const server = await startTestServer();
  const { reservationId } = await fill(server, "alpha");
  await server.ask(
    'mutation { deleteTask(input: {projectId: "alpha", taskId: "TASK-001"}) { replayed } }',
    {},
    { key: server.adminKey },
  );
  expect(await server.ask(`{ reservation(reservationId: "${reservationId}") { taskId task { taskId } } }`)).toEqual({
    reservation: { taskId: "TASK-001", task: null },
  });
});

it("leads from an event to its project and to what it is about, whatever that is", async () => {
  const server = await startTestServer();
  const { reservationId } = await fill(server, "alpha");
  const asAdmin = { key: server.adminKey };
  const { createApiKey, createWebhook } = await server.ask<{
    createApiKey: { apiKey: { keyId: string } };
    createWebhook: { webhook: { webhookId: string } };
  }>(
    `mutation {
      createApiKey(input: {name: "ci", role: AGENT}) { apiKey { keyId } }
      createWebhook(input: {url: "https://receiver.example/hook"}) { webhook { webhookId } }
    }`,
    {},
    asAdmin,
  );
  const subjects = new Map((await events(server, "first: 100", asAdmin)).map((event) => [event.type, event]));
  expect(subjects.get("project.created")).toMatchObject({
    project: { projectId: "alpha" },
    subject: { __typename: "Project", projectId: "alpha" },
  });
  expect(subjects.get("task.claimed")?.subject).toEqual({ __typename: "Task", taskId: "TASK-001" });
  expect((await events(server, 'filter: {types: ["ids.reserved"]}')).map(({ subject }) => subject)).toContainEqual({
    __typename: "Reservation",
    reservationId,
    ids: ["US-001"],
  });
  expect(subjects.get("key.created")).toMatchObject({ project: null, subject: { keyId: createApiKey.apiKey.keyId } });
  expect(subjects.get("webhook.created")?.subject).toEqual({
    __typename: "Webhook",
    webhookId: createWebhook.webhook.webhookId,
  });
});

it("takes groups of event types, and refuses one that there is not", async () => {
  const server = await startTestServer();
  await fill(server, "alpha");
  const types = (await events(server, 'filter: {types: ["task.*", "ids.reserved"]}')).map(({ type }) => type);
  expect(new Set(types)).toEqual(new Set(["task.created", "task.claimed", "ids.reserved"]));
  for (const type of ["tasks.*", "task.done", "*"]) {
    const { errors } = await server.gql(`{ events(filter: {types: ["${type}"]}) { cursor } }`);
    expect(errors?.[0]).toMatchObject({ extensions: { code: "BAD_USER_INPUT" } });
  }
});

it("pages through what happened in each project, oldest first, and not in subscriptions", async () => {
  const server = await startTestServer();
  for (const projectId of ["alpha", "beta"]) await fill(server, projectId);
  const document = `query ($after: String) {
    projects { nodes { projectId events(first: 2, after: $after) { cursor caughtUp events { number projectId type } } } }
  }`;
  interface EventsOfProjects {
    readonly projects: { nodes: { projectId: string; events: { cursor: string; events: { number: number }[] } }[] };
  }
  const first = await server.ask<EventsOfProjects>(document);
  expect(first.projects.nodes).toMatchObject(
    ["alpha", "beta"].map((projectId) => ({
      projectId,
      events: {
        caughtUp: false,
        events: [
          { number: 1, projectId, type: "project.created" },
          { number: 2, projectId },
        ],
      },
    })),
  );
  const second = await server.ask<EventsOfProjects>(document, { after: first.projects.nodes[0]?.events.cursor });
  expect(second.projects.nodes[0]?.events.events.map(({ number }) => number)).toEqual([3, 4]);
  const { errors } = await server.gql('{ project(projectId: "alpha") { events(first: 101) { cursor } } }');
  expect(errors?.[0]).toMatchObject({ extensions: { code: "BAD_USER_INPUT" } });
});

it("shows an admin the keys that see a project, within what it administers, and nobody else", async () => {
  const server = await startTestServer();
  for (const projectId of ["alpha", "beta"]) await fill(server, projectId);
  await server.makeKey({ name: "both", projectIds: ["alpha", "beta"] });
  await server.makeKey({ name: "beta", projectIds: ["beta"] });
  const limited = await server.makeKey({ name: "limited", role: "admin", projectIds: ["alpha"] });
  const names = async (key: string) => {
    const { project } = await server.ask<{
      project: { keys: { totalCount: number; nodes: { name: string }[] } | null };
    }>('{ project(projectId: "alpha") { keys { totalCount nodes { name } } } }', {}, { key });
    return project.keys && [project.keys.totalCount, ...project.keys.nodes.map(({ name }) => name)];
  };
  expect(await names(server.adminKey)).toEqual([4, "limited", "both", "agent", "admin"]);
  expect(await names(limited.secret)).toEqual([1, "limited"]);
  expect(await names(server.agentKey)).toBeNull();
});

it("takes the global id of everything that has one", async () => {
  const server = await startTestServer();
  const node = schema.getType("Node");
  const nouns = isInterfaceType(node) ? schema.getPossibleTypes(node).map(({ name }) => name) : [];
  expect(nouns).toEqual(expect.arrayContaining(["Task", "Webhook", "WebhookDelivery", "Event", "Attempt"]));
  for (const noun of nouns) {
    const id = Buffer.from(`${noun}:none`).toString("base64");
    expect([noun, await server.ask("query ($id: ID!) { node(id: $id) { id } }", { id })]).toEqual([
      noun,
      { node: null },
    ]);
  }
});

it("finds attempts and events by their global ids, and nothing that the key does not see or that is none", async () => {
  const server = await startTestServer();
  await fill(server, "alpha");
  const { task } = await server.ask<{ task: { attempts: { id: string }[] } }>(
    '{ task(projectId: "alpha", taskId: "TASK-001") { attempts { id } } }',
  );
  const [created] = await events(server, "first: 1");
  const attempt = task.attempts[0]?.id ?? "";
  const event = created?.id ?? "";
  const find = async (id: string, key = server.agentKey) => {
    const document = `query ($id: ID!) { node(id: $id) {
      id ... on Attempt { attempt: number worker task { taskId } } ... on Event { number type }
    } }`;
    return (await server.ask<{ node: unknown }>(document, { id }, { key })).node;
  };
  expect(await find(attempt)).toEqual({ id: attempt, attempt: 1, worker: "anna", task: { taskId: "TASK-001" } });
  expect(await find(event)).toEqual({ id: event, number: 1, type: "project.created" });
  const { secret: key } = await server.makeKey({ role: "admin", projectIds: ["beta"] });
  for (const id of [attempt, event]) expect(await find(id, key)).toBeNull();
  for (const id of ["Attempt:alpha/TASK-001/99", "Attempt:alpha/TASK-001/x", "Event:x", `Event:${"A".repeat(22)}`])
    expect(await find(Buffer.from(id).toString("base64"))).toBeNull();
});
