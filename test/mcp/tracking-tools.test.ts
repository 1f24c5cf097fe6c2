import { expect, it } from "vitest";
import { makeProject, shareServer } from "../support/server.ts";
import { connectTools } from "./connect.ts";

const shared = shareServer();

async function start() {
  const t = await makeProject(shared.server, []);
  const tools = await connectTools({ ...t, defaultProject: t.projectId, toolsets: ["tracking"], name: "claude-code" });
  return { t, ...tools };
}

const MADE = { id: expect.any(String), version: 1, created_at: expect.any(String), created_by: "claude-code" };

it("creates work items of every type with metadata that are checked by it, below a parent", async () => {
  const { call } = await start();
  const { data: project } = await call("create_work_item", {
    ...{
      item_type: "project",
      title: "Extractors",
      metadata: { description: "All of them", target_quarter: "2026-Q1" },
    },
  });
  expect(project).toEqual({
    ...MADE,
    ...{ id: "TASK-001", project_id: expect.any(String), item_type: "project", status: "pending", title: "Extractors" },
    updated_at: expect.any(String),
  });
  const frontmatter = { token_budget: 50_000, prompts_count: 3, yaml_frontmatter: { schema_version: "1.0" } };
  for (const [item_type, metadata] of Object.entries({
    session: frontmatter,
    task: { estimated_hours: 4 },
    research: { research_questions: ["Why?"] },
  }))
    expect(
      (await call("create_work_item", { item_type, title: item_type, parent_id: "task-001", metadata })).data,
    ).toMatchObject({ ...MADE, item_type, parent_id: "TASK-001" });
  for (const [args, text] of [
    [
      { item_type: "session", title: "x", metadata: { token_budget: 1 } },
      /^metadata\.token_budget: must be at least 1000/,
    ],
    [{ item_type: "epic", title: "x" }, /item_type must be one of "?project/],
    [{ item_type: "task", title: "x".repeat(201) }, /^title: must have at most 200 characters/],
    [{ item_type: "task", title: "x", parent_id: "TASK-999" }, /^(?!.*tasks\[)(?!.*parent_task_id).*TASK-999/s],
  ] as const)
    expect(await call("create_work_item", args)).toMatchObject({ failed: true, text: expect.stringMatching(text) });
});

it("shows one with all above and below it, and lists by type, status and parent in pages", async () => {
  const { call } = await start();
  await call("create_work_item", { item_type: "project", title: "top" });
  for (let depth = 1; depth <= 5; depth++)
    await call("create_work_item", { item_type: "task", title: `level ${depth}`, parent_id: `TASK-00${depth}` });
  const { data } = await call("query_work_item", { id: "TASK-003" });
  expect(data).toMatchObject({
    ...{ ...MADE, id: "TASK-003", item_type: "task", title: "level 2", parent_id: "TASK-002", description: "level 2" },
    ancestors: [{ id: "TASK-002" }, { id: "TASK-001", item_type: "project", title: "top" }],
    below: [
      { id: "TASK-004", parent_id: "TASK-003", depth: 3, status: "pending" },
      { id: "TASK-005", depth: 4 },
      { id: "TASK-006", depth: 5 },
    ],
  });
  const ids = async (args: object) => {
    const { data } = await call("list_work_items", { ...args });
    return (data as { items: { id: string }[] }).items.map(({ id }) => id);
  };
  expect(await ids({ item_type: "project" })).toEqual(["TASK-001"]);
  expect(await ids({ parent_id: "task-001" })).toEqual(["TASK-002"]);
  expect(await ids({ status: "completed" })).toEqual([]);
  const first = await call("list_work_items", { item_type: "task", limit: 2 });
  expect(first.data).toMatchObject({ total: 5, items: [{ id: "TASK-002" }, { id: "TASK-003" }] });
  expect(await ids({ item_type: "task", cursor: (first.data as { next_cursor: string }).next_cursor })).toEqual([
    "TASK-004",
    "TASK-005",
    "TASK-006",
  ]);
});

it("changes a work item of the version that was read, and names the current one after somebody else's change", async () => {
  const { call } = await start();
  await call("create_work_item", { item_type: "task", title: "one", metadata: { estimated_hours: 4, note: "mine" } });
  expect(
    (await call("update_work_item", { id: "TASK-001", version: 1, metadata: { actual_hours: 3 } })).data,
  ).toMatchObject({
    ...{ ...MADE, version: 2 },
  });
  expect((await call("query_work_item", { id: "TASK-001" })).data).toMatchObject({
    metadata: { estimated_hours: 4, actual_hours: 3, note: "mine" },
  });
  expect(await call("update_work_item", { id: "TASK-001", version: 1, title: "two" })).toMatchObject({
    failed: true,
    text: expect.stringContaining("Task was modified by another client (expected version 1, current version 2)"),
  });
  expect(await call("update_work_item", { id: "TASK-001", version: 2 })).toMatchObject({
    failed: true,
    text: expect.stringContaining("Nothing to change"),
  });
  const at = "2026-01-01T00:00:00Z";
  expect(await call("update_work_item", { id: "TASK-001", version: 2, deleted_at: at, title: "x" })).toMatchObject({
    failed: true,
    text: expect.stringContaining("Pass deleted_at alone"),
  });
  expect((await call("update_work_item", { id: "TASK-001", version: 2, deleted_at: at })).data).toMatchObject({
    deleted_at: expect.any(String),
  });
  expect(await call("query_work_item", { id: "TASK-001" })).toMatchObject({ failed: true });
  expect(await call("update_work_item", { id: "TASK-001", version: 2, deleted_at: null })).toMatchObject({
    failed: true,
    text: expect.stringMatching(
      /expected version 2, current version 3\)\. To bring it back as it is, call again with version 3\. update_work_item takes/,
    ),
  });
  const restored = await call("update_work_item", { id: "TASK-001", version: 3, deleted_at: null });
  expect(restored.data).toMatchObject({ ...MADE, version: 4 });
  expect(restored.data).not.toHaveProperty("note");
});

it("takes as deleted_at an instant or null, alone, and changes nothing by anything else", async () => {
  const { call } = await start();
  await call("create_work_item", { item_type: "task", title: "one" });
  const id = { id: "TASK-001", version: 1 };
  for (const [args, text] of [
    [{ deleted_at: "yesterday" }, /deleted_at must be an instant of RFC 3339, like .*not "yesterday"/],
    [{ deleted_at: "2026-02-30T00:00:00Z" }, /deleted_at must be an instant/],
    [{ deleted_at: "2026-02-28" }, /deleted_at must be an instant/],
    [{ deleted_at: null, title: "two" }, /Pass deleted_at alone/],
    [{ cascade: true, title: "two" }, /cascade goes with deleted_at only/],
  ] as const)
    expect(await call("update_work_item", { ...id, ...args })).toMatchObject({
      failed: true,
      text: expect.stringMatching(text),
    });
  expect((await call("update_work_item", { ...id, deleted_at: null })).data).toMatchObject({
    ...{ version: 1, title: "one" },
    note: "TASK-001 was not deleted; it stays as it is.",
  });
  const gone = await call("update_work_item", { ...id, deleted_at: "2026-02-28T12:00:00.5+02:00" });
  expect(gone.data).toMatchObject({ version: 2, deleted_at: expect.any(String) });
});

it("moves a work item to the top by parent_id null, which its schema allows as that of deleted_at", async () => {
  const { call, client } = await start();
  await call("create_work_item", { item_type: "project", title: "top" });
  await call("create_work_item", { item_type: "task", title: "part", parent_id: "TASK-001" });
  const moved = await call("update_work_item", { id: "TASK-002", version: 1, parent_id: null });
  expect(moved.data).toMatchObject({ id: "TASK-002", version: 2 });
  expect(moved.data).not.toHaveProperty("parent_id");
  const { tools } = await client.listTools();
  const { properties } = tools.find(({ name }) => name === "update_work_item")?.inputSchema ?? {};
  for (const name of ["parent_id", "deleted_at"])
    expect(properties?.[name]).toMatchObject({ anyOf: [{ type: "string" }, { type: "null" }] });
});

it("says of a parent what a tool can do about it: cascade for what has children, another one for a circle", async () => {
  const { call } = await start();
  await call("create_work_item", { item_type: "project", title: "top" });
  await call("create_work_item", { item_type: "task", title: "part", parent_id: "TASK-001" });
  const circle = await call("update_work_item", { id: "TASK-001", version: 1, parent_id: "TASK-002" });
  expect(circle).toMatchObject({
    failed: true,
    text: expect.stringMatching(/circular reference.* Give another parent_id/),
  });
  expect(circle.text).not.toContain("dependencies");
  const away = { id: "TASK-001", version: 1, deleted_at: "2026-01-01T00:00:00Z" };
  expect(await call("update_work_item", away)).toMatchObject({
    failed: true,
    text: expect.stringMatching(/TASK-002\..* send cascade: true .*update_work_item takes .*cascade/),
  });
  expect((await call("update_work_item", { ...away, cascade: true })).data).toMatchObject({ version: 2 });
  expect(await call("query_work_item", { id: "TASK-002" })).toMatchObject({ failed: true });
  await call("update_work_item", { ...away, version: 2, deleted_at: null, cascade: true });
  expect((await call("query_work_item", { id: "TASK-002" })).data).toMatchObject({ parent_id: "TASK-001" });
});

it("shows every section of a long status, says which are cut, and reads on from any place", async () => {
  const { t, call } = await start();
  const titles = Array.from({ length: 500 }, (_, i) => `Work item number ${i} of many with a long title`);
  await t.ask("mutation ($input: AddTasksInput!) { addTasks(input: $input) { replayed } }", {
    input: { projectId: t.projectId, tasks: titles.map((title) => ({ title, description: title })) },
  });
  interface Status {
    readonly markdown: string;
    readonly read_on?: string;
  }
  const ask = async (args: object) => (await call("get_project_status", { ...args })).data as Status;
  const { markdown, read_on } = await ask({ markdown: true });
  expect(read_on).toMatch(/Cut in the markdown, of \d+ characters: Work Items \(500 total\)\. .*offset 0/);
  for (const shown of ["## Vendors (0", "number 9 of", "…", "## Future Enhancements", "## Configuration\n\n- Active"])
    expect(markdown).toContain(shown);
  let all = "";
  for (let offset: string | undefined = "0"; offset !== undefined; ) {
    const part: Status = await ask({ offset: Number(offset) });
    all += part.markdown;
    offset = part.read_on?.match(/offset (\d+) reads on/)?.[1];
  }
  expect(all).toContain("number 499 of");
  expect(all.match(/number \d+ of/g)).toHaveLength(500);
  expect(all).toMatch(/^# Project Status[\s\S]*## Configuration[\s\S]*\n$/);
});

it("adds, shows and changes vendors", async () => {
  const { call } = await start();
  const acme = {
    ...{ name: "Acme", status: "operational", extractor_version: "1.2.3", manifest_compliant: true },
    format_support: { excel: true, csv: true, pdf: false, ocr: false },
    test_results: { passing: 10, total: 12, skipped: 2 },
  };
  const times = { updated_at: expect.any(String) };
  expect((await call("create_vendor", acme)).data).toEqual({ ...MADE, ...acme, ...times });
  expect(await call("create_vendor", { ...acme, name: "ACME" })).toMatchObject({
    failed: true,
    text: expect.stringContaining("Vendor already exists: ACME"),
  });
  const changes = { status: "broken", test_results: { passing: 9, total: 12, skipped: 2 } };
  const changed = { ...MADE, ...acme, ...changes, ...times, version: 2 };
  expect((await call("update_vendor_status", { name: "acme", version: 1, ...changes })).data).toEqual(changed);
  expect((await call("query_vendor_status", { name: "ACME" })).data).toEqual(changed);
  for (const [tool, args, text] of [
    [
      "update_vendor_status",
      { name: "acme", version: 1, status: "operational" },
      "Vendor was modified by another client (expected version 1, current version 2)",
    ],
    [
      "update_vendor_status",
      { name: "acme", version: 2, test_results: { passing: 12, total: 12, skipped: 1 } },
      "passing + skipped must not exceed total",
    ],
    ["query_vendor_status", { name: "Nobody" }, "Vendor not found: Nobody"],
  ] as const)
    expect(await call(tool, args)).toMatchObject({ failed: true, text: expect.stringContaining(text) });
});

it("records deployments, keeps the configuration, and shows how the project stands", async () => {
  const { t, call } = await start();
  await call("create_vendor", { name: "Acme", status: "broken" });
  await call("create_work_item", { item_type: "task", title: "one" });
  const deployment = {
    ...{ commit_hash: "a".repeat(40), pr_number: 100, pr_title: "OCR", test_summary: { unit: 12, other: 1 } },
    ...{
      constitutional_compliance: true,
      vendors: ["acme"],
      work_items: ["TASK-001"],
      deployed_at: "2025-10-01T00:00:00.000Z",
    },
  };
  const { data: recorded } = await call("record_deployment", deployment);
  const { version: _, ...made } = MADE;
  expect(recorded).toEqual({ ...made, deployed_at: "2025-10-01T00:00:00.000Z" });
  expect(await call("record_deployment", { ...deployment, commit_hash: "A" })).toMatchObject({
    failed: true,
    text: expect.stringContaining("commit_hash must be 40 lowercase hex characters"),
  });
  expect((await call("query_work_item", { id: "TASK-001" })).data).toMatchObject({
    deployments: [{ id: (recorded as { id: string }).id, pr_number: 100 }],
  });
  const given = { active_context_type: "maintenance", git_branch: "main", default_token_budget: 100_000 };
  const configuration = {
    project_id: t.projectId,
    ...given,
    version: 2,
    updated_by: "claude-code",
    updated_at: expect.any(String),
  };
  expect((await call("update_project_configuration", { version: 1, ...given })).data).toEqual(configuration);
  expect((await call("get_project_configuration")).data).toEqual(configuration);
  expect(await call("update_project_configuration", { version: 1, git_branch: "x" })).toMatchObject({
    failed: true,
    text: expect.stringContaining(
      "Configuration was modified by another client (expected version 1, current version 2)",
    ),
  });
  await t.ask("mutation ($input: CreateEnhancementInput!) { createEnhancement(input: $input) { replayed } }", {
    input: { projectId: t.projectId, title: "Later", description: "x" },
  });
  expect((await call("get_project_status")).data).toMatchObject({
    project_id: t.projectId,
    vendors: { total: 1, broken: 1, names: ["Acme"] },
    work_items: { pending: 1, in_progress: 0, completed: 0 },
    deployments: { total: 1, latest: [{ id: (recorded as { id: string }).id, pr_title: "OCR" }] },
    enhancements: { open: 1, first: [{ title: "Later", priority: 3 }] },
    configuration,
  });
  const { markdown } = (await call("get_project_status", { markdown: true })).data as { markdown: string };
  expect(markdown).toContain("## Vendors (1 total)\n\n- Acme: broken");
});
