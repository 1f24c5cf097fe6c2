import type { TaskKey } from "../tasks/task.ts";
import type { Enhancement } from "./enhancement.ts";
import type { OpenItem } from "./open-items.ts";
import type { ItemCount, ProjectReport, ReportedDeployment, ReportedSession, StatusReport } from "./status-report.ts";
import { readFormatSupport, readTestResults, type Vendor } from "./vendor.ts";
import { toYaml } from "./yaml.ts";

/** A report in the layout of `.project_status.md`. What people wrote shows as they wrote it. */
export const statusMarkdown = ({ generatedAt, projects }: StatusReport): string =>
  projects.length === 0
    ? `# Project Status\n\nGenerated: ${generatedAt.toISOString()}\n\nThere is no project to report.\n`
    : projects.map((project) => ofProject(project, generatedAt)).join("\n");

function ofProject(project: ProjectReport, generatedAt: Date): string {
  const { projectId, name, vendors, deployments, openItems, openItemCount, enhancements, sessions } = project;
  const total = project.itemCounts.reduce((sum, { count }) => sum + count, 0);
  const parts = [
    [`# Project Status: ${name === projectId ? projectId : `${text(name)} (${projectId})`}`],
    [`Generated: ${generatedAt.toISOString()}`],
    [heading("Vendors", project.vendorCount)],
    list(vendors.map(vendorLine), project.vendorCount),
    [heading("Deployments", project.deploymentCount)],
    ...deployments.flatMap(deployment),
    rest(deployments.length, project.deploymentCount),
    [heading("Work Items", total)],
    itemCounts(project.itemCounts),
    ...(openItemCount > 0 ? [[`### Open (${openItemCount} total)`]] : []),
    list(openItems.map(itemLine), openItemCount),
    [heading("Future Enhancements", project.enhancementCount)],
    list(enhancements.map(enhancementLine), project.enhancementCount),
    [heading("Session Prompts", project.sessionCount)],
    ...sessions.flatMap(session),
    rest(sessions.length, project.sessionCount),
    ["## Configuration"],
    configuration(project),
  ];
  return `${parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

const heading = (what: string, total: number) => `## ${what} (${total} total)`;
const rest = (shown: number, total: number) => (total > shown ? [`… and ${total - shown} more`] : []);
const list = (lines: readonly string[], total: number) => [
  ...lines,
  ...rest(lines.length, total).map((more) => `- ${more}`),
];

/** What somebody wrote, on one line, without a meaning in Markdown. */
const text = (written: string): string =>
  written
    .replaceAll(/[\s\p{Cc}]+/gu, " ")
    .trim()
    .replaceAll(/[\\`*_[\]<>~|&#]/g, "\\$&");

const day = (at: Date) => at.toISOString().slice(0, 10);

const FORMATS = { excel: "Excel", csv: "CSV", pdf: "PDF", ocr: "OCR" } as const;

function vendorLine({ name, status, extractorVersion, formatSupport, testResults }: Vendor): string {
  const results = readTestResults(testResults);
  const support = readFormatSupport(formatSupport);
  const formats = (["excel", "csv", "pdf", "ocr"] as const).filter((format) => support?.[format]);
  return [
    `- ${text(name)}: ${status}`,
    ...(results ? [`(${results.passing}/${results.total} tests passed, ${results.skipped} skipped)`] : []),
    ...(formats.length > 0 ? [`[${formats.map((format) => FORMATS[format]).join(", ")}]`] : []),
    ...(extractorVersion === null ? [] : [`v${text(extractorVersion).replace(/^v/, "")}`]),
  ].join(" ");
}

function deployment({ deployedAt, prNumber, prTitle, commitHash, ...told }: ReportedDeployment): string[][] {
  const { testSummary, constitutionalCompliance, vendorNames, taskIds } = told;
  const tests = Object.entries((testSummary ?? {}) as Record<string, unknown>).map(
    ([name, count]) => `${text(name)}: ${count}`,
  );
  const bullets = [
    ["Title", prTitle === null ? "" : text(prTitle)],
    ["Commit", commitHash],
    ["Work Items", taskIds.join(", ")],
    ["Vendors", vendorNames.map(text).join(", ")],
    ["Tests", tests.join(", ")],
    ["Constitutional Compliance", constitutionalCompliance === null ? "" : constitutionalCompliance ? "Yes" : "No"],
  ] as const;
  return [
    [`### ${day(deployedAt)}${prNumber === null ? "" : ` - PR #${prNumber}`}`],
    bullets.flatMap(([name, value]) => (value === "" ? [] : [`- ${name}: ${value}`])),
  ];
}

const KINDS = { project: "Projects", session: "Sessions", research: "Research", task: "Tasks" } as const;
const words = (status: string) => status.replace("_", " ");

/** A line for each kind. */
function itemCounts(counts: readonly ItemCount[]): string[] {
  const byKind = Map.groupBy(counts, ({ kind }) => kind);
  return [...byKind].map(
    ([kind, ofKind]) =>
      `- ${KINDS[kind]}: ${ofKind.map(({ status, count }) => `${count} ${words(status)}`).join(", ")}`,
  );
}

function itemLine({ projectId, level, taskId, title, kind, status, claimedBy, isParked, ...item }: OpenItem): string {
  const states = [
    ...(kind === "task" ? [] : [kind]),
    ...(isParked ? ["parked"] : []),
    ...(status === "in_progress" ? [`in progress${claimedBy === null ? "" : ` by ${text(claimedBy)}`}`] : []),
  ];
  const { blockers, blockerCount } = item;
  const named = [...blockers.map((blocker) => nameOf(blocker, projectId)), ...rest(blockers.length, blockerCount)];
  return [
    `${"  ".repeat(level)}- ${taskId} ${text(title)}`,
    ...(states.length > 0 ? [`(${states.join(", ")})`] : []),
    ...(named.length > 0 ? [`(blocked by ${named.join(", ")})`] : []),
  ].join(" ");
}

/** A task that another one of this project waits for; null: the viewer does not see it. */
export function nameOf(blocker: TaskKey | null, projectId: string): string {
  if (blocker === null) return "a task of another project";
  return blocker.projectId === projectId ? blocker.taskId : `${blocker.projectId}/${blocker.taskId}`;
}

const PRIORITIES = ["Highest", "High", "Medium", "Low", "Lowest"];

function enhancementLine({ title, priority, targetQuarter, status }: Enhancement): string {
  const [year, quarter] = targetQuarter?.split("-") ?? [];
  const said = [
    `Priority: ${PRIORITIES[priority - 1] ?? priority}`,
    ...(quarter === undefined ? [] : [`${quarter} ${year}`]),
    ...(status === "planned" ? [] : [status]),
  ];
  return `- ${text(title)} (${said.join(", ")})`;
}

function session({ taskId, title, status, createdAt, frontMatter }: ReportedSession): string[][] {
  return [
    [`### Session ${day(createdAt)}`],
    [`- Work Item: ${taskId}${title === null ? "" : ` ${text(title)}`} (${words(status)})`],
    ...(frontMatter == null ? [] : [["```yaml", toYaml(frontMatter), "```"]]),
  ];
}

function configuration({ configuration: found }: ProjectReport): string[] {
  if (!found) return [];
  const { activeContextType, currentSession, gitBranch, gitHeadCommit, defaultTokenBudget } = found;
  const said = [
    ["Active Context", activeContextType],
    ["Current Session", currentSession],
    ["Git Branch", gitBranch],
    ["Git Head", gitHeadCommit],
    ["Default Token Budget", String(defaultTokenBudget)],
  ] as const;
  return said.flatMap(([name, value]) => (value === null ? [] : [`- ${name}: ${text(value)}`]));
}
