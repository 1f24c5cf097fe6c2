import { beforeAll, describe, expect, it } from "vitest";
import { subtrees } from "../../src/tasks/hierarchy/tree.ts";
import { connectTools } from "../mcp/connect.ts";
import { shareServer } from "../support/server.ts";

const shared = shareServer();
const COMMIT = "0123456789abcdef".repeat(3).slice(0, 40);

/** The levels of the tallest tree that there can be. */
const LEVELS = 6;

/** The numbers of the specification: 45 vendors, 1,200 work items in trees of all levels, 50 deployments. */
beforeAll(async () => {
  const { server, owner } = shared;
  await server.ask(`mutation {
    createProject(input: {projectId: "alpha", name: "Alpha"}) { replayed }
  }`);
  await owner.query(`INSERT INTO vendors (project_id, name, status, created_by)
    SELECT 'alpha', 'Vendor ' || n, 'operational', 'x' FROM generate_series(1, 45) n`);
  for (let level = 0; level < LEVELS; level++)
    await owner.query(
      `INSERT INTO tasks (project_id, task_id, description, title, parent_task_id)
       SELECT 'alpha', 'TASK-' || lpad(n::text, 4, '0'), 'work ' || n, 'item ' || n,
         CASE WHEN $1::int > 0 THEN 'TASK-' || lpad((n - 1)::text, 4, '0') END
       FROM generate_series(1 + $1::int, 1200, $2::int) n`,
      [level, LEVELS],
    );
  await owner.query(`INSERT INTO deployments (project_id, commit_hash, pr_number, pr_title, test_summary,
      constitutional_compliance, created_by, deployed_at)
    SELECT 'alpha', repeat('a', 40), n, 'PR ' || n, '{"unit": 12}', true, 'x', now() - make_interval(days => 50 - n)
    FROM generate_series(1, 50) n`);
  await owner.query("ANALYZE");
});

/** An AI client of its own, with the tools of work items. */
const client = (name: string) =>
  connectTools({ ...shared.server, defaultProject: "alpha", toolsets: ["tracking"], name });

/** Fails when none of many takes less than so many milliseconds: the machine does other things as well. */
async function expectLessThan(ms: number, take: () => Promise<number>): Promise<void> {
  let least = await take();
  for (let i = 1; i < 20 && least >= ms; i++) least = Math.min(least, await take());
  expect(least).toBeLessThan(ms);
}

/** How long this takes, in milliseconds. */
async function msOf(act: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await act();
  return performance.now() - started;
}

/** How long a statement takes in the database, in milliseconds. */
async function databaseMs(statement: string): Promise<number> {
  const { rows } = await shared.owner.query(`EXPLAIN (ANALYZE, FORMAT JSON) ${statement}`);
  return rows[0]["QUERY PLAN"][0]["Execution Time"];
}

