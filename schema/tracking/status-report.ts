import { DEPLOYMENT } from "../../src/tracking/deployment.ts";
import { ENHANCEMENT, type Enhancement as EnhancementShape } from "../../src/tracking/enhancement.ts";
import { MOST_BLOCKERS, type OpenItem } from "../../src/tracking/open-items.ts";
import { nameOf, statusMarkdown } from "../../src/tracking/status-markdown.ts";
import {
  type ItemCount as ItemCountShape,
  MOST_PROJECTS,
  MOST_REPORTED,
  type ProjectReport as ProjectReportShape,
  type ReportedDeployment as ReportedDeploymentShape,
  type ReportedSession as ReportedSessionShape,
  type StatusReport as StatusReportShape,
  statusReport,
} from "../../src/tracking/status-report.ts";
import type { Vendor as VendorShape } from "../../src/tracking/vendor.ts";
import { builder } from "../builder.ts";
import { listSize } from "../cost.ts";
import { shownFields } from "../noun.ts";
import { TaskKind, TaskStatus } from "../task/task.ts";
import { ProjectConfiguration } from "./configuration.ts";
import { EnhancementStatus } from "./enhancement.ts";
import { vendorFields } from "./vendor.ts";

/** A report of so many projects has no more than `MOST_REPORTED` together. */
const ofEach = (list: keyof typeof MOST_REPORTED) => listSize(MOST_REPORTED[list] / MOST_PROJECTS);
const shared = (list: keyof typeof MOST_REPORTED) =>
  `a report has at most ${MOST_REPORTED[list].toLocaleString("en")}, and each of its projects an equal share.`;

const ItemCount = builder.objectRef<ItemCountShape>("ItemCount").implement({
  description: "How many work items of one kind have one status.",
  fields: (t) => ({
    kind: t.expose("kind", { type: TaskKind, description: "What sort they are." }),
    status: t.expose("status", { type: TaskStatus, description: "Where they stand." }),
    count: t.exposeInt("count", { description: "How many, archived ones left out." }),
  }),
});

const ReportedVendor = builder.objectRef<VendorShape>("ReportedVendor").implement({
  description: "A vendor, as a report tells of it.",
});
builder.objectFields(ReportedVendor, vendorFields);

const ReportedDeployment = builder.objectRef<ReportedDeploymentShape>("ReportedDeployment").implement({
  description: "A deployment, as a report tells of it.",
});
builder.objectFields(ReportedDeployment, (t) => ({
  ...shownFields(t, DEPLOYMENT, {}),
  vendorNames: t.exposeStringList("vendorNames", { description: "The vendors that it was about, by name." }),
  taskIds: t.exposeIDList("taskIds", { description: "The tasks that it was about, deleted ones left out." }),
}));

const ReportedEnhancement = builder.objectRef<EnhancementShape>("ReportedEnhancement").implement({
  description: "An enhancement, as a report tells of it.",
});
builder.objectFields(ReportedEnhancement, (t) => shownFields(t, ENHANCEMENT, { status: EnhancementStatus }));

