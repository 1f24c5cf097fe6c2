import { getNamedType, isObjectType, isUnionType } from "graphql";
import { expect, it } from "vitest";
import { schema } from "../../schema/index.ts";
import { administered } from "../../schema/subject.ts";
import { SUBJECT_TYPES } from "../../src/event-types.ts";
import { ADMIN } from "../log/test-log.ts";
import { startTestServer } from "../support/server.ts";

const union = schema.getType("EventSubject");
const nouns = isUnionType(union) ? union.getTypes().map(({ name }) => name) : [];

interface Named {
  readonly eventId: string;
  readonly type: string;
  readonly projectId: string | null;
  readonly subjectType: string;
  readonly subjectId: string;
}

interface Event extends Named {
  readonly subject: { readonly history: { readonly events: Named[] } | null } | null;
}

const NAMED = "eventId type projectId subjectType subjectId";

/** A server on which something has happened to one of each noun. */
async function startFilled() {
  const server = await startTestServer();
  const asAdmin = { key: server.adminKey };
  const made = await server.ask<{
    reserveIds: { reservation: { reservationId: string } };
    createWebhook: { webhook: { webhookId: string } };
    createApiKey: { apiKey: { keyId: string } };
  }>(
    `mutation {
      createProject(input: {projectId: "alpha", name: "Alpha"}) { replayed }
      updateProject(input: {projectId: "alpha", name: "Beta"}) { replayed }
      addTasks(input: {projectId: "alpha", tasks: [{description: "a"}, {description: "b"}]}) { replayed }
      claimNextTask(input: {projectId: "alpha"}) { attempt }
      reserveIds(input: {projectId: "alpha", artifactType: "US"}) { reservation { reservationId } }
      takeId(input: {projectId: "alpha", artifactType: "US"}) { id }
      updateProjectConfiguration(input: {projectId: "alpha", gitBranch: "main"}) { replayed }
      createEnhancement(input: {projectId: "alpha", title: "a", description: "b"}) { replayed }
      createVendor(input: {projectId: "alpha", name: "Acme", status: OPERATIONAL}) { replayed }
      recordDeployment(input: {projectId: "alpha", commitHash: "${"a".repeat(40)}", prNumber: 1, prTitle: "a", testSummary: {}, constitutionalCompliance: true}) { replayed }
      createApiKey(input: {name: "ci", role: READER, projectIds: ["alpha"]}) { apiKey { keyId } }
      createWebhook(input: {url: "https://hooks.example/", projectIds: ["alpha"]}) { webhook { webhookId } }
    }`,
    {},
    asAdmin,
  );
  const { reservationId } = made.reserveIds.reservation;
  const { webhookId } = made.createWebhook.webhook;
  const { keyId } = made.createApiKey.apiKey;
  await server.ask(
    `mutation {
      extendReservation(input: {reservationId: "${reservationId}", ttlSeconds: 3600}) { replayed }
      pauseWebhook(input: {webhookId: "${webhookId}"}) { replayed }
      revokeApiKey(input: {keyId: "${keyId}"}) { replayed }
    }`,
    {},
    asAdmin,
  );
  return { server, asAdmin, reservationId, webhookId, keyId };
}

it("gives every noun that events are about its history, and leads from each event to it", async () => {
  const { server, asAdmin } = await startFilled();
  // An artifact ID is no thing of its own.
  expect(nouns).toHaveLength(SUBJECT_TYPES.filter((type) => type !== "artifact_id").length);
  const histories = nouns.map((noun) => `... on ${noun} { history(first: 5) { events { ${NAMED} } } }`);
  const { events } = await server.ask<{ events: { events: Event[] } }>(
    `{ events { events { ${NAMED} subject { __typename ${histories.join(" ")} } } } }`,
    {},
    asAdmin,
  );
  const about = ({ projectId, subjectType, subjectId }: Named) => `${projectId} ${subjectType} ${subjectId}`;
  expect(new Set(events.events.map(({ subjectType }) => subjectType))).toEqual(new Set(SUBJECT_TYPES));
  for (const { subject, ...event } of events.events) {
    if (event.subjectType === "artifact_id") expect(subject).toBeNull();
    else expect(subject?.history?.events).toEqual(told(events.events, about(event)));
  }

  function told(all: readonly Event[], what: string) {
    return all.filter((event) => about(event) === what).map(({ subject: _, ...event }) => event);
  }
});

