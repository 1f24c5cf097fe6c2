import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import { eventually } from "../../support/eventually.ts";
import type { ReleasedClient } from "../released-client.ts";

const projectId = "alpha";

/** Where the log stands, and what gets all that happens to tasks from then on. */
export interface Start {
  readonly logCursor: string;
  readonly webhookId: string;
}

/** Makes a webhook for the tasks of project alpha. */
export async function startFollowing({ send }: ReleasedClient, url: string): Promise<Start> {
  const { createWebhook } = await send<{ createWebhook: { webhook: { webhookId: string } } }>("CreateWebhook", {
    input: { url, projectIds: [projectId], types: ["task.*"], idempotencyKey: randomUUID() },
  });
  return { ...(await send<{ logCursor: string }>("LogCursor")), webhookId: createWebhook.webhook.webhookId };
}

/** Reads what happened since in every way, and works on the webhook that was told of it. */
export async function workOnLog({ send }: ReleasedClient, { logCursor, webhookId }: Start): Promise<void> {
  const events = { projects: [projectId], types: ["task.claimed"], tasks: ["TASK-010"], actors: [] };
  const { viewer } = await send<{ viewer: { actor: string } }>("Viewer");
  const log = await send<{ events: { events: { eventId: string }[] } }>("Events", {
    filter: { ...events, actors: [viewer.actor] },
    after: logCursor,
    first: 5,
    waitSeconds: 10,
  });
  expect(log).toMatchObject({ events: { events: [{ type: "task.claimed", task: { taskId: "TASK-010" } }] } });
  expect(
    await send("TaskEvents", { filter: { ...events, actors: [viewer.actor] }, after: logCursor, most: 5 }),
  ).toMatchObject({
    taskEvents: { events: [{ type: "task.claimed", worker: "w" }] },
  });
  expect(await send("ReservationEvents", { filter: { projects: [projectId] }, after: logCursor })).toMatchObject({
    reservationEvents: {
      events: expect.arrayContaining([expect.objectContaining({ type: "ids.reserved", artifactIds: ["US-001"] })]),
    },
  });
  expect(await send("ProjectStatus", { projects: [projectId] })).toMatchObject({
    projectStatus: { projects: [{ projectId }] },
  });
  const eventId = log.events.events[0]?.eventId ?? "";
  await eventually(async () =>
    expect(await send("Webhook", { webhookId, status: "DELIVERED", first: 50 })).toMatchObject({
      webhook: {
        behind: false,
        deliveries: { nodes: expect.arrayContaining([expect.objectContaining({ eventId, status: "DELIVERED" })]) },
      },
    }),
  );
  expect(await send("Webhooks", { first: 10 })).toMatchObject({
    webhooks: { totalCount: 1, nodes: [{ webhookId, pending: 0 }] },
  });
  const webhook = () => ({ webhookId, idempotencyKey: randomUUID() });
  expect(await send("PauseWebhook", { input: webhook() })).toMatchObject({
    pauseWebhook: { webhook: { pausedAt: expect.any(String) } },
  });
  expect(await send("ReplayWebhookDeliveries", { input: { ...webhook(), eventIds: [eventId] } })).toMatchObject({
    replayWebhookDeliveries: { deliveries: 1, deadLeft: 0 },
  });
  expect(await send("ReplayWebhookDeliveries", { input: { ...webhook(), allDead: true } })).toMatchObject({
    replayWebhookDeliveries: { deliveries: 0 },
  });
  expect(await send("ResumeWebhook", { input: webhook() })).toMatchObject({
    resumeWebhook: { webhook: { pausedAt: null } },
  });
  expect(await send("RotateWebhookSecret", { input: { ...webhook(), endOldSecretNow: true } })).toMatchObject({
    rotateWebhookSecret: { secret: expect.stringMatching(/^whsec_/), webhook: { oldSecretUntil: null } },
  });
  expect(await send("DeleteWebhook", { input: webhook() })).toMatchObject({ deleteWebhook: { webhookId } });
}