const ReportedSession = builder.objectRef<ReportedSessionShape>("ReportedSession").implement({
  description: "A task of the kind SESSION, with what stands at the head of its prompt.",
  fields: (t) => ({
    taskId: t.exposeID("taskId", { description: "Like TASK-046; unique within the project." }),
    title: t.exposeString("title", { nullable: true, description: "Its title." }),
    status: t.expose("status", { type: TaskStatus, description: "Where it stands." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was added." }),
    frontMatter: t.expose("frontMatter", {
      type: "JSON",
      nullable: true,
      description: "The yaml_frontmatter of its metadata; null: there is none.",
    }),
  }),
});

const OpenWorkItem = builder.objectRef<OpenItem>("OpenWorkItem").implement({
  description: "A task that is open, where it stands in the tree of all open ones.",
  fields: (t) => ({
    taskId: t.exposeID("taskId", { description: "Like TASK-046; unique within the project." }),
    level: t.exposeInt("level", { description: "How many open tasks lie above it." }),
    title: t.exposeString("title", { description: "Its title, or the first 200 characters of its description." }),
    kind: t.expose("kind", { type: TaskKind, description: "What sort it is." }),
    status: t.expose("status", { type: TaskStatus, description: "Where it stands." }),
    claimedBy: t.exposeString("claimedBy", { nullable: true, description: "The worker that holds it." }),
    isParked: t.exposeBoolean("isParked", { description: "Whether it is kept from being claimed." }),
    blockedBy: t.stringList({
      description: `The open tasks that it waits for, ${MOST_BLOCKERS} at most, like TASK-007 or web/TASK-007; "a task of another project" for one that this key does not see.`,
      resolve: (item) => item.blockers.map((blocker) => nameOf(blocker, item.projectId)),
    }),
    blockedByCount: t.exposeInt("blockerCount", { description: "For how many it waits." }),
  }),
});

const ProjectReport = builder.objectRef<ProjectReportShape>("ProjectReport").implement({
  description: "How one project stands.",
  fields: (t) => ({
    projectId: t.exposeID("projectId", { description: "The project." }),
    name: t.exposeString("name", { description: "What it is called." }),
    vendors: t.expose("vendors", {
      type: [ReportedVendor],
      description: `By name; ${shared("vendors")}`,
      extensions: ofEach("vendors"),
    }),
    vendorCount: t.exposeInt("vendorCount", { description: "How many there are." }),
    deployments: t.expose("deployments", {
      type: [ReportedDeployment],
      description: `The latest first; ${shared("deployments")}`,
      extensions: ofEach("deployments"),
    }),
    deploymentCount: t.exposeInt("deploymentCount", { description: "How many there are." }),
    itemCounts: t.expose("itemCounts", {
      type: [ItemCount],
      description: "The work items by kind and status, archived ones left out.",
      extensions: listSize(0),
    }),
    openItems: t.expose("openItems", {
      type: [OpenWorkItem],
      description: `What is open as a tree, each before its children, these as claims take them; ${shared("items")}`,
      extensions: ofEach("items"),
    }),
    openItemCount: t.exposeInt("openItemCount", { description: "How many are open." }),
    enhancements: t.expose("enhancements", {
      type: [ReportedEnhancement],
      description: `Those that are not completed, by priority; ${shared("enhancements")}`,
      extensions: ofEach("enhancements"),
    }),
    enhancementCount: t.exposeInt("enhancementCount", { description: "How many are not completed." }),
    sessions: t.expose("sessions", {
      type: [ReportedSession],
      description: `The tasks of the kind SESSION, the latest first; ${shared("sessions")}`,
      extensions: ofEach("sessions"),
    }),
    sessionCount: t.exposeInt("sessionCount", { description: "How many there are." }),
    configuration: t.expose("configuration", {
      type: ProjectConfiguration,
      nullable: true,
      description: "What is being worked on and where.",
    }),
  }),
});

const StatusReport = builder.objectRef<StatusReportShape>("StatusReport").implement({
  description: "The state of projects at one time.",
  fields: (t) => ({
    generatedAt: t.expose("generatedAt", { type: "DateTime", description: "By the database's clock." }),
    markdown: t.string({
      description:
        "All of it as Markdown, in the layout of .project_status.md: vendors, deployments, work items, future enhancements, session prompts, configuration. A blocking task that this key does not see reads `a task of another project`.",
      resolve: statusMarkdown,
    }),
    projects: t.expose("projects", {
      type: [ProjectReport],
      description: "By projectId.",
      extensions: listSize(MOST_PROJECTS),
    }),
  }),
});

builder.queryField("statusReport", (t) =>
  t.field({
    type: StatusReport,
    nullable: true,
    description: `How projects stand, as data and as Markdown; at most ${MOST_PROJECTS} in one report, else BAD_USER_INPUT. PROJECT_NOT_FOUND`,
    args: {
      projects: t.arg.idList({
        description: `Without it every project this key sees that is not archived, if those are ${MOST_PROJECTS} at most.`,
      }),
    },
    resolve: (_root, { projects }, ctx) => statusReport(ctx, projects ?? null),
  }),
);
