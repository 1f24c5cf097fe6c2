import { connectOwner, type Owner } from "../support/owner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

/** What a limited key sees, and all of it. */
export const SEEN = "alpha";

/** What it must never see. Everything about this project has "hidden" in it somewhere. */
export const HIDDEN = "hidden-project";

/** One thing that exists only there, and one that exists nowhere. */
export interface Pair {
  readonly foreign: string;
  readonly unknown: string;
  /** What of it an answer may repeat alone. */
  readonly parts?: readonly Pair[];
}

export interface World {
  readonly server: TestServer;
  readonly owner: Owner;
  /** Secrets of keys that are limited to SEEN, by role. */
  readonly limited: Readonly<Record<"admin" | "agent" | "reader", string>>;
  /** Values of SEEN for arguments, by their name. */
  readonly own: Readonly<Record<string, string>>;
  /** Global ids of SEEN's objects. */
  readonly ownNodes: readonly string[];
  /** Closed by itself when the test ends. */
  close(): Promise<void>;
}

/** @param options keepOpen: left for the caller to close, for `beforeAll`. */
export async function startWorld(options: { readonly keepOpen?: boolean } = {}): Promise<World> {
  // Without jobs: nothing is to change while answers are compared.
  const server = await startTestServer({ ...options, env: { DOCKET_JOBS: "none" } });
  const owner = await connectOwner(server.test, options);
  const made = await fill(server, SEEN, "seen", "SEEN");
  const delivered = await deliver(owner, made.webhookId);
  const keyIn = async (role: "admin" | "agent" | "reader") =>
    (await server.makeKey({ name: `limited ${role}`, role, projectIds: [SEEN] })).secret;
  return {
    server,
    owner,
    limited: { admin: await keyIn("admin"), agent: await keyIn("agent"), reader: await keyIn("reader") },
    own: {
      projectId: SEEN,
      taskId: "TASK-001",
      reservationId: made.reservationId,
      keyId: made.keyId,
      webhookId: made.webhookId,
      deploymentId: made.deploymentId,
      enhancementId: made.enhancementId,
      reminderId: made.reminderId,
    },
    ownNodes: [...made.nodes, deliveryNode(made.webhookId, delivered)],
    async close() {
      await owner.end();
      await server.close();
    },
  };
}

/** What hides: found by the kind of thing that an argument names. */
export interface Hidden {
  readonly pairs: Readonly<Record<string, readonly Pair[]>>;
  /** Texts of which none may be in any answer. */
  readonly needles: readonly string[];
  /** A place within the hidden things, for lists and for the log. */
  readonly cursors: readonly string[];
}

const UNKNOWN_UUID = "00000000-0000-4000-8000-000000000000";

