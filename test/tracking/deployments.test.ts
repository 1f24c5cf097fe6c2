import { expect, it } from "vitest";
import { makeProject, shareServer, type TestProject } from "../support/server.ts";

const shared = shareServer();

const COMMIT = "0123456789abcdef".repeat(3).slice(0, 40);

/** A project with two tasks and three vendors. */
async function start(): Promise<TestProject> {
  const t = await makeProject(shared.server, ["one", "two"]);
  for (const name of ["Acme", "beta", "Gamma"])
    await t.ask("mutation ($input: CreateVendorInput!) { createVendor(input: $input) { replayed } }", {
      input: { projectId: t.projectId, name, status: "OPERATIONAL" },
    });
  return t;
}

const record = (t: TestProject, input: object = {}) =>
  t.gql<{ recordDeployment: { deployment: { deploymentId: string } } }>(
    "mutation ($input: RecordDeploymentInput!) { recordDeployment(input: $input) { deployment { deploymentId } } }",
    {
      input: {
        ...{ projectId: t.projectId, commitHash: COMMIT, prNumber: 100, prTitle: "OCR", testSummary: { unit: 12 } },
        ...{ constitutionalCompliance: true, ...input },
      },
    },
  );

it("keeps all that is said of a deployment, with its vendors and tasks, and leads back from each of them", async () => {
  const t = await start();
  const deployedAt = "2025-10-01T12:00:00.000Z";
  const { data } = await record(t, { deployedAt, vendors: ["BETA", "acme", "Acme"], tasks: ["task-002", "TASK-002"] });
  const { deploymentId } = data.recordDeployment.deployment;
  const shown = {
    ...{ deploymentId, deployedAt, commitHash: COMMIT, prNumber: 100, prTitle: "OCR", testSummary: { unit: 12 } },
    ...{ constitutionalCompliance: true, createdBy: "test" },
    vendors: [{ name: "Acme" }, { name: "beta" }],
    tasks: [{ taskId: "TASK-002" }],
  };
  const fields =
    "deploymentId deployedAt commitHash prNumber prTitle testSummary constitutionalCompliance createdBy vendors { name } tasks { taskId }";
  expect(await t.ask(`{ deployment(deploymentId: "${deploymentId}") { ${fields} } }`)).toEqual({ deployment: shown });
  const of = `projectId: "${t.projectId}"`;
  const back = "{ deployments { totalCount nodes { deploymentId } } }";
  expect(
    await t.ask(`{
      deployments(${of}) { nodes { ${fields} } }
      vendor(${of}, name: "acme") ${back}
      none: vendor(${of}, name: "gamma") ${back}
      task(taskId: "TASK-002") ${back}
      other: task(taskId: "TASK-001") ${back}
    }`),
  ).toEqual({
    deployments: { nodes: [shown] },
    vendor: { deployments: { totalCount: 1, nodes: [{ deploymentId }] } },
    none: { deployments: { totalCount: 0, nodes: [] } },
    task: { deployments: { totalCount: 1, nodes: [{ deploymentId }] } },
    other: { deployments: { totalCount: 0, nodes: [] } },
  });
});

it("tells what was deployed in one event, and no more of a task that is deleted", async () => {
  const t = await start();
  await record(t, { vendors: ["acme"], tasks: ["TASK-001", "TASK-002"] });
  await t.ask('mutation { deleteTask(input: {taskId: "TASK-001"}) { replayed } }');
  const { deployments } = await t.ask<{ deployments: { nodes: unknown[] } }>(
    `{ deployments(projectId: "${t.projectId}") { nodes { tasks { taskId } history { events { type payload } } } } }`,
  );
  expect(deployments.nodes).toMatchObject([
    {
      tasks: [{ taskId: "TASK-002" }],
      history: {
        events: [
          {
            type: "deployment.recorded",
            payload: { deployment: { prNumber: 100 }, vendors: ["Acme"], tasks: ["TASK-001", "TASK-002"] },
          },
        ],
      },
    },
  ]);
});

