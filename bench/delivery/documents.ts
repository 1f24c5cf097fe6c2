import { graphql } from "../../client/gen/gql.ts";

export const FollowDelivery = graphql(`
  subscription FollowDelivery($projectId: ID!, $actors: [String!], $after: String) {
    taskEvents(filter: { projects: [$projectId], actors: $actors }, after: $after) {
      cursor
      caughtUp
      events {
        number
        type
        subjectId
        occurredAt
        actor
      }
    }
  }
`);

export const ClaimMeanwhile = graphql(`
  mutation ClaimMeanwhile($input: ClaimNextTaskInput!) {
    claimNextTask(input: $input) {
      attempt
    }
  }
`);

export const PageOfDelivery = graphql(`
  query PageOfDelivery($projectId: ID!, $after: String) {
    events(filter: { projects: [$projectId] }, after: $after, first: 100) {
      cursor
      caughtUp
      events {
        number
        type
        subjectId
        occurredAt
        actor
      }
    }
  }
`);
