import { graphql } from "../../client/gen/gql.ts";

export const CompareEmpty = graphql(`
  query CompareEmpty {
    __typename
  }
`);

export const CompareTask = graphql(`
  query CompareTask($projectId: ID!, $taskId: ID!) {
    task(projectId: $projectId, taskId: $taskId) {
      projectId
      taskId
      status
      priority
      description
    }
  }
`);

export const CompareList = graphql(`
  query CompareList($projectId: ID!, $status: TaskStatus!) {
    tasks(filter: { projects: [$projectId], status: { eq: $status } }, first: 50) {
      nodes {
        projectId
        taskId
        status
        priority
        description
      }
    }
  }
`);

export const CompareCounts = graphql(`
  query CompareCounts {
    projects(first: 20) {
      nodes {
        projectId
        taskCounts {
          status
          count
        }
      }
    }
  }
`);

export const CompareClaim = graphql(`
  mutation CompareClaim($input: ClaimNextTaskInput!) {
    claimNextTask(input: $input) {
      attempt
      task {
        projectId
        taskId
        description
      }
    }
  }
`);

export const CompareRenew = graphql(`
  mutation CompareRenew($input: RenewTaskLeaseInput!) {
    renewTaskLease(input: $input) {
      leaseExpiresAt
    }
  }
`);

export const CompareStatus = graphql(`
  mutation CompareStatus($input: UpdateTaskStatusInput!) {
    updateTaskStatus(input: $input) {
      attempt
      task {
        taskId
        status
      }
    }
  }
`);

export const CompareBatch = graphql(`
  mutation CompareBatch($input: AddTasksInput!) {
    addTasks(input: $input) {
      taskIds
    }
  }
`);

export const CompareReserve = graphql(`
  mutation CompareReserve($input: ReserveIdsInput!) {
    reserveIds(input: $input) {
      reservedIds
      reservation {
        reservationId
      }
    }
  }
`);