/** Makes the other project, with tasks of its own IDs and of those that SEEN has as well. */
export async function hide({ server, owner }: World): Promise<Hidden> {
  const made = await fill(server, HIDDEN, "hidden", "HIDDEN");
  await server.ask(`mutation { registerIds(input: {projectId: "${HIDDEN}", ids: ["US-801"]}) { replayed } }`);
  const wide = await server.makeKey({ name: "hidden wide", role: "agent", projectIds: [SEEN, HIDDEN] });
  const unlimited = await server.makeKey({ name: "hidden unlimited", role: "reader" });
  const wideWebhook = await makeWebhook(server, "hidden-wide", [SEEN, HIDDEN]);
  const unlimitedWebhook = await makeWebhook(server, "hidden-unlimited", null);
  const webhooks = [made.webhookId, wideWebhook, unlimitedWebhook];
  const delivered = await deliver(owner, made.webhookId);
  for (const webhookId of [wideWebhook, unlimitedWebhook]) await deliver(owner, webhookId);
  const nodes = [...made.nodes, deliveryNode(made.webhookId, delivered)];
  const { viewer } = await server.ask<{ viewer: { actor: string } }>("{ viewer { actor } }", {}, { key: made.key });
  const { rows } = await owner.query<{ attempt: string; secret: string }>(
    "SELECT attempt || '-' || secret AS attempt, secret FROM task_attempts WHERE project_id = $1",
    [HIDDEN],
  );
  const { attempt = "", secret = "" } = rows[0] ?? {};
  const unknownNode = (id: string) =>
    Buffer.from(
      Buffer.from(id, "base64")
        .toString()
        .replace(HIDDEN, "absent-project")
        .replace("HIDDEN", "ABSENT")
        .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, UNKNOWN_UUID)
        .replace(/^(Event:).*/, `$1${"A".repeat(22)}`),
    ).toString("base64");
  const uuids = [
    made.reservationId,
    made.keyId,
    wide.keyId,
    unlimited.keyId,
    ...webhooks,
    ...delivered,
    made.deploymentId,
    made.reminderId,
  ];
  const project = { foreign: HIDDEN, unknown: "absent-project" };
  const task = { foreign: "HIDDEN-777", unknown: "ABSENT-777" };
  const named = (taskId: Pair): Pair => ({
    foreign: `${HIDDEN}/${taskId.foreign}`,
    unknown: `absent-project/${taskId.unknown}`,
    parts: [project, taskId],
  });
  return {
    pairs: {
      project: [project],
      task: [task],
      dependency: [named(task), named({ foreign: "TASK-001", unknown: "TASK-001" }), task],
      reservation: [{ foreign: made.reservationId, unknown: UNKNOWN_UUID }],
      key: [made.keyId, wide.keyId, unlimited.keyId].map((foreign) => ({ foreign, unknown: UNKNOWN_UUID })),
      webhook: webhooks.map((foreign) => ({ foreign, unknown: UNKNOWN_UUID })),
      vendor: [{ foreign: made.vendor, unknown: "absent vendor" }],
      reminder: [{ foreign: made.reminderId, unknown: UNKNOWN_UUID }],
      enhancement: [{ foreign: made.enhancementId, unknown: UNKNOWN_UUID }],
      deployment: [{ foreign: made.deploymentId, unknown: UNKNOWN_UUID }],
      attempt: [{ foreign: attempt, unknown: "1-000000000000" }],
      event: delivered.slice(0, 1).map((foreign) => ({ foreign, unknown: UNKNOWN_UUID })),
      node: nodes.map((foreign) => ({ foreign, unknown: unknownNode(foreign) })),
      artifact: [{ foreign: "US-801", unknown: "US-802" }],
      namespace: [{ foreign: HIDDEN, unknown: "absent-project" }],
      type: [{ foreign: "HIDDEN", unknown: "ABSENT" }],
      word: [{ foreign: "hidden", unknown: "absent" }],
      string: [
        { foreign: "hidden-worker", unknown: "ABSENT" },
        { foreign: "HIDDEN", unknown: "ABSENT" },
      ],
      label: [{ foreign: "hidden-label", unknown: "absent-label" }],
      actor: [{ foreign: viewer.actor, unknown: "dk_00000000/absent" }],
    },
    needles: ["hidden", secret, ...uuids, ...nodes.map((node) => node.toLowerCase())],
    cursors: [...made.cursors, ...delivered.slice(-1)],
  };
}

/** The global id of the first of a webhook's deliveries. */
const deliveryNode = (webhookId: string, [eventId]: readonly string[]) =>
  Buffer.from(`WebhookDelivery:${webhookId}/${eventId}`).toString("base64");

