import { execFile } from "node:child_process";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { parser } from "@prometheus-io/lezer-promql";
import { beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { eventually } from "../support/eventually.ts";
import { prometheusProgram, promtool, startPrometheus } from "../support/prometheus.ts";
import { shareServer } from "../support/server.ts";
import { makeTemporaryFolder } from "../support/temporary-folder.ts";

const shared = shareServer({ DOCKET_METRICS_FROM: "127.0.0.1", DOCKET_JOBS: "webhooks, leases" });

const Datasource = z.object({ type: z.literal("prometheus"), uid: z.string() });
const Dashboard = z.object({
  uid: z.string(),
  panels: z.array(
    z.object({
      id: z.number(),
      type: z.enum(["row", "stat", "timeseries"]),
      title: z.string().min(1),
      datasource: Datasource.optional(),
      gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
      targets: z.array(z.object({ refId: z.string(), datasource: Datasource, expr: z.string() })).default([]),
    }),
  ),
  templating: z.object({ list: z.array(z.object({ name: z.string(), datasource: Datasource })) }),
});
const Alerts = z.object({
  groups: z.array(
    z.object({
      rules: z.array(
        z.strictObject({
          alert: z.string().startsWith("Docket"),
          expr: z.string(),
          for: z.string().optional(),
          labels: z.strictObject({ severity: z.enum(["critical", "warning"]) }),
          annotations: z.strictObject({ summary: z.string(), action: z.string() }),
        }),
      ),
    }),
  ),
});

const inYaml = async (path: string): Promise<unknown> => parse(await readFile(path, "utf8"));

const readDashboard = async () =>
  Dashboard.parse(JSON.parse(await readFile("deploy/grafana/dashboards/docket.json", "utf8")));

async function readAlerts() {
  const { groups } = Alerts.parse(await inYaml("deploy/prometheus/alerts.yml"));
  return groups.flatMap(({ rules }) => rules);
}

/** As Grafana would send it, of all projects. */
const asSent = (expr: string) => expr.replaceAll("$__rate_interval", "1m").replaceAll("$project", ".*");

/** Each expression of a panel, with what it is of. */
async function panelExpressions() {
  const { panels } = await readDashboard();
  return panels.flatMap(({ title, targets }) => targets.map(({ expr }) => ({ of: title, expr: asSent(expr) })));
}

/** The metrics and labels that an expression names. @throws Error for what is no PromQL. */
function namesIn(expr: string): { metrics: string[]; labels: string[] } {
  const names = { metrics: [] as string[], labels: [] as string[] };
  parser.parse(expr).iterate({
    enter({ name, from, to, type }) {
      if (type.isError) throw new Error(`No PromQL at ${from}: ${expr}`);
      if (name === "Identifier") names.metrics.push(expr.slice(from, to));
      if (name === "LabelName") names.labels.push(expr.slice(from, to));
    },
  });
  return names;
}

async function metricsOf(url: string): Promise<string> {
  const response = await fetch(`${url}/metrics`);
  expect(response.status).toBe(200);
  return await response.text();
}

/** What is seen on each panel: tasks at each of their turns, IDs, a refusal, an open budget and usage. */
async function work(): Promise<void> {
  const { ask, gql, adminKey } = shared.server;
  await ask(`mutation {
    addTasks(input: {projectId: "alpha", createProject: true, tasks: [{description: "a"}, {description: "b"}, {description: "c"}]}) { taskIds }
    reserveIds(input: {projectId: "alpha", artifactType: "US"}) { reservedIds }
    nextId(input: {projectId: "alpha", artifactType: "US"}) { id }
  }`);
  const claim = async () => {
    const { claimNextTask } = await ask<{ claimNextTask: { attempt: string; task: { taskId: string } } }>(
      'mutation { claimNextTask(input: {projectId: "alpha", worker: "w"}) { attempt task { taskId } } }',
    );
    return { projectId: "alpha", taskId: claimNextTask.task.taskId, attempt: claimNextTask.attempt };
  };
  const used = { inputTokens: 1_000, outputTokens: 100, costUsd: 0.25, model: "m" };
  const done = { ...(await claim()), status: "COMPLETED", usage: used };
  await ask("mutation ($input: UpdateTaskStatusInput!) { updateTaskStatus(input: $input) { replayed } }", {
    input: done,
  });
  await ask("mutation ($input: ReleaseTaskInput!) { releaseTask(input: $input) { replayed } }", {
    input: await claim(),
  });
  const budget = { projectId: "alpha", budget: { costUsd: 20, per: "DAY" } };
  const change = "mutation ($input: UpdateProjectInput!) { updateProject(input: $input) { replayed } }";
  await ask(change, { input: budget }, { key: adminKey });
  await gql('{ task(projectId: "alpha", taskId: "TASK-999") { title } }');
}

// What the database holds is told as it was up to 15 seconds ago: it must be there when it is first asked for.
beforeAll(work);

test("every panel and every alert asks for metrics and labels that a server has, in PromQL that can be read", async () => {
  const told = await metricsOf(shared.server.url);
  const known = new Set(["up"]);
  for (const [, name = "", type = ""] of told.matchAll(/^# TYPE (\w+) (\w+)$/gm))
    for (const ending of type === "histogram" ? ["_bucket", "_sum", "_count"] : [""]) known.add(name + ending);
  const labels = new Set(["job", "instance", "le"]);
  for (const [, within = ""] of (await readFile("docs/metrics.md", "utf8")).matchAll(/^\| `docket_\w+` +\|([^|]*)\|/gm))
    for (const [, label = ""] of within.matchAll(/`(\w+)`/g)) labels.add(label);
  const alerts = (await readAlerts()).map(({ alert, expr }) => ({ of: alert, expr }));
  const expressions = [...(await panelExpressions()), ...alerts];
  expect(expressions.length).toBeGreaterThan(40);
  for (const { of, expr } of expressions) {
    const names = namesIn(expr);
    expect([of, names.metrics.filter((name) => !known.has(name))]).toEqual([of, []]);
    expect([of, names.labels.filter((name) => !labels.has(name))]).toEqual([of, []]);
    expect([of, names.metrics.length]).not.toEqual([of, 0]);
  }
});

test("the dashboard's panels each have their place and read from the source that is provisioned, from where it is mounted", async () => {
  const { panels, templating } = await readDashboard();
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  const { datasources } = z
    .object({ datasources: z.array(z.object({ uid: z.string(), type: z.string(), url: z.string() })) })
    .parse(await inYaml("deploy/grafana/provisioning/datasources/prometheus.yml"));
  const uids = datasources.map(({ uid }) => uid);
  const sources = panels.flatMap(({ datasource, targets }) => [datasource, ...targets.map((one) => one.datasource)]);
  for (const source of [...sources, ...templating.list.map(({ datasource }) => datasource)])
    if (source) expect(uids).toContain(source.uid);
  for (const { type, title, targets } of panels) {
    expect([title, targets.length > 0]).toEqual([title, type !== "row"]);
    expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
  }
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
  expect(panels.every(({ gridPos: { x, w } }) => x + w <= 24)).toBe(true);
  const { providers } = z
    .object({ providers: z.array(z.object({ options: z.object({ path: z.string() }) })) })
    .parse(await inYaml("deploy/grafana/provisioning/dashboards/docket.yml"));
  expect(providers.map(({ options }) => options.path)).toEqual(["/var/lib/grafana/dashboards"]);
});

test.skipIf(!promtool)(
  "promtool finds nothing wrong with configuration, alerts and metrics, and the alerts begin where they should",
  async () => {
    const folder = await monitoringIn("15s");
    await copyFile("test/deploy/alerts.test.yml", join(folder, "alerts.test.yml"));
    const check = async (...args: string[]) => await promisify(execFile)(promtool ?? "", args, { cwd: folder });
    await check("check", "config", "prometheus.yml");
    await check("check", "rules", "alerts.yml");
    await check("test", "rules", "alerts.test.yml");
    const told = await metricsOf(shared.server.url);
    const ours = told.split("\n").filter((line) => /^(# \w+ )?docket_/.test(line));
    const checking = promisify(execFile)(promtool ?? "", ["check", "metrics"]);
    checking.child.stdin?.end(`${ours.join("\n")}\n`);
    expect(await checking).toMatchObject({ stdout: "", stderr: "" });
  },
);

test.skipIf(!prometheusProgram)(
  "a Prometheus that scrapes a server has data for every panel, and evaluates every alert",
  async () => {
    const folder = await monitoringIn("250ms", new URL(shared.server.url).host);
    const prometheus = await startPrometheus(join(folder, "prometheus.yml"));
    const expressions = await panelExpressions();
    const query = async (expr: string) =>
      (await prometheus.get<{ result: { value: [number, string] }[] }>("query", { query: expr })).result;
    await eventually(
      async () => {
        await work();
        const answers = await Promise.all(
          expressions.map(async ({ of, expr }) => ({ of, expr, result: await query(expr) })),
        );
        const empty = answers.filter(({ result }) => result.every(({ value: [, value] }) => value === "NaN"));
        expect(empty.map(({ of, expr }) => `${of}: ${expr}`)).toEqual([]);
      },
      { interval: 500 },
    );
    // A scrape that the database was too slow for leaves out what that holds.
    await eventually(async () => {
      const [completed] = await query('sum(docket_tasks{status="completed"})');
      expect(Number(completed?.value[1])).toBeGreaterThan(0);
    });
    await eventually(async () => {
      const { groups } = await prometheus.get<{ groups: { rules: { name: string; health: string }[] }[] }>("rules");
      const rules = groups.flatMap((group) => group.rules);
      expect(rules).toHaveLength((await readAlerts()).length);
      expect(rules.filter(({ health }) => health !== "ok")).toEqual([]);
    });
  },
);

/** A folder with what is deployed: scraped so often, and from these servers where any are named. */
async function monitoringIn(interval: string, target?: string): Promise<string> {
  const folder = await makeTemporaryFolder("monitoring");
  await copyFile("deploy/prometheus/alerts.yml", join(folder, "alerts.yml"));
  const text = (await readFile("deploy/prometheus/prometheus.yml", "utf8")).replaceAll("15s", interval);
  const path = join(folder, "prometheus.yml");
  await writeFile(path, target === undefined ? text : text.replace(/targets: \[.*?\]/, `targets: ["${target}"]`));
  return folder;
}
