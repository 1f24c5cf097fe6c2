import { Command } from "commander";
import { mayPass } from "../client/faults.ts";
import { graphql } from "../client/gen/gql.ts";
import type { ProjectAtAGlanceFragment, WorkAtAGlanceQuery } from "../client/gen/graphql.ts";
import { sleep } from "../client/sleep.ts";
import { type Connected, connect, printJson, type ServerOptions, withJson } from "./shell/connect.ts";
import { allOf } from "./shell/pages.ts";
import { projectsOf } from "./shell/projects.ts";
import type { Shell } from "./shell/shell.ts";
import { type Column, table } from "./shell/table.ts";
import { count, fromNow, paint, plain } from "./shell/text.ts";

graphql(`
  fragment ProjectAtAGlance on Project {
    projectId
    name
    pausedAt
    taskCounts {
      status
      count
    }
  }
`);

const ProjectsAtAGlance = graphql(`
  query ProjectsAtAGlance($after: String) {
    projects(first: 100, after: $after) {
      nodes {
        ...ProjectAtAGlance
      }
      pageInfo {
        endCursor
        hasNextPage
      }
    }
  }
`);

const OneProjectAtAGlance = graphql(`
  query OneProjectAtAGlance($projectId: ID!) {
    project(projectId: $projectId) {
      ...ProjectAtAGlance
    }
  }
`);

const WorkAtAGlance = graphql(`
  query WorkAtAGlance($projects: [ID!]) {
    ready: taskCounts(filter: { projects: $projects, ready: true }, by: [PROJECT]) {
      projectId
      count
    }
    parked: taskCounts(filter: { projects: $projects, parked: true }, by: [PROJECT]) {
      projectId
      count
    }
    held: tasks(
      filter: { projects: $projects, status: { eq: IN_PROGRESS } }
      orderBy: { field: STARTED_AT, direction: DESC }
      first: 10
    ) {
      totalCount
      nodes {
        projectId
        taskId
        title
        description
        claimedBy
        startedAt
        stalled
      }
    }
  }
`);

const ProjectChanges = graphql(`
  subscription ProjectChanges($projects: [ID!]) {
    projectStatus(projects: $projects) {
      cursor
      projects {
        projectId
      }
    }
  }
`);

const StatusAsMarkdown = graphql(`
  query StatusAsMarkdown($projects: [ID!]) {
    statusReport(projects: $projects) {
      markdown
    }
  }
`);

interface StatusOptions extends ServerOptions {
  readonly watch?: true;
  readonly markdown?: true;
}

interface Counted {
  readonly project: string;
  readonly name: string;
  readonly paused: boolean;
  readonly pending: number;
  readonly ready: number;
  readonly inProgress: number;
  readonly completed: number;
  readonly parked: number;
}

type Held = WorkAtAGlanceQuery["held"];

/** Changes that come closer together than this are shown together. */
const SETTLES_MS = 250;
/** Pause before another try where no answer came. */
const AGAIN_MS = 1_000;

export const statusCommand = (shell: Shell): Command =>
  withJson(new Command("status"))
    .alias("tracking-status")
    .description("show how the projects stand: what waits, what is worked on by whom, what is done")
    .option("--project <names>", "all (the default), or names separated by commas")
    .option("--watch", "stay, and show every change as it happens, until Ctrl-C")
    .option("--markdown", "print the whole report with vendors, deployments and work items, as Markdown")
    .addHelpText(
      "after",
      `
Examples:
  docket status --project all
  docket status --project web-shop --watch
  docket status --json | jq '.projects[] | select(.ready > 0) | .project'`,
    )
    .action(async (options: StatusOptions) => {
      const connected = connect(shell, options);
      const projects = projectsOf(connected);
      if (options.markdown) {
        const { statusReport } = await connected.request(StatusAsMarkdown, { projects });
        return shell.out(statusReport.markdown);
      }
      if (options.watch) return watch(shell, connected, projects, options);
      shell.out(await render(shell, connected, projects, options));
    });

/** Draws anew at each change; a stream that begins tells everything once. */
async function watch(
  shell: Shell,
  connected: Connected,
  projects: string[] | undefined,
  options: StatusOptions,
): Promise<void> {
  let drawing: Promise<void> | undefined;
  let fault: { readonly error: unknown } | undefined;
  let changed = false;
  const draw = async () => {
    while (changed && !shell.signal.aborted) {
      changed = false;
      const shown = await render(shell, connected, projects, options).catch((error: unknown) => {
        if (!mayPass(error)) throw error;
        shell.err(`docket: ${plain(error.message)} Trying again.\n`);
        return undefined;
      });
      if (shown === undefined) {
        changed = true;
        await sleep(AGAIN_MS, shell.signal);
        continue;
      }
      const hint = paint(shell, "dim", "Live. Ctrl-C ends it.");
      if (shell.isTerminal && !options.json) shell.out(`\u001b[H\u001b[2J\u001b[3J${shown}\n${hint}\n`);
      else shell.out(options.json ? shown : `${shown}\n`);
      await sleep(SETTLES_MS, shell.signal);
    }
    drawing = undefined;
  };
  for await (const frame of connected.follow(ProjectChanges, { projects })) {
    if (fault) break;
    // Empty frames only show that the stream lives.
    if (frame.projects.length === 0) continue;
    changed = true;
    drawing ??= draw().catch((error: unknown) => {
      fault = { error };
    });
  }
  await drawing;
  if (fault) throw fault.error;
}

