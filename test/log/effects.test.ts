import { expect, test } from "vitest";
import { SERVER } from "../../src/access/viewer.ts";
import { EVENTS } from "../../src/event-types.ts";
import { remind } from "../../src/schedule/due.ts";
import { archiveSettled } from "../../src/tasks/archive.ts";
import { expireLeases } from "../../src/tasks/expire-leases.ts";
import { tellStalled } from "../../src/tasks/stalled.ts";
import { connectOwner } from "../support/owner.ts";
import { startTestServer } from "../support/server.ts";

interface Told {
  readonly type: string;
  readonly subjectType: string;
  readonly subjectId: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly changes: readonly { readonly field: string; readonly old: unknown; readonly new: unknown }[];
  /** As it is now; null where it is gone. */
  readonly subject: Readonly<Record<string, unknown>> | null;
}

const SUBJECT = `subject {
  ... on Task { taskStatus: status failures readyAt parkedAt parkedReason title dueDate reminderOffsets reminderOffset reminderStatus claimedBy startedAt completedAt completionNotes leaseExpiresAt attemptCount deletedAt recurrencePattern recurrencePausedAt catchUp }
  ... on Reservation { reservationStatus: status ids expiresAt confirmedAt releasedAt }
  ... on Project { name archivedAt pausedAt pauseReason pausedUntil budgetSpentUntil }
  ... on Vendor { vendorStatus: status extractorVersion }
  ... on ProjectConfiguration { activeContextType currentSession gitBranch defaultTokenBudget }
  ... on Enhancement { enhancementStatus: status targetQuarter requiresConstitutionalPrinciples }
  ... on ApiKey { expiresAt revokedAt }
  ... on Webhook { pausedAt pauseReason oldSecretUntil }
}`;

