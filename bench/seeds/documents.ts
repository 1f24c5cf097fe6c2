import { graphql } from "../../client/gen/gql.ts";

export const LookAtBenchTask = graphql(`
  query LookAtBenchTask($projectId: ID!) {
    nextTask(projectId: $projectId) {
      task {
        taskId
        description
        inputs
      }
    }
  }
`);

export const ListBenchTasks = graphql(`
  query ListBenchTasks($projectId: ID!, $status: TaskStatus!) {
    tasks(filter: { projects: [$projectId], status: { eq: $status } }, first: 50) {
      nodes {
        projectId
        taskId
        status
      }
    }
  }
`);

export const AddBenchTasks = graphql(`
  mutation AddBenchTasks($input: AddTasksInput!) {
    addTasks(input: $input) {
      taskIds
    }
  }
`);

export const ClaimBenchTask = graphql(`
  mutation ClaimBenchTask($input: ClaimNextTaskInput!) {
    claimNextTask(input: $input) {
      attempt
      task {
        taskId
      }
    }
  }
`);

export const SetBenchStatus = graphql(`
  mutation SetBenchStatus($input: UpdateTaskStatusInput!) {
    updateTaskStatus(input: $input) {
      task {
        status
      }
    }
  }
`);

export const ReserveBenchIds = graphql(`
  mutation ReserveBenchIds($input: ReserveIdsInput!) {
    reserveIds(input: $input) {
      reservedIds
      reservation {
        reservationId
      }
    }
  }
`);

export const WhereSequenceStands = graphql(`
  query WhereSequenceStands($projectId: ID!, $artifactType: String!) {
    idRegistry(projectId: $projectId, artifactType: $artifactType) {
      lastAssigned
    }
  }
`);

export const BenchEvents = graphql(`
  subscription BenchEvents($filter: EventFilter, $after: String) {
    taskEvents(filter: $filter, after: $after) {
      cursor
      events {
        subjectId
        type
      }
    }
  }
`);

export const ReportBenchStatus = graphql(`
  query ReportBenchStatus($projectId: ID!) {
    statusReport(projects: [$projectId]) {
      generatedAt
      markdown
    }
  }
`);

export const SearchBenchTasks = graphql(`
  query SearchBenchTasks($text: String!, $orderBy: TaskOrder!) {
    tasks(filter: { text: $text }, orderBy: $orderBy, first: 100) {
      totalCount
      nodes {
        projectId
        taskId
        description
        status
      }
    }
  }
`);
