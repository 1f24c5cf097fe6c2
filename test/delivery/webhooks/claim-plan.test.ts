import { expect, it } from "vitest";
import { CLAIM } from "../../../src/delivery/webhooks/claim.ts";
import { verbTest } from "../../support/verbs.ts";
import { nodes } from "./plan.ts";

it("finds what is due by indexes alone, at 6,000 deliveries", async () => {
  const { owner } = await verbTest();
  await owner.query(
    `INSERT INTO webhooks (url, secret, created_by)
     SELECT 'http://127.0.0.1:9/', 'whsec_' || repeat('A', 44), 'test' FROM generate_series(1, 40)`,
  );
  await owner.query(
    `INSERT INTO webhook_deliveries (webhook_id, position, event_id, event_type, project_id, subject_type, subject_id, status, next_attempt_at, ended_at)
     SELECT webhook_id, n, gen_random_uuid(), 'task.updated', 'alpha', 'task', 'T-' || n % 20, s,
       CASE WHEN s = 'pending' THEN docket_now() + interval '1 minute' * (n % 2) END,
       CASE WHEN s <> 'pending' THEN docket_now() END
     FROM webhooks, generate_series(1, 150) n,
       LATERAL (SELECT CASE WHEN n % 3 = 0 THEN 'pending' ELSE 'delivered' END AS s) status`,
  );
  await owner.query("ANALYZE webhooks, webhook_deliveries");
  for (const mode of ["force_custom_plan", "force_generic_plan"]) {
    await owner.query(`SET plan_cache_mode = ${mode}`);
    await owner.query(`PREPARE claim_${mode} (int, uuid[], int[]) AS ${CLAIM.text}`);
    const { rows } = await owner.query(`EXPLAIN (FORMAT JSON) EXECUTE claim_${mode} (20, '{}', '{}')`);
    const plan = nodes(rows[0]["QUERY PLAN"][0].Plan);
    const scans = plan.filter(
      (node) => node["Relation Name"] === "webhook_deliveries" && /Scan/.test(node["Node Type"]),
    );
    expect(scans.length).toBeGreaterThanOrEqual(3);
    for (const scan of scans) expect(scan["Node Type"]).toMatch(/^(Index Scan|Index Only Scan|Bitmap Heap Scan)$/);
  }
});
