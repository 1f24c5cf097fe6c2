import { graphql } from "../../client/gen/gql.ts";

// Only fields that a repeated answer must give again exactly; what is current state may differ by then.

export const CreateRaceProject = graphql(`
  mutation CreateRaceProject($input: CreateProjectInput!) {
    createProject(input: $input) {
      replayed
    }
  }
`);

export const CreateRaceReader = graphql(`
  mutation CreateRaceReader($input: CreateApiKeyInput!) {
    createApiKey(input: $input) {
      secret
    }
  }
`);

export const AddRaceTasks = graphql(`
  mutation AddRaceTasks($input: AddTasksInput!) {
    addTasks(input: $input) {
      taskIds
      replayed
    }
  }
`);

export const ClaimRaceTask = graphql(`
  mutation ClaimRaceTask($input: ClaimNextTaskInput!) {
    claimNextTask(input: $input) {
      attempt
      task {
        taskId
      }
      replayed
    }
  }
`);

export const CompleteRaceTask = graphql(`
  mutation CompleteRaceTask($input: UpdateTaskStatusInput!) {
    updateTaskStatus(input: $input) {
      task {
        taskId
      }
      replayed
    }
  }
`);

export const CompleteRaceTaskAndGoOn = graphql(`
  mutation CompleteRaceTaskAndGoOn($input: CompleteAndClaimNextInput!) {
    completeAndClaimNext(input: $input) {
      completed {
        taskId
      }
      attempt
      task {
        taskId
      }
      replayed
    }
  }
`);

export const GiveBackRaceTask = graphql(`
  mutation GiveBackRaceTask($input: ReleaseTaskInput!) {
    releaseTask(input: $input) {
      task {
        taskId
      }
      replayed
    }
  }
`);

export const ReserveRaceIds = graphql(`
  mutation ReserveRaceIds($input: ReserveIdsInput!) {
    reserveIds(input: $input) {
      reservedIds
      reservation {
        reservationId
      }
      replayed
    }
  }
`);

export const ConfirmRaceIds = graphql(`
  mutation ConfirmRaceIds($input: ConfirmReservationInput!) {
    confirmReservation(input: $input) {
      released
      replayed
    }
  }
`);

export const GiveBackRaceIds = graphql(`
  mutation GiveBackRaceIds($input: ReleaseReservationInput!) {
    releaseReservation(input: $input) {
      released
      replayed
    }
  }
`);

export const RaceEvents = graphql(`
  subscription RaceEvents($filter: EventFilter, $after: String) {
    taskEvents(filter: $filter, after: $after) {
      cursor
      events {
        projectId
        number
      }
    }
  }
`);
