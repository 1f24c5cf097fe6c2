import { expect, test } from "vitest";
import { schema } from "../../schema/index.ts";
import { startTestServer } from "../support/server.ts";

/** Each mutation with an input that only the role can stand in the way of, by the least role that may. */
const AGENT: Readonly<Record<string, string>> = {
  createProject: `projectId: "mine", name: "Mine"`,
  addTasks: `projectId: "alpha", tasks: [{description: "Work"}]`,
  updateTask: `projectId: "alpha", taskId: "TASK-001", title: "T"`,
  updateTaskStatus: `projectId: "alpha", taskId: "TASK-001", status: IN_PROGRESS`,
  claimNextTask: `projectId: "alpha"`,
  completeAndClaimNext: `projectId: "alpha", taskId: "TASK-001"`,
  renewTaskLease: `projectId: "alpha", taskId: "TASK-001"`,
  releaseTask: `projectId: "alpha", taskId: "TASK-001"`,
  deleteTask: `projectId: "alpha", taskId: "TASK-001"`,
  reserveIds: `projectId: "alpha", artifactType: "US"`,
  confirmReservation: `reservationId: "RESERVATION"`,
  extendReservation: `reservationId: "RESERVATION"`,
  releaseReservation: `reservationId: "RESERVATION"`,
  takeId: `projectId: "alpha", artifactType: "US"`,
  nextId: `projectId: "alpha", artifactType: "US"`,
  registerIds: `projectId: "alpha", ids: ["US-900"]`,
};
const ADMIN: Readonly<Record<string, string>> = {
  voidIds: `projectId: "alpha", artifactType: "US", ids: ["US-900"], reason: "a slip"`,
  updateProject: `projectId: "alpha", name: "Renamed"`,
  archiveProject: `projectId: "nowhere"`,
  unarchiveProject: `projectId: "nowhere"`,
  createApiKey: `name: "ci", role: AGENT`,
  revokeApiKey: `keyId: "KEY"`,
  createWebhook: `url: "https://hooks.example/"`,
  pauseWebhook: `webhookId: "WEBHOOK"`,
  resumeWebhook: `webhookId: "WEBHOOK"`,
  rotateWebhookSecret: `webhookId: "WEBHOOK"`,
  replayWebhookDeliveries: `webhookId: "WEBHOOK", allDead: true`,
  deleteWebhook: `webhookId: "WEBHOOK"`,
};

test("readers change nothing, agents work, and admins do the rest", async () => {
  const server = await startTestServer();
  const reader = await server.makeKey({ name: "reader", role: "reader" });
  const spare = await server.makeKey({ name: "spare" });
  await server.ask(`mutation { createProject(input: {projectId: "alpha", name: "A"}) { replayed }
    addTasks(input: {projectId: "alpha", tasks: [{description: "Work"}]}) { replayed } }`);
  const { reserveIds } = await server.ask<{ reserveIds: { reservation: { reservationId: string } } }>(
    `mutation { reserveIds(input: {projectId: "alpha", artifactType: "US"}) { reservation { reservationId } } }`,
  );
  const { createWebhook } = await server.ask<{ createWebhook: { webhook: { webhookId: string } } }>(
    `mutation { createWebhook(input: {url: "https://spare.example/"}) { webhook { webhookId } } }`,
    {},
    { key: server.adminKey },
  );
  const code = async (mutation: string, input: string, key: string) => {
    const filled = input
      .replace("RESERVATION", reserveIds.reservation.reservationId)
      .replace("KEY", spare.keyId)
      .replace("WEBHOOK", createWebhook.webhook.webhookId);
    const { errors } = await server.gql(`mutation { ${mutation}(input: {${filled}}) { replayed } }`, {}, { key });
    return [mutation, errors?.[0]?.extensions["code"] === "FORBIDDEN"];
  };
  const all = { ...AGENT, ...ADMIN };
  expect(Object.keys(all).sort()).toEqual(Object.keys(schema.getMutationType()?.getFields() ?? {}).sort());

  for (const [name, input] of Object.entries(all)) expect(await code(name, input, reader.secret)).toEqual([name, true]);
  for (const [name, input] of Object.entries(AGENT))
    expect(await code(name, input, server.agentKey)).toEqual([name, false]);
  for (const [name, input] of Object.entries(ADMIN)) {
    expect(await code(name, input, server.agentKey)).toEqual([name, true]);
    expect(await code(name, input, server.adminKey)).toEqual([name, false]);
  }
  expect(
    (await server.gql("{ projects { totalCount } tasks { totalCount } }", {}, { key: reader.secret })).errors,
  ).toBeUndefined();
});
