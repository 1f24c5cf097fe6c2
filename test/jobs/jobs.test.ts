import { expect, it } from "vitest";
import { readConfig } from "../../src/config/config.ts";
import { startJobs } from "../../src/jobs/jobs.ts";
import { ManualClock } from "../log/manual-clock.ts";
import { silent } from "../log/open-log.ts";
import { startLog } from "../log/test-log.ts";

it("ends the jobs that run when another does not start", async () => {
  const { database, log, owner } = await startLog();
  const clock = new ManualClock();
  const config = readConfig({ DOCKET_NATS_URL: "nats://127.0.0.1:1" });
  // The bus, which needs a place of its own, is started last.
  const context = { database, log, logger: silent, config: { ...config, jobs: config.jobs.toReversed() } };
  expect(context.config.jobs.at(-1)).toBe("bus");
  await owner.query("REVOKE INSERT ON log_readers FROM docket_app");
  await owner.query("BEGIN; LOCK TABLE log_readers");
  const starting = expect(startJobs(context, clock)).rejects.toThrow("permission denied for table log_readers");
  // The others have begun and wait for their next time.
  await expect.poll(() => clock.pending).toBeGreaterThan(0);
  await owner.query("COMMIT");
  await starting;
  expect(clock.pending).toBe(0);

  await owner.query("GRANT INSERT ON log_readers TO docket_app");
  const running = await startJobs(context, clock);
  await expect.poll(() => clock.pending).toBeGreaterThan(0);
  await running.close();
  expect(clock.pending).toBe(0);
});