// One test per scenario of the specification, by its number.
describe("Project status and work item tracking", () => {
  it("Scenario 1: a vendor is queried by its name in less than 1 ms in the database, by its index", async () => {
    const vendor = "SELECT * FROM vendors WHERE project_id = 'alpha' AND lower(name) = lower('VENDOR 7')";
    await expectLessThan(1, () => databaseMs(vendor));
    expect(await shared.server.ask('{ vendor(projectId: "alpha", name: "VENDOR 7") { name status } }')).toEqual({
      vendor: { name: "Vendor 7", status: "OPERATIONAL" },
    });
    await shared.server.ask('mutation { createProject(input: {projectId: "many", name: "Many"}) { replayed } }');
    await shared.owner.query(`INSERT INTO vendors (project_id, name, status, created_by)
      SELECT 'many', 'Vendor ' || n, 'operational', 'x' FROM generate_series(1, 1000) n`);
    await shared.owner.query("ANALYZE vendors");
    const { rows } = await shared.owner.query(`EXPLAIN ${vendor.replace("alpha", "many")}`);
    expect(JSON.stringify(rows)).toContain("uniq_vendor_name");
    await expectLessThan(1, () => databaseMs(vendor.replace("alpha", "many")));
  });

  it("Scenario 2: of fifty clients that update one version of a work item, round after round for 10 s, one wins each, and the others are told the current version", async () => {
    const writer = await client("writer");
    const { id } = (await writer.call("create_work_item", { item_type: "task", title: "contested" })).data as {
      id: string;
    };
    const until = performance.now() + 10_000;
    let version = 1;
    for (; performance.now() < until; version++) {
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, i) =>
          writer.call("update_work_item", { id, version, title: `${version} by ${i}` }),
        ),
      );
      const won = answers.filter(({ failed }) => !failed);
      expect(won.map(({ data }) => data)).toMatchObject([{ id, version: version + 1 }]);
      const conflict = `Task was modified by another client (expected version ${version}, current version ${version + 1})`;
      for (const { failed, text } of answers) if (failed) expect(text).toContain(conflict);
    }
    expect(version).toBeGreaterThan(3);
  });

  it("Scenario 3: a deployment is recorded with its vendors and work items, and found from each of them", async () => {
    await shared.server.ask(
      `mutation ($input: RecordDeploymentInput!) { recordDeployment(input: $input) { replayed } }`,
      {
        input: {
          ...{ projectId: "alpha", commitHash: COMMIT, prNumber: 100, prTitle: "OCR", testSummary: { unit: 12 } },
          ...{ constitutionalCompliance: true, vendors: ["vendor 1", "vendor 2"], tasks: ["TASK-0001"] },
        },
      },
    );
    const deployments = { nodes: [{ commitHash: COMMIT, prNumber: 100 }] };
    const back = "{ deployments { nodes { commitHash prNumber } } }";
    expect(
      await shared.server.ask(`{
        deployments(projectId: "alpha", first: 1) { nodes { vendors { name } tasks { taskId } } }
        vendor(projectId: "alpha", name: "Vendor 2") ${back}
        task(projectId: "alpha", taskId: "TASK-0001") ${back}
      }`),
    ).toEqual({
      deployments: {
        nodes: [{ vendors: [{ name: "Vendor 1" }, { name: "Vendor 2" }], tasks: [{ taskId: "TASK-0001" }] }],
      },
      vendor: { deployments },
      task: { deployments },
    });
  });

  it("Scenario 6: a work item is shown with five levels below it, in less than 10 ms in the database at 1,200 items", async () => {
    const { data } = await (await client("reader")).call("query_work_item", { id: "TASK-0001" });
    expect(data).toMatchObject({
      id: "TASK-0001",
      below: [1, 2, 3, 4, 5].map((depth) => ({ id: `TASK-000${depth + 1}`, depth, parent_id: `TASK-000${depth}` })),
    });
    const root = { projectId: "alpha", taskId: "TASK-0001" };
    await expectLessThan(10, () => msOf(() => subtrees(shared.server.database, [root])));
  });

  it("Scenario 7: what one client writes, the others see at once, and who wrote it", async () => {
    const [one, other] = [await client("claude-code"), await client("copilot")];
    await one.call("create_vendor", { name: "Shared", status: "operational" });
    expect((await other.call("query_vendor_status", { name: "shared" })).data).toMatchObject({
      ...{ status: "operational", version: 1, created_by: "claude-code" },
    });
    await other.call("update_vendor_status", { name: "Shared", version: 1, status: "broken" });
    expect((await one.call("query_vendor_status", { name: "Shared" })).data).toMatchObject({
      ...{ status: "broken", version: 2 },
    });
    const { version } = (await one.call("get_project_configuration")).data as { version: number };
    await one.call("update_project_configuration", { version, git_branch: "shared" });
    expect((await other.call("get_project_configuration")).data).toMatchObject({
      ...{ git_branch: "shared", updated_by: "claude-code" },
    });
  });

  it("Scenario 8: the full status of a project of 45 vendors, 1,200 work items and 50 deployments takes less than 100 ms", async () => {
    const reader = await client("reader");
    const { vendors, work_items, deployments } = (await reader.call("get_project_status")).data as Record<
      string,
      Record<string, number>
    >;
    expect(vendors?.["total"]).toBeGreaterThanOrEqual(45);
    expect(work_items?.["pending"]).toBeGreaterThanOrEqual(1_200);
    expect(deployments?.["total"]).toBeGreaterThanOrEqual(50);
    await expectLessThan(100, () => msOf(() => reader.call("get_project_status")));
    const report = async () => {
      const { statusReport } = await shared.server.ask<{ statusReport: { markdown: string } }>(
        '{ statusReport(projects: ["alpha"]) { markdown } }',
      );
      return statusReport.markdown;
    };
    expect(await report()).toMatch(/## Vendors \(\d+ total\).*\n {10}- TASK-0006 item 6\n/s);
    await expectLessThan(100, () => msOf(report));
  });
});
