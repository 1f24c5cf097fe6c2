import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "@prometheus-io/client";
import packageJson from "../../../package.json" with { type: "json" };
import type { Database } from "../../db/database.ts";
import type { Log } from "../../log/log.ts";
import type { Vitals } from "../health.ts";
import type { FinishedRequest } from "../request-log.ts";
import type { RequestScope } from "../request-scope.ts";
import type { Totals } from "./totals.ts";

/** What is measured. */
export interface Measured {
  readonly database: Database;
  readonly log: Log;
  readonly vitals: Pick<Vitals, "database">;
  readonly totals: () => Promise<Totals | undefined>;
  /** Failures in a row of each job that this process runs. */
  readonly jobFailures: () => ReadonlyMap<string, number>;
  /** Attempts to deliver to a webhook so far, by what came of them. */
  readonly webhookAttempts: () => Readonly<Record<string, number>>;
  readonly slowStatementMs: number;
}

/** Request times in seconds; 0.1 and 0.2 are what Docket promises of reservations and of all requests. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 15];
/** Cycle times in seconds, from a minute to two weeks. */
const CYCLE_BUCKETS = [60, 300, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400, 259_200, 604_800, 1_209_600];
/** Names of statements that are told apart: each value of a label is kept for ever. */
const MOST_STATEMENTS = 500;

