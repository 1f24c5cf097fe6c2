import { SERVER } from "../../src/access/viewer.ts";
import { triggerReminders } from "../../src/schedule/reminders/trigger.ts";
import type { Asking, TestServer } from "../support/server.ts";

/** Stands for the id of something that is made just before. */
const NEW = "new";

interface Example {
  readonly input: Readonly<Record<string, unknown>>;
  /** SQL: what its webhook ($1) needs first, so that there is something to change. */
  readonly prepare?: string;
  /** `type subjectType subjectId` of every event that it leaves; a star stands for a random id. */
  readonly events: readonly string[];
  /** The server itself tells of it, as it would have without the call. */
  readonly toldByServer?: true;
}

/** One call of each mutation, in an order in which all succeed; a mutation that is missing here fails the tests. */
export const EXAMPLES: Readonly<Record<string, Example>> = {
  createProject: { input: { projectId: "alpha", name: "Alpha" }, events: ["project.created project alpha"] },
  updateProject: { input: { projectId: "alpha", name: "New name" }, events: ["project.configured project alpha"] },
  addTasks: {
    input: {
      projectId: "alpha",
      tasks: [
        ...[1, 2, 3, 4].map((i) => ({ description: `work ${i}` })),
        { description: "again", dueDate: "2090-01-01T09:00:00Z", recurrencePattern: "daily" },
      ],
    },
    // The last is the first instance of the one before.
    events: [1, 2, 3, 4, 5, 6].map((i) => `task.created task TASK-00${i}`),
  },
  updateTask: { input: { taskId: "TASK-001", title: "New title" }, events: ["task.updated task TASK-001"] },
  addDependency: {
    input: { projectId: "alpha", taskId: "TASK-004", dependsOn: { taskId: "TASK-003" } },
    events: ["task.blocked task TASK-004", "task.dependency_added task TASK-004"],
  },
  removeDependency: {
    input: { projectId: "alpha", taskId: "TASK-004", dependsOn: { taskId: "TASK-003" } },
    events: ["task.unblocked task TASK-004", "task.dependency_removed task TASK-004"],
  },
  claimNextTask: { input: { projectId: "alpha" }, events: ["task.claimed task TASK-001"] },
  renewTaskLease: {
    input: { taskId: "TASK-001", checkpoint: { step: 1 } },
    events: ["task.checkpointed task TASK-001"],
  },
  completeAndClaimNext: {
    input: { taskId: "TASK-001" },
    events: ["task.completed task TASK-001", "task.claimed task TASK-002"],
  },
  releaseTask: { input: { taskId: "TASK-002" }, events: ["task.released task TASK-002"] },
  parkTask: { input: { taskId: "TASK-002", reason: "to be decided" }, events: ["task.parked task TASK-002"] },
  unparkTask: { input: { taskId: "TASK-002" }, events: ["task.unparked task TASK-002"] },
  skipOccurrence: {
    input: { projectId: "alpha", taskId: "TASK-005", date: "2090-01-03" },
    events: ["task.occurrence_skipped task TASK-005"],
  },
  pauseRecurrence: {
    input: { projectId: "alpha", taskId: "TASK-005" },
    events: ["task.recurrence_paused task TASK-005"],
  },
  resumeRecurrence: {
    input: { projectId: "alpha", taskId: "TASK-005" },
    events: ["task.recurrence_resumed task TASK-005"],
  },
  updateTasks: {
    input: { filter: { projects: ["alpha"], status: { eq: "PENDING" } }, set: { priority: 1 } },
    events: ["TASK-002", "TASK-003", "TASK-004", "TASK-006"].map((taskId) => `task.updated task ${taskId}`),
  },
  moveInQueue: { input: { taskId: "TASK-003", first: true }, events: ["task.updated task TASK-003"] },
  acknowledgeReminder: {
    input: { reminderId: NEW },
    events: ["task.reminder.acknowledged task TASK-003"],
  },
  updateTaskStatus: { input: { taskId: "TASK-003", status: "IN_PROGRESS" }, events: ["task.claimed task TASK-003"] },
  deleteTask: { input: { taskId: "TASK-004" }, events: ["task.deleted task TASK-004"] },
  restoreTask: { input: { projectId: "alpha", taskId: "TASK-004" }, events: ["task.restored task TASK-004"] },
  revertChanges: {
    input: { projectId: "alpha", client: "robot", since: "-PT1H" },
    prepare: `INSERT INTO event_inbox (event_type, project_id, subject_type, subject_id, actor, client, payload)
      SELECT 'task.updated', 'alpha', 'task', 'TASK-001', 'x', 'robot',
        jsonb_build_object('changes', jsonb_build_object('title', jsonb_build_object('old', 'Old', 'new', title)))
      FROM tasks WHERE task_id = 'TASK-001' AND $1::text IS NULL`,
    events: ["task.updated task TASK-001"],
  },
  reserveIds: {
    input: { projectId: "alpha", artifactType: "US", count: 3 },
    events: ["ids.reserved reservation *"],
  },
  extendReservation: { input: { reservationId: NEW, ttlSeconds: 3600 }, events: ["ids.extended reservation *"] },
  confirmReservation: { input: { reservationId: NEW }, events: ["ids.confirmed reservation *"] },
  releaseReservation: { input: { reservationId: NEW }, events: ["ids.released reservation *"] },
  releaseExpiredReservations: {
    input: { projectId: "alpha" },
    prepare: `WITH sequence AS (INSERT INTO id_registry (namespace, artifact_type, last_assigned_id) VALUES ('alpha', 'ADR', 1))
      INSERT INTO id_reservations (namespace, artifact_type, project_id, numbers, reserved_at, expires_at)
      SELECT 'alpha', 'ADR', 'alpha', '{[1,2)}', docket_now() - interval '1 hour', docket_now() - interval '1 minute'
      WHERE $1::text IS NULL`,
    events: ["ids.expired reservation *"],
    toldByServer: true,
  },
  takeId: { input: { projectId: "alpha", artifactType: "US" }, events: ["ids.assigned artifact_id *"] },
  nextId: { input: { projectId: "alpha", artifactType: "US" }, events: ["ids.assigned artifact_id *"] },
  registerIds: { input: { projectId: "alpha", ids: ["US-100"] }, events: ["ids.registered project alpha"] },
  voidIds: {
    input: { projectId: "alpha", artifactType: "US", ids: ["US-100"], reason: "a slip" },
    events: ["ids.voided project alpha"],
  },
  createVendor: {
    input: { projectId: "alpha", name: "Acme", status: "OPERATIONAL" },
    events: ["vendor.created vendor *"],
  },
  updateVendor: { input: { projectId: "alpha", name: "acme", status: "BROKEN" }, events: ["vendor.updated vendor *"] },
  recordDeployment: {
    input: {
      ...{
        projectId: "alpha",
        commitHash: "0123456789".repeat(4),
        prNumber: 100,
        prTitle: "OCR",
        testSummary: { unit: 12 },
      },
      ...{ constitutionalCompliance: true, vendors: ["ACME"], tasks: ["TASK-001"] },
    },
    events: ["deployment.recorded deployment *"],
  },
  updateProjectConfiguration: {
    input: { projectId: "alpha", activeContextType: "RESEARCH", currentSession: "TASK-002" },
    events: ["configuration.updated configuration alpha"],
  },
  createEnhancement: {
    input: { projectId: "alpha", title: "OCR", description: "Read images" },
    events: ["enhancement.created enhancement *"],
  },
  updateEnhancement: {
    input: { projectId: "alpha", enhancementId: NEW, status: "APPROVED" },
    events: ["enhancement.updated enhancement *"],
  },
  createApiKey: { input: { name: "key", role: "READER" }, events: ["key.created api_key *"] },
  rotateApiKey: {
    input: { keyId: NEW, overlapSeconds: 60 },
    events: ["key.created api_key *", "key.rotated api_key *"],
  },
  revokeApiKey: { input: { keyId: NEW }, events: ["key.revoked api_key *"] },
  createWebhook: { input: { url: "https://hooks.example/" }, events: ["webhook.created webhook *"] },
  pauseWebhook: { input: { webhookId: NEW }, events: ["webhook.paused webhook *"] },
  resumeWebhook: {
    input: { webhookId: NEW },
    prepare: "UPDATE webhooks SET paused_at = docket_now() WHERE webhook_id = $1",
    events: ["webhook.resumed webhook *"],
  },
  rotateWebhookSecret: { input: { webhookId: NEW }, events: ["webhook.secret_rotated webhook *"] },
  replayWebhookDeliveries: {
    input: { webhookId: NEW, allDead: true },
    prepare: `INSERT INTO webhook_deliveries (webhook_id, position, event_id, event_type, project_id, subject_type,
        subject_id, status, ended_at)
      SELECT $1, position, event_id, event_type, project_id, subject_type, subject_id, 'dead', docket_now()
      FROM events WHERE position = 1`,
    events: ["webhook.deliveries_replayed webhook *"],
  },
  deleteWebhook: { input: { webhookId: NEW }, events: ["webhook.deleted webhook *"] },
  pauseProject: {
    input: { projectId: "alpha", reason: "quota" },
    events: ["project.paused project alpha"],
  },
  resumeProject: { input: { projectId: "alpha" }, events: ["project.resumed project alpha"] },
  archiveProject: { input: { projectId: "alpha" }, events: ["project.archived project alpha"] },
  unarchiveProject: { input: { projectId: "alpha" }, events: ["project.unarchived project alpha"] },
};

