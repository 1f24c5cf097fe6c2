import { graphql } from "../../client/gen/gql.ts";
import type { Connected } from "./connect.ts";
import { UsageFault } from "./exit.ts";

const NamesOfProjects = graphql(`
  query NamesOfProjects {
    projects(first: 100) {
      nodes {
        projectId
      }
    }
  }
`);

const ASK_WHICH =
  "Which project? Pass --project NAME, or set DOCKET_PROJECT, or project in a .docket.json of the repository.";

/** The projects that a command is about, undefined for all that the key sees. */
export function projectsOf({ chosen }: Connected): string[] | undefined {
  const named = chosen.project?.value ?? "all";
  if (named === "all") return undefined;
  const names = named.split(",").map((name) => name.trim());
  if (names.includes("")) throw new UsageFault(`--project ${named}: write all, or names separated by commas.`);
  return names;
}

/** The projects that may be claimed from: said by their names, as the server asks; at most 100 with all. */
export async function claimable(connected: Connected): Promise<string[]> {
  if (connected.chosen.project === undefined) throw new UsageFault(ASK_WHICH.replace("NAME", "NAME or all"));
  const named = projectsOf(connected);
  if (named !== undefined) return named;
  const { projects } = await connected.request(NamesOfProjects, {});
  return projects.nodes.map(({ projectId }) => projectId);
}

/** The one project that a command is about; undefined where none was named. */
export function projectOf({ chosen: { project } }: Connected): string | undefined {
  if (project === undefined) return undefined;
  if (project.value === "all" || project.value.includes(","))
    throw new UsageFault(`This command is about one project, and ${project.from} names ${project.value}.`);
  return project.value;
}

/** The same, where there must be one. */
export function neededProject(connected: Connected): string {
  const project = projectOf(connected);
  if (project === undefined) throw new UsageFault(ASK_WHICH);
  return project;
}