/** A project in which there is some of everything, made by an agent of its own. */
async function fill(server: TestServer, projectId: string, word: string, type: string) {
  const asAdmin = { key: server.adminKey };
  await server.ask(
    "mutation ($input: CreateProjectInput!) { createProject(input: $input) { replayed } }",
    { input: { projectId, name: `The ${word} name`, artifactTypes: [type] } },
    asAdmin,
  );
  const key = await server.makeKey({ name: `${word} key`, projectIds: [projectId] });
  const asking = { key: key.secret, client: `${word}-client` };
  const task = { labels: [`${word}-label`], contextNotes: `${word} notes`, branchName: `${word}-branch` };
  const reminding = { dueDate: "2999-01-01T00:00:00Z", reminderOffset: "1 hour" };
  await server.ask(
    "mutation ($input: AddTasksInput!) { addTasks(input: $input) { taskIds } }",
    {
      input: {
        projectId,
        worker: `${word}-worker`,
        tasks: [
          ...["TASK-001", "TASK-002"].map((taskId) => ({ ...task, taskId, description: `${word} pending` })),
          { ...task, taskId: "TASK-003", description: `${word} held`, status: "IN_PROGRESS" },
          { ...task, taskId: "TASK-004", description: `${word} done`, status: "COMPLETED" },
          {
            ...task,
            taskId: "TASK-005",
            description: `${word} again`,
            dueDate: "2030-01-01T09:00:00Z",
            recurrencePattern: "daily",
          },
          {
            ...task,
            taskId: `${type}-777`,
            description: `${word} own`,
            title: `${word} title`,
            artifactId: "US-777",
            ...reminding,
          },
        ],
      },
    },
    asking,
  );
  await server.ask(
    `mutation ($projectId: ID!) {
      renewTaskLease(input: {projectId: $projectId, taskId: "TASK-003", checkpoint: {step: "${word}"}}) { attempt }
      updateTask(input: {projectId: $projectId, taskId: "TASK-002", title: "${word} new title"}) { replayed }
    }`,
    { projectId },
    asking,
  );
  const { reserveIds } = await server.ask<{ reserveIds: { reservation: { id: string; reservationId: string } } }>(
    `mutation ($projectId: ID!, $type: String!) {
      reserveIds(input: {projectId: $projectId, artifactType: $type, count: 5, branch: "${word}-branch", taskId: "TASK-001"}) { reservation { id reservationId } }
      takeId(input: {projectId: $projectId, artifactType: "US"}) { id }
    }`,
    { projectId, type },
    asking,
  );
  const vendor = `${word} vendor`;
  const { createEnhancement, updateProjectConfiguration, recordDeployment } = await server.ask<{
    createEnhancement: { enhancement: { id: string; enhancementId: string } };
    updateProjectConfiguration: { configuration: { id: string } };
    recordDeployment: { deployment: { id: string; deploymentId: string } };
  }>(
    `mutation ($projectId: ID!, $vendor: String!, $taskId: ID!) {
      createVendor(input: {projectId: $projectId, name: $vendor, status: OPERATIONAL}) { replayed }
      createEnhancement(input: {projectId: $projectId, title: "${word} title", description: "${word}"}) { enhancement { id enhancementId } }
      updateProjectConfiguration(input: {projectId: $projectId, gitBranch: "${word}-branch"}) { configuration { id } }
      recordDeployment(input: {projectId: $projectId, commitHash: "${"a".repeat(40)}", prNumber: 1, prTitle: "${word} title",
        testSummary: {${word}: 1}, constitutionalCompliance: true, vendors: [$vendor], tasks: [$taskId]}) { deployment { id deploymentId } }
    }`,
    { projectId, vendor, taskId: `${type}-777` },
    asking,
  );
  const webhookId = await makeWebhook(server, word, [projectId]);
  const found = await server.ask<{
    project: { id: string };
    task: { id: string };
    tasks: { pageInfo: { endCursor: string } };
    reservations: { pageInfo: { endCursor: string } };
    apiKeys: { nodes: { id: string; keyId: string }[] };
    webhooks: { nodes: { id: string; webhookId: string }[] };
    held: { attempts: { id: string }[] };
    reminders: { nodes: { id: string; reminderId: string }[]; pageInfo: { endCursor: string } };
    vendors: { nodes: { id: string }[]; pageInfo: { endCursor: string } };
    events: { events: { id: string }[] };
    logCursor: string;
  }>(
    `query ($projectId: ID!, $taskId: ID!) {
      project(projectId: $projectId) { id }
      task(projectId: $projectId, taskId: $taskId) { id }
      tasks(filter: {projects: [$projectId]}, first: 2) { pageInfo { endCursor } }
      reservations(filter: {projects: [$projectId]}, first: 1) { pageInfo { endCursor } }
      apiKeys { nodes { id keyId } }
      webhooks { nodes { id webhookId } }
      held: task(projectId: $projectId, taskId: "TASK-003") { attempts { id } }
      reminders(projectId: $projectId) { nodes { id reminderId } pageInfo { endCursor } }
      vendors(projectId: $projectId) { nodes { id } pageInfo { endCursor } }
      events(filter: {projects: [$projectId]}, first: 1) { events { id } }
      logCursor
    }`,
    { projectId, taskId: `${type}-777` },
    asAdmin,
  );
  const webhookNode = found.webhooks.nodes.find((webhook) => webhook.webhookId === webhookId)?.id ?? "";
  const keyNode = found.apiKeys.nodes.find(({ keyId }) => keyId === key.keyId)?.id ?? "";
  return {
    key: key.secret,
    keyId: key.keyId,
    reservationId: reserveIds.reservation.reservationId,
    webhookId,
    vendor,
    enhancementId: createEnhancement.enhancement.enhancementId,
    deploymentId: recordDeployment.deployment.deploymentId,
    reminderId: found.reminders.nodes[0]?.reminderId ?? "",
    nodes: [
      ...[found.project.id, found.task.id, reserveIds.reservation.id, keyNode, webhookNode],
      ...[...found.held.attempts, ...found.events.events, ...found.vendors.nodes, ...found.reminders.nodes].map(
        ({ id }) => id,
      ),
      ...[
        createEnhancement.enhancement.id,
        updateProjectConfiguration.configuration.id,
        recordDeployment.deployment.id,
      ],
    ],
    cursors: [
      found.tasks.pageInfo.endCursor,
      found.reservations.pageInfo.endCursor,
      found.vendors.pageInfo.endCursor,
      found.reminders.pageInfo.endCursor,
      found.logCursor,
    ],
  };
}

