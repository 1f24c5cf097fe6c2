import { graphql } from "../../client/gen/gql.ts";

export const CountBenchTasks = graphql(`
  query CountBenchTasks($by: [TaskGrouping!]!) {
    taskCounts(by: $by) {
      status
      projectId
      kind
      label
      worker
      count
    }
  }
`);

export const BenchTrends = graphql(`
  query BenchTrends($from: DateTimeOrDuration!, $interval: TrendInterval!) {
    projectTrends(from: $from, interval: $interval) {
      projectId
      start
      created
      completed
      failed
      cycleSecondsMedian
      cycleSecondsP90
      waitSecondsMedian
      waitSecondsP90
    }
  }
`);

export const BenchWorkers = graphql(`
  query BenchWorkers($since: DateTimeOrDuration!, $orderBy: WorkerOrder!) {
    workers(since: $since, orderBy: $orderBy) {
      worker
      held {
        taskId
      }
      heldCount
      completed
      failed
      lastSeenAt
    }
  }
`);

export const FailedMostBenchTasks = graphql(`
  query FailedMostBenchTasks {
    tasks(
      filter: { status: { ne: COMPLETED }, failedAttempts: { gt: 0 } }
      orderBy: { field: FAILED_ATTEMPTS, direction: DESC }
      first: 10
    ) {
      nodes {
        taskId
        failedAttempts
      }
    }
  }
`);
