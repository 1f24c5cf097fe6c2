import { graphql } from "../../client/gen/gql.ts";

export const TokensOverview = graphql(`
  query TokensOverview {
    projects(first: 20) {
      nodes {
        projectId
        taskCounts {
          status
          count
        }
      }
    }
    tasks(filter: { status: { eq: IN_PROGRESS } }, first: 50) {
      nodes {
        projectId
        taskId
        description
        claimedBy
      }
    }
  }
`);

export const HoldTokensTask = graphql(`
  mutation HoldTokensTask($input: UpdateTaskStatusInput!) {
    updateTaskStatus(input: $input) {
      attempt
    }
  }
`);
