import { expect, it } from "vitest";
import { BEHIND, deliveriesDueInMs, queueOf, webhooksBehind } from "../../../src/delivery/webhooks/queue.ts";
import { systemClock } from "../../../src/log/clock.ts";
import { pump } from "../../../src/log/sinks/pump.ts";
import { silent } from "../../log/open-log.ts";
import { commit, taskEvent } from "../../log/test-log.ts";
import { nodes } from "./plan.ts";
import { startWebhookTest } from "./webhook-test.ts";

/** A test with one webhook per project, and what it takes to queue for those that are behind. */
async function start() {
  const t = await startWebhookTest();
  const alpha = (await t.create({ url: "http://127.0.0.1:9/", projectIds: ["alpha"] })).webhookId;
  const beta = (await t.create({ url: "http://127.0.0.1:9/", projectIds: ["beta"] })).webhookId;
  const behind = async () => {
    await t.log.cursor();
    return webhooksBehind(t.database);
  };
  return {
    ...t,
    alpha,
    beta,
    behind: async () => (await behind()).map(({ webhookId }) => webhookId).sort(),
    async queue() {
      for (const webhook of await behind()) while (await pump(t.database, systemClock, silent, queueOf(webhook)));
    },
    async places() {
      const { rows } = await t.owner.query<{ left: string }>(
        `SELECT (SELECT max(position) FROM events) - position AS left FROM log_readers
         WHERE reader = ANY ($1) ORDER BY reader = $1[1] DESC`,
        [[`webhook:${alpha}`, `webhook:${beta}`]],
      );
      return rows.map(({ left }) => Number(left));
    },
  };
}

it("looks into the log only for webhooks whose projects have something new", async () => {
  const t = await start();
  await commit(t.database, taskEvent("alpha", "A"), taskEvent("beta", "B"));
  await t.queue();
  expect(await t.places()).toEqual([0, 0]);
  await commit(t.database, taskEvent("beta", "B"));
  expect(await t.behind()).toEqual([t.beta]);
  await t.queue();
  expect(await t.places()).toEqual([1, 0]);
  expect(await t.deliveries()).toMatchObject([{ subject_id: "A" }, { subject_id: "B" }, { subject_id: "B" }]);
  await commit(t.database, taskEvent("alpha", "A"));
  expect(await t.behind()).toEqual([t.alpha]);
});

it("moves the place of a quiet webhook on after a day, and after 10,000 events", async () => {
  const t = await start();
  await t.queue();
  await commit(t.database, taskEvent("beta", "B"));
  await t.queue();
  await t.pass(24 * 3600 - 60);
  expect(await t.behind()).toEqual([]);
  await t.pass(120);
  expect(await t.behind()).toEqual([t.alpha]);
  await t.queue();
  expect(await t.places()).toEqual([0, 0]);
  // Nothing is new: however old its place is, it has nowhere to go.
  await t.pass(48 * 3600);
  expect(await t.behind()).toEqual([]);

  await t.owner.query("UPDATE log_readers SET moved_at = docket_now()");
  const many = Array.from({ length: 10_000 }, () => taskEvent("gamma", "C"));
  await commit(t.database, ...many);
  expect(await t.behind()).toEqual([]);
  await commit(t.database, taskEvent("gamma", "C"));
  expect(await t.behind()).toEqual([t.alpha, t.beta].sort());
  await t.queue();
  expect(await t.places()).toEqual([0, 0]);
  expect(await t.deliveries()).toHaveLength(1);
});

it("finds the webhooks behind by indexes, however long the log is", async () => {
  const t = await start();
  await t.owner.query(
    `INSERT INTO webhooks (url, secret, created_by, project_ids)
     SELECT 'http://127.0.0.1:9/', 'whsec_' || repeat('A', 44), 'test', ARRAY['p' || n, 'q' || n] FROM generate_series(1, 100) n`,
  );
  await t.owner.query(
    "INSERT INTO log_readers (reader, position, hash) SELECT 'webhook:' || webhook_id, 0, '\\x0000000000000000' FROM webhooks ON CONFLICT DO NOTHING",
  );
  await commit(t.database, ...Array.from({ length: 9_000 }, (_, i) => taskEvent(`x${i % 50}`, "T")));
  await t.log.cursor();
  await t.owner.query("ANALYZE webhooks, log_readers, events");
  const { rows } = await t.owner.query(`EXPLAIN (FORMAT JSON) ${BEHIND.text}`);
  const scans = nodes(rows[0]["QUERY PLAN"][0].Plan).filter((node) => /^events/.test(node["Relation Name"] ?? ""));
  for (const scan of scans) expect(scan["Node Type"]).toMatch(/^Index (Only )?Scan$/);
  expect(scans.map((scan) => scan["Index Name"])).toContainEqual(expect.stringContaining("project_id_position"));
});

const lateBySeconds = async ({ database }: Pick<Awaited<ReturnType<typeof start>>, "database">) =>
  -((await deliveriesDueInMs(database)) ?? Number.NaN) / 1_000;

/** The database's clock goes on meanwhile, by seconds on a busy machine. */
const expectLate = (seconds: number, least: number) =>
  expect([seconds, seconds >= least && seconds < least + 10]).toEqual([seconds, true]);

it("is late by what may be sent, not by what waits until an earlier event of its subject has arrived", async () => {
  const t = await start();
  await commit(t.database, taskEvent("alpha", "A"), taskEvent("alpha", "A"));
  await t.queue();
  await t.owner.query(`UPDATE webhook_deliveries SET attempts = 1, next_attempt_at = docket_now() + interval '60 seconds'
    WHERE position = (SELECT min(position) FROM webhook_deliveries)`);
  await t.pass(20);
  expectLate(await lateBySeconds(t), -40);
  await commit(t.database, taskEvent("alpha", "B"));
  await t.queue();
  await t.pass(5);
  expectLate(await lateBySeconds(t), 5);
});

it("is not late by events that a full queue has no room for", async () => {
  const t = await start();
  await commit(t.database, ...Array.from({ length: 1_001 }, () => taskEvent("alpha", "A")));
  await t.queue();
  await t.owner.query("UPDATE webhook_deliveries SET next_attempt_at = docket_now() + interval '60 seconds'");
  await commit(t.database, taskEvent("alpha", "A"));
  await t.log.cursor();
  await t.pass(20);
  expectLate(await lateBySeconds(t), -40);
  await t.owner.query("DELETE FROM webhook_deliveries WHERE position > (SELECT min(position) FROM webhook_deliveries)");
  expectLate(await lateBySeconds(t), 20);
});