it("has one field for all histories", () => {
  for (const noun of nouns) {
    const type = schema.getType(noun);
    const history = isObjectType(type) ? type.getFields()["history"] : undefined;
    expect([noun, history && getNamedType(history.type).name]).toEqual([noun, "EventPage"]);
  }
});

it("shows the history of keys and webhooks, which are the server's, to unlimited admins alone", async () => {
  const { server, asAdmin } = await startFilled();
  const document = `{
    webhooks { nodes { url history { events { type } } } }
    project(projectId: "alpha") { history { events { type } } }
    reservations(filter: {artifactType: {eq: "US"}}, orderBy: {field: RESERVED_AT}, first: 1) { nodes { history { events { type } } } }
  }`;
  const ofProject = { history: { events: [{ type: "project.created" }, { type: "project.configured" }] } };
  const reserved = { history: { events: [{ type: "ids.reserved" }, { type: "ids.extended" }] } };
  const url = "https://hooks.example/";
  const paused = { url, history: { events: [{ type: "webhook.created" }, { type: "webhook.paused" }] } };
  expect(await server.ask(document, {}, asAdmin)).toEqual({
    webhooks: { nodes: [paused] },
    project: ofProject,
    reservations: { nodes: [reserved] },
  });
  const { secret: key } = await server.makeKey({ role: "admin", projectIds: ["alpha"] });
  expect(await server.ask(document, {}, { key })).toEqual({
    webhooks: { nodes: [{ url, history: null }] },
    project: ofProject,
    reservations: { nodes: [reserved] },
  });
});

it("leads to a key or webhook only where the viewer administers it", () => {
  const [ofAlpha, ofAll] = [{ projectIds: ["alpha"] }, { projectIds: null }];
  const limited = { ...ADMIN, projectIds: ["alpha"] };
  const shown = (viewer: typeof ADMIN) => [ofAlpha, ofAll].map((row) => administered({ viewer }, row));
  expect(shown(ADMIN)).toEqual([ofAlpha, ofAll]);
  expect(shown(limited)).toEqual([ofAlpha, null]);
  expect(shown({ ...limited, role: "reader" })).toEqual([null, null]);
});

it("finds events by subjects of any type, beside tasks, within what the key sees", async () => {
  const { server, asAdmin, reservationId, webhookId, keyId } = await startFilled();
  const types = async (filter: string, asking = asAdmin) => {
    const { events } = await server.ask<{ events: { events: Event[] } }>(
      `{ events(filter: {${filter}}) { events { type } } }`,
      {},
      asking,
    );
    return events.events.map(({ type }) => type);
  };
  const subjects = `subjects: [{type: "webhook", ids: ["${webhookId}"]}, {type: "reservation", ids: ["${reservationId}"]}]`;
  expect(await types(subjects)).toEqual(["ids.reserved", "webhook.created", "ids.extended", "webhook.paused"]);
  expect(await types(`${subjects}, types: ["webhook.*"]`)).toEqual(["webhook.created", "webhook.paused"]);
  expect(await types(`${subjects}, tasks: ["TASK-002"], projects: ["alpha"]`)).toEqual([
    "task.created",
    "ids.reserved",
    "ids.extended",
  ]);
  expect(await types('subjects: [{type: "artifact_id", ids: ["US-002"]}]')).toEqual(["ids.assigned"]);
  expect(await types(`subjects: [{type: "api_key", ids: ["${keyId}"]}]`)).toEqual(["key.created", "key.revoked"]);
  // The same id names something of another type.
  expect(await types(`subjects: [{type: "task", ids: ["${reservationId}"]}]`)).toEqual([]);
  expect(await types(subjects, { key: server.agentKey })).toEqual(["ids.reserved", "ids.extended"]);
  const { secret: key } = await server.makeKey({ role: "admin", projectIds: ["beta"] });
  expect(await types(subjects, { key })).toEqual([]);

  for (const [filter, message] of [
    ['subjects: [{type: "tasks", ids: ["x"]}]', /no subject type "tasks".*task, reservation/],
    ["subjects: []", /subjects is an empty list/],
    ['subjects: [{type: "task", ids: []}]', /^subjects has an empty list of ids for type task\. Leave that entry out/],
    ["tasks: []", /^tasks is an empty list\. Leave it out/],
  ] as const) {
    const { errors } = await server.gql(`{ events(filter: {${filter}}) { cursor } }`);
    expect(errors).toMatchObject([{ message: expect.stringMatching(message), extensions: { code: "BAD_USER_INPUT" } }]);
  }
});
