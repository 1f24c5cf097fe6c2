import { ServerError } from "../../client/faults.ts";
import { graphql } from "../../client/gen/gql.ts";
import type { GraphQLRequest } from "../../client/request.ts";
import { demoProjects } from "./projects.ts";

const ArchiveDemoProject = graphql(`
  mutation ArchiveDemoProject($input: ArchiveProjectInput!) {
    archiveProject(input: $input) {
      replayed
    }
  }
`);

const UnarchiveDemoProject = graphql(`
  mutation UnarchiveDemoProject($input: UnarchiveProjectInput!) {
    unarchiveProject(input: $input) {
      replayed
    }
  }
`);

/** Archives the demo's projects and returns which there were. Throws a ServerError for a key that is no admin's. */
export const archiveDemo = (request: GraphQLRequest) =>
  ofThoseThatExist((input) => request(ArchiveDemoProject, { input }));

/** Brings them back. Throws a ServerError for a key that is no admin's. */
export const unarchiveDemo = (request: GraphQLRequest) =>
  ofThoseThatExist((input) => request(UnarchiveDemoProject, { input }));

async function ofThoseThatExist(change: (input: { projectId: string }) => Promise<unknown>): Promise<string[]> {
  const changed: string[] = [];
  for (const { projectId } of demoProjects) {
    try {
      await change({ projectId });
      changed.push(projectId);
    } catch (error) {
      if (!(error instanceof ServerError && error.is("PROJECT_NOT_FOUND"))) throw error;
    }
  }
  return changed;
}
