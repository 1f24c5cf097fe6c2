import { expect, it, onTestFinished } from "vitest";
import { readConfig } from "../../src/config/config.ts";
import { openDatabase } from "../../src/db/database.ts";
import { createWebhook } from "../../src/delivery/webhooks/create.ts";
import { reserveIds } from "../../src/ids/reserve.ts";
import { startJobs } from "../../src/jobs/jobs.ts";
import { claimNextTask } from "../../src/tasks/claim-next.ts";
import { startEndpoint, status } from "../delivery/webhooks/endpoint.ts";
import { ManualClock } from "../log/manual-clock.ts";
import { silent } from "../log/open-log.ts";
import { commit, contextOf, startLog, taskEvent } from "../log/test-log.ts";
import { passTime } from "../support/owner.ts";

it("asks the database a few times a minute while there is nothing to do, and does in time what comes", async () => {
  const { database, log, owner, test } = await startLog();
  const endpoint = await startEndpoint(status(500));
  const admin = contextOf(database);
  await createWebhook(admin, { url: endpoint.url, types: ["task.updated"] });
  await owner.query("INSERT INTO tasks (project_id, task_id, description) VALUES ('alpha', 'TASK-001', 'work')");
  await log.cursor();

  // Connections of their own: what they ask is theirs.
  const own = openDatabase({ url: test.url, size: 5, applicationName: "docket jobs" });
  let asked = 0;
  own.pool.on("acquire", () => void asked++);
  const clock = new ManualClock();
  const config = readConfig({ DOCKET_WEBHOOK_PRIVATE_NETWORKS: "127.0.0.0/8" });
  const jobs = await startJobs({ database: own, log, logger: silent, config }, clock);
  onTestFinished(async () => {
    await jobs.close();
    await own.close();
  });
  const loops = (await jobs.state()).flatMap(({ steps }) => steps).length;
  const minute = async () => {
    asked = 0;
    for (let second = 0; second < 60; second++) {
      await clock.advance(1_000);
      await expect.poll(() => clock.pending, { interval: 1 }).toBe(loops);
    }
    return asked;
  };
  // What is asked at the start is over with the first.
  await minute();
  for (let n = 0; n < 3; n++) expect(await minute()).toBeLessThanOrEqual(10);

  const told = async () => {
    const { rows } = await owner.query<{ event_type: string }>(
      "SELECT event_type FROM events WHERE event_type IN ('task.lease_expired', 'ids.expired') ORDER BY 1",
    );
    return rows.map(({ event_type }) => event_type);
  };
  // All have just looked.
  await passTime(owner, 0);
  await expect.poll(() => clock.timersBeyond(20_000)).toBe(loops);
  await claimNextTask(admin, { projectId: "alpha", leaseSeconds: 20 });
  await reserveIds(admin, { projectId: "alpha", artifactType: "US", count: 1, ttlSeconds: 20 });
  // A timer tells of each end.
  await expect.poll(() => clock.timersBeyond(20_000)).toBe(loops - 2);
  expect(await told()).toEqual([]);
  await passTime(owner, 20);
  await expect.poll(told).toEqual(["ids.expired", "task.lease_expired"]);

  await commit(database, taskEvent("alpha", "TASK-001"));
  await expect.poll(() => endpoint.received).toHaveLength(1);
  await expect.poll(async () => (await owner.query("SELECT FROM webhook_attempts")).rowCount).toBe(1);
  // It is tried again after 5 seconds, a fifth more or less.
  await expect.poll(() => clock.timersBeyond(6_000)).toBe(loops - 1);
  await passTime(owner, 6);
  await expect.poll(() => endpoint.received).toHaveLength(2);
});