/** Everything that can happen, in one database. */
async function wholeStory(): Promise<Told[]> {
  const server = await startTestServer();
  const owner = await connectOwner(server.test);
  const act = async <Done = unknown>(mutation: string) => {
    const answer = await server.ask<{ done: Done }>(`mutation { done: ${mutation} }`, {}, { key: server.adminKey });
    return answer.done;
  };
  const of = 'projectId: "alpha"';
  const first = `${of}, taskId: "TASK-001"`;

  await act(`createProject(input: {${of}, name: "Alpha"}) { replayed }`);
  await act(`updateProject(input: {${of}, name: "Beta"}) { replayed }`);
  await act(`pauseProject(input: {${of}, reason: "quota"}) { replayed }`);
  await act(`resumeProject(input: {${of}}) { replayed }`);
  await act(`updateProject(input: {${of}, budget: {costUsd: 1, per: DAY}}) { replayed }`);
  await act(`archiveProject(input: {${of}}) { replayed }`);
  await act(`unarchiveProject(input: {${of}}) { replayed }`);

  await act(`addTasks(input: {${of}, tasks: [{description: "a"}]}) { replayed }`);
  for (const worker of ["anna", "ben"]) {
    await act(`claimNextTask(input: {${of}, worker: "${worker}", leaseSeconds: 60}) { attempt }`);
    await owner.pass(61);
  }
  await expireLeases({ db: server.database, viewer: SERVER, correlationId: "sweep" });
  await owner.pass(16);
  await act(`claimNextTask(input: {${of}, worker: "carl"}) { attempt }`);
  await act(
    `renewTaskLease(input: {${first}, leaseSeconds: 900, checkpoint: {step: 1}, usage: {costUsd: 1}}) { replayed }`,
  );
  await act(`updateProject(input: {${of}, budget: null}) { replayed }`);
  await act(`updateProject(input: {${of}, stalledAfterSeconds: 60}) { replayed }`);
  // A renewal would leave no event of the lease that it changes.
  await owner.query("UPDATE task_attempts SET last_renewed_at = last_active_at + interval '1 second'");
  await owner.pass(60);
  await tellStalled({ db: server.database, viewer: SERVER, correlationId: "sweep" });
  await act(`releaseTask(input: {${first}, notes: "tired"}) { replayed }`);
  await act(`releaseTask(input: {${first}, notes: "asleep", checkpoint: {step: 2}}) { replayed }`);
  await act(`updateTask(input: {${first}, title: "New"}) { replayed }`);
  await act(`parkTask(input: {${first}, reason: "to be decided"}) { replayed }`);
  await act(`unparkTask(input: {${first}}) { replayed }`);
  await act(`updateProject(input: {${of}, maxAttempts: 1}) { replayed }`);
  await act(`updateTaskStatus(input: {${first}, status: IN_PROGRESS}) { replayed }`);
  await act(`releaseTask(input: {${first}, outcome: FAILED, notes: "no database"}) { replayed }`);
  await act(`unparkTask(input: {${first}}) { replayed }`);
  await act(`updateTaskStatus(input: {${first}, status: IN_PROGRESS}) { replayed }`);
  await act(`updateTaskStatus(input: {${first}, status: COMPLETED, completionNotes: "done"}) { replayed }`);
  await act(`updateTaskStatus(input: {${first}, status: PENDING, reset: true}) { replayed }`);
  await act(`addTasks(input: {${of}, tasks: [{description: "b"}]}) { replayed }`);
  const second = `${of}, taskId: "TASK-002"`;
  const due = new Date(Date.now() + 7 * 86_400_000).toISOString();
  await act(
    `updateTask(input: {${second}, dueDate: "${due}", reminders: [{offset: "P6D"}, {offset: "PT1H"}]}) { replayed }`,
  );
  await owner.pass(86_400);
  await remind({ db: server.database, viewer: SERVER, correlationId: "sweep" });
  const { rows: triggered } = await owner.query("SELECT reminder_id FROM reminder_schedule WHERE status = 'triggered'");
  await act(`updateTask(input: {${second}, reminderOffset: "P6D"}) { replayed }`);
  await act(`acknowledgeReminder(input: {reminderId: "${triggered[0]?.reminder_id}"}) { replayed }`);
  await act(`addTasks(input: {${of}, tasks: [{taskId: "TASK-900", description: "c", dueDate: "2090-01-01T09:00:00Z",
    recurrencePattern: "daily"}]}) { replayed }`);
  const again = `${of}, taskId: "TASK-900"`;
  await act(`updateTask(input: {${again}, recurrencePattern: "weekly:MON", catchUp: ALL}) { replayed }`);
  await act(`skipOccurrence(input: {${again}, date: "2090-01-09"}) { replayed }`);
  await act(`pauseRecurrence(input: {${again}}) { replayed }`);
  await act(`resumeRecurrence(input: {${again}}) { replayed }`);
  const waits = `${first}, dependsOn: {taskId: "TASK-002"}`;
  await act(`addDependency(input: {${waits}}) { replayed }`);
  await act(`removeDependency(input: {${waits}}) { replayed }`);
  await act(`deleteTask(input: {${first}}) { replayed }`);
  await act(`restoreTask(input: {${first}}) { replayed }`);
  await act(`deleteTask(input: {${first}}) { replayed }`);
  await owner.pass(86_400);
  await archiveSettled({ db: server.database, viewer: SERVER, correlationId: "archive" }, 1);

  const reserved = async (more: string) => {
    const { reservation } = await act<{ reservation: { reservationId: string } }>(
      `reserveIds(input: {${of}, artifactType: "US", ${more}}) { reservation { reservationId } }`,
    );
    return `reservationId: "${reservation.reservationId}"`;
  };
  await reserved("ttlSeconds: 60, count: 2");
  await owner.pass(61);
  const kept = await reserved("count: 3");
  await act(`extendReservation(input: {${kept}, ttlSeconds: 3600}) { replayed }`);
  await act(`registerIds(input: {${of}, ids: ["US-003"]}) { replayed }`);
  await act(`confirmReservation(input: {${kept}, ids: ["US-004"]}) { replayed }`);
  await act(`releaseReservation(input: {${await reserved("count: 1")}}) { replayed }`);
  await act(`takeId(input: {${of}, artifactType: "US"}) { replayed }`);
  await act(`registerIds(input: {${of}, ids: ["US-100"]}) { replayed }`);
  await act(`voidIds(input: {${of}, artifactType: "US", ids: ["US-100"], reason: "a slip"}) { replayed }`);

  await act(`createVendor(input: {${of}, name: "Acme", status: OPERATIONAL}) { replayed }`);
  await act(`updateVendor(input: {${of}, name: "Acme", status: BROKEN, extractorVersion: "1.2.3"}) { replayed }`);
  await act(`recordDeployment(input: {${of}, commitHash: "${"a".repeat(40)}", prNumber: 1, prTitle: "a", testSummary: {},
    constitutionalCompliance: true, vendors: ["Acme"]}) { replayed }`);
  await act(`updateProjectConfiguration(input: {${of}, activeContextType: RESEARCH, gitBranch: "main"}) { replayed }`);
  const { enhancement } = await act<{ enhancement: { enhancementId: string } }>(
    `createEnhancement(input: {${of}, title: "OCR", description: "Read images"}) { enhancement { enhancementId } }`,
  );
  const later = `${of}, enhancementId: "${enhancement.enhancementId}"`;
  await act(`updateEnhancement(input: {${later}, status: APPROVED, targetQuarter: "2026-Q1",
    requiresConstitutionalPrinciples: ["II"]}) { replayed }`);

  const { keyId } = await server.makeKey({});
  await act(`rotateApiKey(input: {keyId: "${keyId}"}) { replayed }`);
  await act(`revokeApiKey(input: {keyId: "${keyId}"}) { replayed }`);

  const hooked = async () => {
    const { webhook } = await act<{ webhook: { webhookId: string } }>(
      'createWebhook(input: {url: "https://hooks.example/"}) { webhook { webhookId } }',
    );
    return webhook.webhookId;
  };
  const webhookId = await hooked();
  const hook = `webhookId: "${webhookId}"`;
  await act(`pauseWebhook(input: {${hook}}) { replayed }`);
  await act(`resumeWebhook(input: {${hook}}) { replayed }`);
  await act(`rotateWebhookSecret(input: {${hook}}) { replayed }`);
  await owner.query(
    `INSERT INTO webhook_deliveries (webhook_id, position, event_id, event_type, project_id, subject_type, subject_id,
       status, ended_at)
     SELECT $1, position, event_id, event_type, project_id, subject_type, subject_id, 'dead', docket_now()
     FROM events WHERE position = 1`,
    [webhookId],
  );
  await act(`replayWebhookDeliveries(input: {${hook}, allDead: true}) { replayed }`);
  await act(`deleteWebhook(input: {webhookId: "${await hooked()}"}) { replayed }`);

  const story: Told[] = [];
  for (let after: string | null = null, caughtUp = false; !caughtUp; ) {
    const { events }: { events: { caughtUp: boolean; cursor: string; events: Told[] } } = await server.ask(
      `query ($after: String) { events(first: 100, after: $after) {
        caughtUp cursor events { type subjectType subjectId payload changes { field old new } ${SUBJECT} }
      } }`,
      { after },
      { key: server.adminKey },
    );
    story.push(...events.events);
    ({ cursor: after, caughtUp } = events);
  }
  return story;
}