it("refuses what does not fit, and records nothing of it", async () => {
  const t = await start();
  const most = Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`kind ${i}`, i]));
  for (const [input, message] of [
    [{ commitHash: COMMIT.toUpperCase() }, "commit_hash must be 40 lowercase hex characters"],
    [{ commitHash: COMMIT.slice(1) }, "commit_hash must be 40 lowercase hex characters"],
    [{ prNumber: 0 }, "prNumber: must be at least 1"],
    [{ prTitle: "" }, "prTitle: must not be empty or blank"],
    [{ prTitle: "x".repeat(201) }, "prTitle: must have at most 200 characters"],
    [{ testSummary: { unit: -1 } }, "testSummary.unit: must be at least 0"],
    [{ testSummary: { unit: 0.5 } }, "testSummary.unit: must be of the type int"],
    [{ testSummary: [1] }, "testSummary: must be of the type record"],
    [{ testSummary: most }, "testSummary: must have at most 100 counts"],
    [{ vendors: Array.from({ length: 1_001 }, () => "Acme") }, "vendors must have at most 1000 entries"],
  ] as const)
    expect(await record(t, input)).toMatchObject({ errors: [{ message, extensions: { code: "BAD_USER_INPUT" } }] });
  for (const [input, message, code] of [
    [{ vendors: ["Acme", "Nobody"] }, "Vendor not found: Nobody", "NOT_FOUND"],
    [{ vendors: ["a & b"] }, "Vendor not found: a & b", "NOT_FOUND"],
    [{ tasks: ["TASK-001", "TASK-999"] }, "Task TASK-999 not found", "TASK_NOT_FOUND"],
    [{ tasks: ["TASK-\u0000"] }, "Task TASK-\u0000 not found", "TASK_NOT_FOUND"],
    [{ projectId: "absent" }, expect.stringContaining("Project absent not found"), "PROJECT_NOT_FOUND"],
  ] as const)
    expect(await record(t, input)).toMatchObject({ errors: [{ message, extensions: { code } }] });
  expect(await t.ask(`{ deployments(projectId: "${t.projectId}") { totalCount } }`)).toEqual({
    deployments: { totalCount: 0 },
  });
  expect(await record(t, { prTitle: "x".repeat(200), prNumber: 1, testSummary: {} })).not.toHaveProperty("errors");

  const insert = (column: string, value: string) =>
    shared.owner.query(`INSERT INTO deployments (project_id, commit_hash, pr_number, pr_title, test_summary,
        constitutional_compliance, created_by)
      SELECT project_id, commit_hash, pr_number, pr_title, test_summary, constitutional_compliance, created_by
      FROM jsonb_populate_record(NULL::deployments, jsonb_build_object('project_id', '${t.projectId}', 'commit_hash',
        '${COMMIT}', 'pr_number', 1, 'pr_title', 'x', 'test_summary', '{}'::jsonb, 'constitutional_compliance', true,
        'created_by', 'x', '${column}', '${value}'::jsonb))`);
  for (const [column, value] of [
    ["commit_hash", '"abc"'],
    ["pr_number", "0"],
    ["test_summary", "[1]"],
    ["test_summary", '{"unit": "12"}'],
    ["test_summary", '{"unit": [12]}'],
    ["test_summary", '{"unit": -1}'],
    ["test_summary", '{"unit": 1.5}'],
  ] as const)
    await expect(insert(column, value)).rejects.toThrow("violates check constraint");
});

it("lists deployments by what they were about, when, and of which request, the latest first", async () => {
  const t = await start();
  const days = ["2025-10-01", "2025-10-03", "2025-10-02"];
  for (const [i, day] of days.entries())
    await record(t, {
      ...{ deployedAt: `${day}T00:00:00Z`, prNumber: i + 1, constitutionalCompliance: i !== 1 },
      ...{
        vendors: i === 0 ? ["Acme"] : ["Acme", "beta"],
        tasks: i === 2 ? ["TASK-001"] : [],
        createdBy: `client ${i}`,
      },
    });
  const numbers = async (args: string) => {
    const { deployments } = await t.ask<{ deployments: { totalCount: number; nodes: { prNumber: number }[] } }>(
      `{ deployments(projectId: "${t.projectId}"${args}) { totalCount nodes { prNumber } } }`,
    );
    return deployments.nodes.map(({ prNumber }) => prNumber);
  };
  expect(await numbers("")).toEqual([2, 3, 1]);
  for (const [filter, found] of [
    ['vendor: "ACME"', [2, 3, 1]],
    ['vendor: "beta"', [2, 3]],
    ['vendor: "nobody"', []],
    ['vendor: "a & b"', []],
    ['task: "task-001"', [3]],
    ["prNumber: {lt: 3}, constitutionalCompliance: true", [1]],
    ['deployedAt: {gte: "2025-10-02"}', [2, 3]],
    [`commitHash: {eq: "${COMMIT}"}, createdBy: {eq: "client 1"}`, [2]],
    ['or: [{task: "TASK-001"}, {not: {vendor: "beta"}}]', [3, 1]],
  ] as const)
    expect([filter, await numbers(`, filter: {${filter}}`)]).toEqual([filter, found]);
});

it("pages through the vendors and tasks of a deployment, either way", async () => {
  const t = await start();
  await record(t, { vendors: ["Acme", "beta", "Gamma"], tasks: ["TASK-001", "TASK-002"] });
  const page = async (of: string, args: string) => {
    const { deployments } = await t.ask<{ deployments: { nodes: { of: Record<string, string>[] }[] } }>(
      `{ deployments(projectId: "${t.projectId}") { nodes { of: ${of}(${args}) { ${of === "vendors" ? "name" : "taskId"} } } } }`,
    );
    return deployments.nodes[0]?.of.map((one) => Object.values(one)[0]);
  };
  expect(await page("vendors", "first: 2")).toEqual(["Acme", "beta"]);
  expect(await page("vendors", 'first: 2, after: "beta"')).toEqual(["Gamma"]);
  const backwards = "orderBy: {field: NAME, direction: DESC}";
  expect(await page("vendors", `${backwards}, after: "gamma"`)).toEqual(["beta", "Acme"]);
  expect(await page("tasks", 'first: 1, after: "TASK-001"')).toEqual(["TASK-002"]);
  expect(await page("tasks", backwards)).toEqual(["TASK-002", "TASK-001"]);
  const { errors } = await t.gql(
    `{ deployments(projectId: "${t.projectId}") { nodes { vendors(after: "\\u0000") { name } } } }`,
  );
  expect(errors?.[0]?.extensions["code"]).toBe("BAD_USER_INPUT");
});