/** What this process tells a Prometheus; docs/metrics.md explains each. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests;
  readonly #durations;
  readonly #fills: (() => void)[] = [];
  readonly #totals: () => Promise<Totals | undefined>;
  #told: Totals | undefined;

  constructor(measured: Measured) {
    const { database, log, vitals, jobFailures, webhookAttempts } = measured;
    const { pool } = database;
    this.#totals = measured.totals;
    collectDefaultMetrics({ register: this.#registry });

    this.#requests = this.#counter("docket_requests", "Finished requests by door, root field and error code.", [
      "door",
      "field",
      "code",
    ]);
    this.#durations = new Histogram({
      name: "docket_request_duration_seconds",
      help: "How long queries and mutations took, by root field; those with several have the field (several).",
      labelNames: ["field"],
      buckets: BUCKETS,
      registers: [this.#registry],
    });

    this.#gauge("docket_info", "1; the version is a label.", ["version"], (gauge) =>
      gauge.set({ version: packageJson.version }, 1),
    );
    this.#gauge("docket_database_up", "1 while the database answers, else 0.", [], (gauge) =>
      gauge.set(vitals.database().connected ? 1 : 0),
    );
    this.#gauge("docket_ready", "1 while the database answers and has all migrations that are needed.", [], (gauge) => {
      const { connected, lacking } = vitals.database();
      gauge.set(connected && lacking.length === 0 ? 1 : 0);
    });
    this.#gauge("docket_pool_size", "Database connections at most.", [], (gauge) => gauge.set(pool.options.max));
    this.#gauge(
      "docket_pool_connections",
      "Database connections, by whether they are busy or idle.",
      ["state"],
      (gauge) => {
        gauge.set({ state: "busy" }, pool.busy);
        gauge.set({ state: "idle" }, pool.idleCount);
      },
    );
    this.#gauge("docket_pool_waiting", "Calls that wait for a database connection.", [], (gauge) =>
      gauge.set(pool.waiting),
    );
    this.#countStatements(measured);

    const events = this.#counter("docket_events", "Events that came into the log since the start, by type.", ["type"]);
    const cycles = new Histogram({
      name: "docket_task_cycle_seconds",
      help: "How long tasks that were completed took from their first claim.",
      buckets: CYCLE_BUCKETS,
      registers: [this.#registry],
    });
    log.onEvents((those) => {
      for (const event of those) {
        events.inc({ type: event.type });
        if (event.type !== "task.completed") continue;
        const seconds = cycleSeconds(event.payload["task"]);
        if (seconds !== undefined) cycles.observe(seconds);
      }
    });
    this.#gauge("docket_subscribers", "Streams that are open.", [], (gauge) => gauge.set(log.streams));
    this.#gauge("docket_waiting_callers", "Callers that wait for events.", [], (gauge) => gauge.set(log.waiting));

    this.#gauge("docket_job_failures", "Failures in a row of a background job of this process.", ["job"], (gauge) => {
      for (const [job, failures] of jobFailures()) gauge.set({ job }, failures);
    });
    const attempts = this.#counter("docket_webhook_attempts", "Attempts to deliver to webhooks, by outcome.", [
      "outcome",
    ]);
    this.#fills.push(() => {
      attempts.reset();
      for (const [outcome, count] of Object.entries(webhookAttempts())) attempts.inc({ outcome }, count);
    });
    this.#tellTotals();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Counts a request that has ended. */
  finished({ method, path }: FinishedRequest, { fields, streams, code, startedAt }: RequestScope): void {
    const door = doorOf(method, path, fields.length > 0);
    const names = new Set(fields.length > 0 ? fields : ["(none)"]);
    for (const field of names) this.#requests.inc({ door, field, code: code ?? "OK" });
    // A stream is open for hours.
    if (fields.length === 0 || streams) return;
    const [first = "", ...more] = names;
    this.#durations.observe({ field: more.length > 0 ? "(several)" : first }, (performance.now() - startedAt) / 1000);
  }

  /** All of it in the text format of Prometheus. */
  async text(): Promise<string> {
    this.#told = await this.#totals();
    for (const fill of this.#fills) fill();
    return await this.#registry.metrics();
  }

  #countStatements({ database: { pool }, slowStatementMs }: Measured): void {
    const all = this.#counter("docket_statements", "Statements that the database was sent.", []);
    const slow = this.#counter("docket_slow_statements", "Statements that took too long, by name.", ["statement"]);
    const seconds = this.#counter("docket_slow_statement_seconds", "How long those took together.", ["statement"]);
    const names = new Set<string>();
    pool.onStatement = (name = "(unnamed)") => {
      const begunAt = performance.now();
      return () => {
        all.inc();
        const ms = performance.now() - begunAt;
        if (ms < slowStatementMs) return;
        if (names.size < MOST_STATEMENTS) names.add(name);
        const statement = names.has(name) ? name : "_other";
        slow.inc({ statement });
        seconds.inc({ statement }, ms / 1000);
      };
    };
  }

  /** What the database holds; no values while it does not answer. */
  #tellTotals(): void {
    this.#gauge("docket_tasks", "Tasks on lists, by project and status.", ["project", "status"], (gauge) => {
      for (const { project, status, tasks } of this.#told?.tasks ?? []) gauge.set({ project, status }, tasks);
    });
    this.#gauge("docket_tasks_parked", "Tasks that are parked, by project.", ["project"], (gauge) => {
      for (const { project, parked } of this.#told?.tasks ?? []) gauge.inc({ project }, parked);
    });
    this.#gauge("docket_queue_age_seconds", "How long the oldest ready task has waited.", ["project"], (gauge) => {
      for (const { project, queueSeconds } of this.#told?.tasks ?? []) gauge.inc({ project }, queueSeconds);
    });
    this.#gauge("docket_usage_tokens", "Tokens that were used on this day, in UTC.", ["project", "kind"], (gauge) => {
      for (const { project, input, output } of this.#told?.usage ?? []) {
        gauge.set({ project, kind: "input" }, input);
        gauge.set({ project, kind: "output" }, output);
      }
    });
    this.#gauge("docket_usage_cost_usd", "What they cost, in US dollars.", ["project"], (gauge) => {
      for (const { project, cost } of this.#told?.usage ?? []) gauge.set({ project }, cost);
    });
    this.#gauge(
      "docket_budget_usd",
      "What a project may spend in this period, in US dollars.",
      ["project"],
      (gauge) => {
        for (const { project, budget } of this.#told?.budgets ?? []) gauge.set({ project }, budget);
      },
    );
    this.#gauge("docket_budget_spent_usd", "What it has spent of that, in US dollars.", ["project"], (gauge) => {
      for (const { project, spent } of this.#told?.budgets ?? []) gauge.set({ project }, spent);
    });
    this.#gauge("docket_log_waiting_events", "Events that are not in the log yet.", [], (gauge) => {
      if (this.#told) gauge.set(this.#told.inbox.events);
    });
    this.#gauge("docket_log_lag_seconds", "How old the oldest of these is.", [], (gauge) => {
      if (this.#told) gauge.set(this.#told.inbox.seconds);
    });
    this.#gauge(
      "docket_job_lag_seconds",
      "How late a background job is, whatever process runs it.",
      ["job"],
      (gauge) => {
        for (const { name: job, lagSeconds } of this.#told?.jobs ?? [])
          if (lagSeconds !== null) gauge.set({ job }, lagSeconds);
      },
    );
  }

  /** @param what without `_total`, which every counter's name ends with. */
  #counter<Label extends string>(what: string, help: string, labelNames: readonly Label[]): Counter<Label> {
    return new Counter({ name: `${what}_total`, help, labelNames, registers: [this.#registry] });
  }

  /** @param fill sets its values anew, each time that they are asked for. */
  #gauge<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    fill: (gauge: Gauge<Label>) => void,
  ): void {
    const gauge = new Gauge({ name, help, labelNames, registers: [this.#registry] });
    this.#fills.push(() => {
      gauge.reset();
      // One without labels is 0 from the beginning.
      fill(gauge);
    });
  }
}

/** Of a task as its event has it; undefined for one that was never claimed. */
function cycleSeconds(task: unknown): number | undefined {
  if (typeof task !== "object" || task === null || !("startedAt" in task) || !("completedAt" in task)) return undefined;
  const seconds = (Date.parse(String(task.completedAt)) - Date.parse(String(task.startedAt))) / 1000;
  return seconds >= 0 ? seconds : undefined;
}

/** Paths may be anything, and there are few doors. */
function doorOf(method: string, path: string | null, hasOperation: boolean): string {
  if (method === "WS") return "websocket";
  if (path === "/graphql") return "graphql";
  if (path === "/mcp") return "mcp";
  return hasOperation ? "rest" : "other";
}