/** One instant is written in two ways: the API has milliseconds, the database's documents microseconds. */
const plain = (value: unknown) =>
  typeof value === "string" && /^\d{4}-\d{2}-\d{2}T/.test(value) ? Date.parse(value) : value;

test("tells of everything that can happen what it made, ended, or changed from what to what, so that it can be undone", async () => {
  const story = await wholeStory();
  for (const { type, effect } of EVENTS) {
    const events = story.filter((event) => event.type === type);
    expect([type, events.length > 0]).toEqual([type, true]);
    for (const { payload, changes } of events) {
      expect([type, Object.keys(payload)]).not.toEqual([type, []]);
      if (effect === "changes") expect([type, changes]).not.toEqual([type, []]);
      if (effect === "creates" || effect === "tells") expect([type, changes]).toEqual([type, []]);
    }
  }

  const ofSubjects = Map.groupBy(story, ({ subjectType, subjectId }) => `${subjectType} ${subjectId}`);
  expect(ofSubjects.size).toBeGreaterThan(10);
  for (const [subject, events] of ofSubjects) {
    const { taskStatus, reservationStatus, vendorStatus, enhancementStatus, ...now } = { ...events[0]?.subject };
    const status = taskStatus ?? reservationStatus ?? vendorStatus ?? enhancementStatus;
    const state = new Map<string, unknown>(Object.entries({ ...now, ...(status !== undefined && { status }) }));
    for (const { type, changes } of events.toReversed())
      for (const { field, old, new: became } of changes) {
        if (state.has(field))
          expect([subject, type, field, plain(state.get(field))]).toEqual([subject, type, field, plain(became)]);
        state.set(field, old);
      }
    const { task, project, vendor, enhancement, ...rest } = { ...events[0]?.payload };
    const created = Object.entries({ ...((task ?? project ?? vendor ?? enhancement ?? rest) as object) });
    for (const [field, value] of created)
      if (state.has(field)) expect([subject, field, plain(state.get(field))]).toEqual([subject, field, plain(value)]);
  }
});
