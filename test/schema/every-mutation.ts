import type { Asking, TestServer } from "../support/server.ts";

/** Stands for the id of something that is made just before. */
const NEW = "new";

/** What each mutation is sent, in an order in which all succeed; one that is missing here fails the test. */
export const INPUTS: Readonly<Record<string, object>> = {
  createProject: { projectId: "alpha", name: "Alpha" },
  updateProject: { projectId: "alpha", name: "New name" },
  addTasks: { projectId: "alpha", tasks: [1, 2, 3, 4].map((i) => ({ description: `work ${i}` })) },
  updateTask: { taskId: "TASK-001", title: "New title" },
  claimNextTask: { projectId: "alpha" },
  renewTaskLease: { taskId: "TASK-001", checkpoint: { step: 1 } },
  completeAndClaimNext: { taskId: "TASK-001" },
  releaseTask: { taskId: "TASK-002" },
  updateTaskStatus: { taskId: "TASK-003", status: "IN_PROGRESS" },
  deleteTask: { taskId: "TASK-004" },
  reserveIds: { projectId: "alpha", artifactType: "US", count: 3 },
  extendReservation: { reservationId: NEW, ttlSeconds: 3600 },
  confirmReservation: { reservationId: NEW },
  releaseReservation: { reservationId: NEW },
  takeId: { projectId: "alpha", artifactType: "US" },
  nextId: { projectId: "alpha", artifactType: "US" },
  registerIds: { projectId: "alpha", ids: ["US-100"] },
  voidIds: { projectId: "alpha", artifactType: "US", ids: ["US-100"], reason: "a slip" },
  createApiKey: { name: "key", role: "READER" },
  revokeApiKey: { keyId: NEW },
  createWebhook: { url: "https://hooks.example/" },
  pauseWebhook: { webhookId: NEW },
  resumeWebhook: { webhookId: NEW },
  rotateWebhookSecret: { webhookId: NEW },
  replayWebhookDeliveries: { webhookId: NEW, allDead: true },
  deleteWebhook: { webhookId: NEW },
  archiveProject: { projectId: "alpha" },
  unarchiveProject: { projectId: "alpha" },
};

/** The name of a type that belongs to a mutation, without its ending. */
export const typeNameOf = (type: string) => (type[0] ?? "").toUpperCase() + type.slice(1);

/** Each mutation with its input and an idempotency key, to be sent before the next one is asked for. */
export async function* requests(server: TestServer, asking: Asking) {
  const reserve = async () => {
    const { reserveIds } = await server.ask<{ reserveIds: { reservation: { reservationId: string } } }>(
      'mutation { reserveIds(input: {projectId: "alpha", artifactType: "US", count: 3}) { reservation { reservationId } } }',
      {},
      asking,
    );
    return reserveIds.reservation.reservationId;
  };
  const makeWebhook = async () => {
    const { createWebhook } = await server.ask<{ createWebhook: { webhook: { webhookId: string } } }>(
      'mutation { createWebhook(input: {url: "https://hooks.example/"}) { webhook { webhookId } } }',
      {},
      asking,
    );
    return createWebhook.webhook.webhookId;
  };
  for (const [name, given] of Object.entries(INPUTS)) {
    const input: Record<string, unknown> = { ...given, idempotencyKey: `key of ${name}` };
    if ("reservationId" in input) input["reservationId"] = await reserve();
    if ("webhookId" in input) input["webhookId"] = await makeWebhook();
    if ("keyId" in input) input["keyId"] = (await server.makeKey({})).keyId;
    yield {
      name,
      input,
      document: `mutation ($input: ${typeNameOf(name)}Input!) { ${name}(input: $input) { replayed } }`,
    };
  }
}