async function makeWebhook(server: TestServer, word: string, projectIds: readonly string[] | null): Promise<string> {
  const { createWebhook } = await server.ask<{ createWebhook: { webhook: { webhookId: string } } }>(
    "mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { webhookId } } }",
    { input: { url: `https://${word}.example/`, projectIds } },
    { key: server.adminKey },
  );
  return createWebhook.webhook.webhookId;
}

/**
 * Fills the webhook's delivery log with all that has happened in its projects so far, in each status, as if it had been
 * sent once. @returns the event ids.
 */
async function deliver(owner: Owner, webhookId: string): Promise<string[]> {
  await owner.query("SELECT drain()");
  const { rows } = await owner.query<{ event_id: string }>(
    `WITH made AS (
       INSERT INTO webhook_deliveries (webhook_id, position, event_id, event_type, project_id, subject_type, subject_id,
         attempts, status, next_attempt_at, ended_at)
       SELECT w.webhook_id, e.position, e.event_id, e.event_type, e.project_id, e.subject_type, e.subject_id, 1,
         s.status, CASE WHEN s.status = 'pending' THEN docket_now() END, CASE WHEN s.status <> 'pending' THEN docket_now() END
       FROM webhooks w JOIN events e ON w.project_ids IS NULL OR e.project_id = ANY (w.project_ids)
         CROSS JOIN LATERAL (SELECT (ARRAY['pending', 'delivered', 'dead'])[1 + e.position % 3] AS status) s
       WHERE w.webhook_id = $1 RETURNING webhook_id, position, event_id)
     SELECT event_id FROM made ORDER BY position`,
    [webhookId],
  );
  await owner.query(
    `INSERT INTO webhook_attempts (webhook_id, position, attempt, started_at, duration_ms, status_code, error, response)
     SELECT webhook_id, d.position, 1, docket_now(), 5, 500, 'HTTP 500', 'from ' || w.url
     FROM webhook_deliveries d JOIN webhooks w USING (webhook_id) WHERE webhook_id = $1`,
    [webhookId],
  );
  return rows.map(({ event_id }) => event_id);
}