/** The name of a type that belongs to a mutation, without its ending. */
export const typeNameOf = (type: string) => (type[0] ?? "").toUpperCase() + type.slice(1);

/** Each example with an idempotency key, to be sent before the next one is asked for. */
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
  const addEnhancement = async () => {
    const { createEnhancement } = await server.ask<{ createEnhancement: { enhancement: { enhancementId: string } } }>(
      'mutation { createEnhancement(input: {projectId: "alpha", title: "a", description: "b"}) { enhancement { enhancementId } } }',
      {},
      asking,
    );
    return createEnhancement.enhancement.enhancementId;
  };
  /** One that was triggered. */
  const addReminder = async () => {
    const dueDate = new Date(Date.now() + 3_600_000).toISOString();
    const { updateTask } = await server.ask<{ updateTask: { task: { reminders: { reminderId: string }[] } } }>(
      `mutation { updateTask(input: {projectId: "alpha", taskId: "TASK-003", dueDate: "${dueDate}", reminderOffset: "1 day"}) {
         task { reminders { reminderId } } } }`,
      {},
      asking,
    );
    await triggerReminders({ db: server.database, viewer: SERVER, correlationId: "reminders" });
    return updateTask.task.reminders[0]?.reminderId;
  };
  for (const [name, example] of Object.entries(EXAMPLES)) {
    const input: Record<string, unknown> = { ...example.input, idempotencyKey: `key of ${name}` };
    if ("reservationId" in input) input["reservationId"] = await reserve();
    if ("webhookId" in input) input["webhookId"] = await makeWebhook();
    if ("enhancementId" in input) input["enhancementId"] = await addEnhancement();
    if ("reminderId" in input) input["reminderId"] = await addReminder();
    if ("keyId" in input) input["keyId"] = (await server.makeKey({})).keyId;
    yield {
      name,
      example,
      input,
      document: `mutation ($input: ${typeNameOf(name)}Input!) { ${name}(input: $input) { replayed } }`,
    };
  }
}
