import { expect, it } from "vitest";
import { needNats, readerOf } from "../delivery/bus/bus-test.ts";
import { startEndpoint } from "../delivery/webhooks/endpoint.ts";
import { eventually } from "../support/eventually.ts";
import { makeNatsServer } from "../support/nats-server.ts";
import { connectOwner } from "../support/owner.ts";
import { startTestServer } from "../support/server.ts";

needNats();

const TYPE = "task.reminder.triggered";

it("a reminder that is triggered reaches the bus and a webhook once each, with all that it says", async () => {
  const nats = await makeNatsServer();
  const server = await startTestServer({
    env: {
      DOCKET_JOBS: "reminders,webhooks,bus",
      DOCKET_NATS_URL: nats.url,
      DOCKET_WEBHOOK_PRIVATE_NETWORKS: "127.0.0.0/8",
    },
  });
  const endpoint = await startEndpoint();
  const owner = await connectOwner(server.test);
  await server.ask(
    `mutation { createWebhook(input: {url: "${endpoint.url}", types: ["${TYPE}"]}) { secret } }`,
    {},
    { key: server.adminKey },
  );
  const { rows } = await owner.query<{ due: Date }>("SELECT docket_now() + interval '2 hours' AS due");
  const dueDate = rows[0]?.due ?? new Date();
  const { added } = await server.ask<{ added: { tasks: { reminders: { reminderId: string }[] }[] } }>(
    `mutation { added: addTasks(input: {projectId: "alpha", createProject: true, tasks: [
       {description: "Report", dueDate: "${dueDate.toISOString()}", reminders: [{offset: "1 hour"}]}]}) { tasks { reminders { reminderId } } } }`,
  );
  await owner.pass(3_600);
  const stored = async () =>
    (await readerOf(nats).messages(1)).map(({ event }) => event).filter(({ type }) => type.endsWith(TYPE));
  await eventually(async () => {
    expect(await stored()).toHaveLength(1);
    expect(endpoint.received).toHaveLength(1);
  });
  const payload = {
    reminderId: added.tasks[0]?.reminders[0]?.reminderId,
    reminderType: "due_date_reminder",
    offset: "1 hour",
    title: "Report",
    changes: { reminderStatus: { old: "PENDING", new: "TRIGGERED" } },
  };
  const [onBus] = await stored();
  for (const event of [onBus, endpoint.received[0]?.event]) {
    expect(event).toMatchObject({ specversion: "1.0", subject: "task/TASK-001", data: { payload } });
    const said = event?.data.payload ?? {};
    expect(new Date(String(said["dueDate"]))).toEqual(dueDate);
    expect(new Date(String(said["triggerAt"])).getTime()).toBe(dueDate.getTime() - 3_600_000);
  }
  // The same event by both.
  expect(onBus?.id).toBe(endpoint.received[0]?.event.id);
});
