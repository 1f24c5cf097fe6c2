import { graphql } from "../client/gen/gql.ts";

export const SmokeSignIn = graphql(`
  query SmokeSignIn {
    viewer {
      name
      role
    }
  }
`);

export const SmokeProject = graphql(`
  mutation SmokeProject($input: CreateProjectInput!) {
    createProject(input: $input) {
      project {
        projectId
      }
    }
  }
`);

export const SmokeCursor = graphql(`
  query SmokeCursor {
    logCursor
  }
`);

export const SmokeAdd = graphql(`
  mutation SmokeAdd($input: AddTasksInput!) {
    addTasks(input: $input) {
      taskIds
    }
  }
`);

export const SmokeClaim = graphql(`
  mutation SmokeClaim($input: ClaimNextTaskInput!) {
    claimNextTask(input: $input) {
      attempt
      task {
        taskId
      }
      idle {
        message
      }
    }
  }
`);

export const SmokeRenew = graphql(`
  mutation SmokeRenew($input: RenewTaskLeaseInput!) {
    renewTaskLease(input: $input) {
      leaseExpiresAt
    }
  }
`);

export const SmokeComplete = graphql(`
  mutation SmokeComplete($input: UpdateTaskStatusInput!) {
    updateTaskStatus(input: $input) {
      task {
        status
      }
    }
  }
`);

export const SmokeReserve = graphql(`
  mutation SmokeReserve($input: ReserveIdsInput!) {
    reserveIds(input: $input) {
      reservedIds
      reservation {
        reservationId
      }
    }
  }
`);

export const SmokeConfirm = graphql(`
  mutation SmokeConfirm($input: ConfirmReservationInput!) {
    confirmReservation(input: $input) {
      reservation {
        status
      }
    }
  }
`);

export const SmokeTake = graphql(`
  mutation SmokeTake($input: TakeIdInput!) {
    takeId(input: $input) {
      id
    }
  }
`);

export const SmokeStream = graphql(`
  subscription SmokeStream($projectId: ID!, $after: String) {
    taskEvents(filter: { projects: [$projectId] }, after: $after) {
      cursor
      events {
        type
        subjectId
      }
    }
  }
`);

export const SmokeReminded = graphql(`
  query SmokeReminded($projectId: ID!, $waitSeconds: Int!) {
    events(filter: { projects: [$projectId], types: ["task.reminder.triggered"] }, first: 1, waitSeconds: $waitSeconds) {
      events {
        type
      }
    }
  }
`);

export const SmokeInstances = graphql(`
  query SmokeInstances($projectId: ID!, $taskId: ID!) {
    task(projectId: $projectId, taskId: $taskId) {
      instances(first: 1) {
        nodes {
          taskId
          dueDate
        }
      }
    }
  }
`);

export const SmokeHistory = graphql(`
  query SmokeHistory($projectId: ID!, $taskId: ID!) {
    task(projectId: $projectId, taskId: $taskId) {
      history {
        events {
          type
        }
      }
    }
  }
`);

export const SmokeDelete = graphql(`
  mutation SmokeDelete($input: DeleteTaskInput!) {
    deleteTask(input: $input) {
      replayed
    }
  }
`);

export const SmokeArchive = graphql(`
  mutation SmokeArchive($input: ArchiveProjectInput!) {
    archiveProject(input: $input) {
      replayed
    }
  }
`);
