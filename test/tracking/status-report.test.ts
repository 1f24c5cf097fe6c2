import { expect, it } from "vitest";
import { addTasks } from "../../src/tasks/add.ts";
import { addDependency } from "../../src/tasks/dependencies/add.ts";
import { parkTask } from "../../src/tasks/park.ts";
import { updateTask } from "../../src/tasks/update.ts";
import { updateTaskStatus } from "../../src/tasks/update-status.ts";
import { updateProjectConfiguration } from "../../src/tracking/configuration.ts";
import { createEnhancement } from "../../src/tracking/create-enhancement.ts";
import { createVendor } from "../../src/tracking/create-vendor.ts";
import { recordDeployment } from "../../src/tracking/record-deployment.ts";
import { statusMarkdown } from "../../src/tracking/status-markdown.ts";
import { MOST_PROJECTS, MOST_REPORTED, statusReport } from "../../src/tracking/status-report.ts";
import { seedTasks, type VerbTest, verbTest } from "../support/verbs.ts";

const projectId = "alpha";
const of = (taskId: string) => ({ projectId, taskId });
const COMMIT = "0123456789".repeat(4);

async function start(tasks = 0): Promise<VerbTest> {
  const t = await verbTest();
  await seedTasks(t, projectId, tasks);
  return t;
}

/** The report in Markdown, with stable times. */
async function markdown(t: VerbTest, viewer = {}): Promise<string> {
  const report = await statusReport(t.as({ role: "reader", ...viewer }), [projectId]);
  const today = report.generatedAt.toISOString().slice(0, 10);
  return statusMarkdown(report)
    .replaceAll(/Generated: .*/g, "Generated: now")
    .replaceAll(today, "TODAY");
}

it("renders a project in the layout of .project_status.md", async () => {
  const t = await start();
  const me = t.as();
  await createVendor(me, {
    ...{ projectId, name: "Beta_Corp", status: "operational", extractorVersion: "1.2.3", manifestCompliant: true },
    formatSupport: { excel: true, csv: true, pdf: false, ocr: false },
    testResults: { passing: 10, total: 12, skipped: 2 },
  });
  await createVendor(me, { projectId, name: "acme", status: "broken" });
  await addTasks(me, {
    projectId,
    tasks: [
      { key: "p", title: "Import *all*", kind: "project", description: "x", metadata: { description: "Everything" } },
      { key: "a", parentKey: "p", title: "Read", description: "x" },
      { key: "b", parentKey: "p", description: "Write [it]\nsecond line", dependsOn: ["a"] },
      { key: "c", parentKey: "b", title: "Check", description: "x", priority: 0 },
      { key: "d", title: "Done", description: "x" },
      {
        ...{ key: "s", kind: "session", title: "Night", description: "x" },
        metadata: {
          ...{ token_budget: 100_000, prompts_count: 2 },
          yaml_frontmatter: { schema_version: "1.0", goals: ["ship it", "```"], nested: { yes: true, none: [] } },
        },
      },
    ],
  });
  await updateTaskStatus(me, { ...of("TASK-005"), status: "in_progress" });
  await updateTaskStatus(me, { ...of("TASK-005"), status: "completed" });
  await updateTaskStatus(me, { ...of("TASK-002"), status: "in_progress", worker: "anna" });
  await parkTask(me, { ...of("TASK-004"), reason: "why?" });
  await recordDeployment(me, {
    ...{ projectId, commitHash: COMMIT, prNumber: 100, prTitle: "OCR", vendors: ["ACME", "Beta_Corp"] },
    ...{ tasks: ["TASK-005"], testSummary: { unit: 12 }, constitutionalCompliance: true },
  });
  await createEnhancement(me, { projectId, title: "OCR", description: "x", priority: 2, targetQuarter: "2026-Q1" });
  await createEnhancement(me, { projectId, title: "Now", description: "x", priority: 1, status: "approved" });
  await createEnhancement(me, { projectId, title: "Past", description: "x", status: "completed" });
  await updateProjectConfiguration(me, { projectId, gitBranch: "main", currentSession: "TASK-006" });
  expect(await markdown(t)).toBe(`# Project Status: alpha

Generated: now

## Vendors (2 total)

- acme: broken
- Beta\\_Corp: operational (10/12 tests passed, 2 skipped) [Excel, CSV] v1.2.3

## Deployments (1 total)

### TODAY - PR #100

- Title: OCR
- Commit: ${COMMIT}
- Work Items: TASK-005
- Vendors: acme, Beta\\_Corp
- Tests: unit: 12
- Constitutional Compliance: Yes

## Work Items (6 total)

- Projects: 1 pending
- Sessions: 1 pending
- Tasks: 2 pending, 1 in progress, 1 completed

### Open (5 total)

- TASK-001 Import \\*all\\* (project)
  - TASK-002 Read (in progress by anna)
  - TASK-003 Write \\[it\\] second line (blocked by TASK-002)
    - TASK-004 Check (parked)
- TASK-006 Night (session)

## Future Enhancements (2 total)

- Now (Priority: Highest, approved)
- OCR (Priority: High, Q1 2026)

## Session Prompts (1 total)

### Session TODAY

- Work Item: TASK-006 Night (pending)

\`\`\`yaml
goals:
  - ship it
  - "\`\`\`"
nested:
  "yes": true
  none: []
schema_version: "1.0"
\`\`\`

## Configuration

- Active Context: feature
- Current Session: TASK-006
- Git Branch: main
- Default Token Budget: 200000
`);
});