async function render(
  shell: Shell,
  connected: Connected,
  projects: string[] | undefined,
  { json, watch }: StatusOptions,
): Promise<string> {
  const [found, work] = await Promise.all([
    projects === undefined
      ? allProjects(connected)
      : Promise.all(
          projects.map(async (projectId) => (await connected.request(OneProjectAtAGlance, { projectId })).project),
        ),
    connected.request(WorkAtAGlance, { projects }),
  ]);
  const counted = found.map((project) => countedOf(project, work));
  if (!json) return forPeople(shell, counted, work.held);
  const inProgress = work.held.nodes.map(
    ({ projectId, taskId, title, description, claimedBy, startedAt, stalled }) => ({
      project: projectId,
      task: taskId,
      title: title ?? description,
      worker: claimedBy,
      startedAt,
      stalled,
    }),
  );
  let printed = "";
  printJson({ out: (text) => (printed += text) }, { projects: counted, inProgress }, { line: watch === true });
  return printed;
}

const allProjects = ({ request }: Connected) =>
  allOf(async (after) => (await request(ProjectsAtAGlance, { after })).projects);

function countedOf(
  { projectId, name, pausedAt, taskCounts }: ProjectAtAGlanceFragment,
  { ready, parked }: Pick<WorkAtAGlanceQuery, "ready" | "parked">,
): Counted {
  const of = (status: string) => taskCounts.find((one) => one.status === status)?.count ?? 0;
  const among = (groups: WorkAtAGlanceQuery["ready"]) => groups?.find((one) => one.projectId === projectId)?.count ?? 0;
  return {
    project: projectId,
    name,
    paused: pausedAt !== null,
    pending: of("PENDING"),
    ready: among(ready),
    inProgress: of("IN_PROGRESS"),
    completed: of("COMPLETED"),
    parked: among(parked),
  };
}

const some = (style: "green" | "yellow" | "red", value: number) => (value > 0 ? style : "dim");

const COLUMNS: readonly Column<Counted>[] = [
  { head: "PROJECT", cell: ({ project, paused }) => (paused ? `${project} (paused)` : project), shrinks: true },
  { head: "PENDING", cell: ({ pending }) => pending, right: true },
  { head: "READY", cell: ({ ready }) => ready, right: true, style: ({ ready }) => some("green", ready) },
  {
    head: "IN PROGRESS",
    cell: ({ inProgress }) => inProgress,
    right: true,
    style: ({ inProgress }) => some("yellow", inProgress),
  },
  { head: "COMPLETED", cell: ({ completed }) => completed, right: true },
  { head: "PARKED", cell: ({ parked }) => parked, right: true, style: ({ parked }) => some("red", parked) },
  { head: "DONE", cell: (counted) => shareDone(counted), right: true },
];

function shareDone({ pending, inProgress, completed }: Counted): string {
  const all = pending + inProgress + completed;
  return all === 0 ? "–" : `${Math.floor((100 * completed) / all)} %`;
}

function forPeople(shell: Shell, counted: readonly Counted[], held: NonNullable<Held>): string {
  if (counted.length === 0) return "There are no projects yet. `docket projects create NAME` makes one.\n";
  const sum = (what: (one: Counted) => number) => counted.reduce((all, one) => all + what(one), 0);
  const total: Counted = {
    project: count(counted.length, "project"),
    name: "",
    paused: false,
    pending: sum((one) => one.pending),
    ready: sum((one) => one.ready),
    inProgress: sum((one) => one.inProgress),
    completed: sum((one) => one.completed),
    parked: sum((one) => one.parked),
  };
  const projects = table(shell, COLUMNS, counted.length === 1 ? counted : [...counted, total]);
  if (held.nodes.length === 0) return projects;
  const working = table(
    shell,
    [
      { head: "TASK", cell: ({ projectId, taskId }) => (counted.length === 1 ? taskId : `${projectId}/${taskId}`) },
      { head: "WORKER", cell: ({ claimedBy }) => claimedBy },
      {
        head: "SINCE",
        cell: ({ startedAt, stalled }) => `${startedAt ? fromNow(shell, startedAt) : ""}${stalled ? " (stalled)" : ""}`,
        style: ({ stalled }) => (stalled ? "red" : undefined),
      },
      { head: "TITLE", cell: ({ title, description }) => title ?? description, shrinks: true },
    ],
    held.nodes,
  );
  const more = (held.totalCount ?? 0) - held.nodes.length;
  return `${projects}\n${working}${more > 0 ? `… and ${more} more\n` : ""}`;
}
