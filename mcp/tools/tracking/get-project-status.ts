import { z } from "zod";
import { graphql } from "../../../client/gen/gql.ts";
import { fitTexts } from "../../fit.ts";
import { boundary } from "../../text.ts";
import { defineTool, projectOf } from "../../tool.ts";
import { configurationCard } from "../../tracking-cards.ts";
import { withoutEmpties } from "../../without-empties.ts";

/** The whole state of a project in one question; of long lists the part that matters now, and how many there are. */
const GetProjectStatus = graphql(`
  query GetProjectStatus($projectId: ID!, $markdown: Boolean!) {
    statusReport(projects: [$projectId]) @include(if: $markdown) {
      markdown
    }
    project(projectId: $projectId) {
      projectId
      taskCounts {
        status
        count
      }
      configuration {
        ...ConfigurationCard
      }
    }
    vendors(projectId: $projectId, first: 0) {
      totalCount
    }
    broken: vendors(projectId: $projectId, filter: { status: { eq: BROKEN } }, first: 20) {
      totalCount
      nodes {
        name
      }
    }
    deployments(projectId: $projectId, first: 5) {
      totalCount
      nodes {
        id: deploymentId
        deployed_at: deployedAt
        pr_number: prNumber
        pr_title: prTitle
      }
    }
    enhancements(projectId: $projectId, filter: { status: { ne: COMPLETED } }, first: 10) {
      totalCount
      nodes {
        id: enhancementId
        title
        priority
        target_quarter: targetQuarter
      }
    }
  }
`);

export const getProjectStatus = defineTool({
  name: "get_project_status",
  title: "See how a project stands",
  description:
    "See the state of a project in one answer: vendors and which are broken, work items by status, the latest deployments, open enhancements, the configuration. markdown adds all of it in the layout of .project_status.md; read_on says where it is cut.",
  input: z.strictObject({
    project_id: z.string().optional(),
    markdown: z.boolean().default(false),
    offset: z.int().min(0).max(100_000_000).describe("Of the markdown: from this character on").optional(),
  }),
  output: z.object({
    project_id: z.string(),
    vendors: z.object({ total: z.number(), broken: z.number() }),
    work_items: z.object({ pending: z.number(), in_progress: z.number(), completed: z.number() }),
    deployments: z.object({ total: z.number() }),
    enhancements: z.object({ open: z.number() }),
  }),
  example: { project_id: "my-project" },
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  async run(context, { project_id, offset, ...given }) {
    const markdown = given.markdown || offset !== undefined;
    const found = await context.query(GetProjectStatus, { projectId: projectOf(context, project_id), markdown });
    const { project, vendors, broken, deployments, enhancements, statusReport } = found;
    const counted = (status: string) => project.taskCounts.find((one) => one.status === status)?.count ?? 0;
    const names = nodesOf(broken).map(({ name }) => name);
    const answer = {
      project_id: project.projectId,
      vendors: { total: vendors.totalCount ?? 0, broken: broken.totalCount ?? 0, ...withoutEmpties({ names }) },
      work_items: {
        pending: counted("PENDING"),
        in_progress: counted("IN_PROGRESS"),
        completed: counted("COMPLETED"),
      },
      deployments: { total: deployments.totalCount ?? 0, ...withoutEmpties({ latest: nodesOf(deployments) }) },
      enhancements: {
        open: enhancements.totalCount ?? 0,
        ...withoutEmpties({ first: nodesOf(enhancements).map((one) => withoutEmpties(one)) }),
      },
      configuration: configurationCard(project.configuration),
    };
    if (!statusReport) return answer;
    const shown = offset === undefined ? overview : partFrom(offset);
    return fitTexts((most) => ({ ...answer, ...shown(statusReport.markdown, most) }));
  },
});

/** Every section, the long ones cut, so that a long list does not push out what comes after it. */
function overview(whole: string, most: number) {
  const cut: string[] = [];
  const sections = whole.split(/^(?=## )/m).map((section) => {
    if (section.length <= most) return section;
    cut.push(section.slice(0, section.indexOf("\n")).replace(/^#+ /, ""));
    return `${section.slice(0, boundary(section, most))}…\n\n`;
  });
  const markdown = sections.join("");
  if (cut.length === 0) return { markdown };
  return {
    read_on: `Cut in the markdown, of ${whole.length} characters: ${cut.join(", ")}. get_project_status with offset 0 reads all of it, part by part.`,
    markdown,
  };
}

const partFrom = (offset: number) => (whole: string, most: number) => {
  const from = boundary(whole, offset);
  const end = from + boundary(whole.slice(from), most);
  const read_on = `Characters ${from} to ${end} of ${whole.length} of the markdown; get_project_status with offset ${end} reads on.`;
  return { ...(end < whole.length && { read_on }), markdown: whole.slice(from, end) };
};

const nodesOf = <Node>({ nodes }: { readonly nodes: readonly (Node | null)[] | null }): Node[] =>
  (nodes ?? []).flatMap((node) => node ?? []);