it("names what an open task waits for in other projects only to whom may see it", async () => {
  const t = await start(3);
  await seedTasks(t, "beta", 7);
  for (let n = 1; n <= 7; n++)
    await addDependency(t.as(), { ...of("TASK-001"), dependsOn: { projectId: "beta", taskId: `TASK-00${n}` } });
  await addDependency(t.as(), { ...of("TASK-001"), dependsOn: { taskId: "TASK-002" } });
  await updateTaskStatus(t.as(), { projectId: "beta", taskId: "TASK-001", status: "in_progress" });
  await updateTaskStatus(t.as(), { projectId: "beta", taskId: "TASK-001", status: "completed" });
  const seen = [2, 3, 4, 5].map((n) => `beta/TASK-00${n}`).join(", ");
  expect(await markdown(t)).toContain(`- TASK-001 work 1 (blocked by TASK-002, ${seen}, … and 2 more)\n`);
  const hidden = Array(4).fill("a task of another project").join(", ");
  expect(await markdown(t, { projectIds: ["alpha"] })).toContain(
    `- TASK-001 work 1 (blocked by TASK-002, ${hidden}, … and 2 more)\n`,
  );
});

it("shows the first of a long list, parents before what lies below them, and how many more there are", async () => {
  const t = await start(MOST_REPORTED.items);
  await updateTask(t.as(), { ...of("TASK-001"), parentTaskId: "TASK-002" });
  const [all] = (await statusReport(t.as(), [projectId])).projects;
  expect(all?.openItems).toHaveLength(MOST_REPORTED.items);
  expect(all?.openItems.slice(0, 2)).toMatchObject([
    { taskId: "TASK-002", level: 0 },
    { taskId: "TASK-001", level: 1 },
  ]);
  await addTasks(t.as(), { projectId, tasks: [{ description: "one more" }] });
  const cut = await statusReport(t.as(), [projectId]);
  expect(cut.projects[0]?.openItems).toHaveLength(MOST_REPORTED.items);
  expect(cut.projects[0]?.openItems.map(({ taskId }) => taskId)).not.toContain("TASK-001");
  expect(cut.projects[0]?.openItemCount).toBe(MOST_REPORTED.items + 1);
  expect(statusMarkdown(cut)).toContain("\n- … and 1 more\n");
});

it("reports several projects, all that the key sees unless they are named, and no more than 10", async () => {
  const t = await start(1);
  const more = Array.from({ length: MOST_PROJECTS }, (_, i) => `p${i}`);
  for (const id of more.slice(1)) await seedTasks(t, id, 0);
  const ids = async (named: string[] | null, viewer = {}) =>
    (await statusReport(t.as(viewer), named)).projects.map((project) => project.projectId);
  expect(await ids(null)).toEqual([projectId, ...more.slice(1)]);
  await seedTasks(t, "p0", 0);
  await expect(ids(null)).rejects.toMatchObject({ code: "BAD_USER_INPUT" });
  expect(await ids(["p1", "alpha"])).toEqual(["alpha", "p1"]);
  expect(await ids(null, { projectIds: ["p3"] })).toEqual(["p3"]);
  for (const named of ["alpha", "none"])
    await expect(ids([named], { projectIds: ["p3"] })).rejects.toMatchObject({ code: "PROJECT_NOT_FOUND" });
  await expect(ids(["none"])).rejects.toMatchObject({ code: "PROJECT_NOT_FOUND" });
  await t.owner.query("UPDATE projects SET archived_at = now() WHERE project_id = 'p0'");
  expect(await ids(null)).not.toContain("p0");
  expect(statusMarkdown(await statusReport(t.as({ projectIds: [] }), null))).toContain(
    "There is no project to report.",
  );
});

it("asks the database as often for ten projects as for one", async () => {
  const t = await start(3);
  const ids = Array.from({ length: MOST_PROJECTS - 1 }, (_, i) => `p${i}`);
  for (const id of ids) await seedTasks(t, id, 3);
  const asked = async (named: string[]) => {
    let count = 0;
    const read: VerbTest["database"]["read"] = (statement, values) => {
      count += 1;
      return t.database.read(statement, values);
    };
    await statusReport({ ...t.as(), db: { ...t.database, read } }, named);
    return count;
  };
  expect([await asked([projectId]), await asked([projectId, ...ids])]).toEqual([8, 8]);
});
