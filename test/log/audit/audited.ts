import type { Client } from "pg";
import { onTestFinished } from "vitest";
import { connectAuditor } from "../../../src/log/audit/auditor.ts";
import { seedTasks, type VerbTest, verbTest } from "../../support/verbs.ts";
import { commit, taskEvent } from "../test-log.ts";

export interface Logged extends VerbTest {
  readonly auditor: Client;
  /** What a superuser may do to the log. */
  tamper(sql: string): Promise<void>;
}

/** An empty log with projects alpha and beta. */
export async function startEmpty(): Promise<Logged> {
  const t = await verbTest();
  for (const project of ["alpha", "beta"]) await seedTasks(t, project, 0);
  const auditor = await connectAuditor(t.test.ownerUrl);
  onTestFinished(() => auditor.end());
  return {
    ...t,
    auditor,
    async tamper(sql) {
      await t.owner.query("SET session_replication_role = replica");
      await t.owner.query(sql);
      await t.owner.query("RESET session_replication_role");
    },
  };
}

/** A log whose events of alpha have odd positions, those of beta even ones: numbers 1 to 6 of each. */
export async function startAudited(): Promise<Logged> {
  const log = await startEmpty();
  const events = Array.from({ length: 12 }, (_, i) =>
    taskEvent(i % 2 === 0 ? "alpha" : "beta", `TASK-${1 + (i >> 1)}`, { i: 1 + (i >> 1) }),
  );
  await commit(log.database, ...events);
  await log.owner.query("SELECT drain()");
  return log;
}
