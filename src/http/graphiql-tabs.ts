/** A tab that GraphiQL opens with, the first time a browser comes. A window of 1,300 pixels shows 51 characters. */
interface Tab {
  readonly query: string;
  readonly variables?: string;
}

const overview = `# Welcome to Docket. Ask anything of all projects
# in one query: press Ctrl-Enter (⌘-Enter).
# Ctrl-Space completes; the book at the top left
# shows the whole schema. Nothing here yet?
# "npx docket demo" in another terminal lets agents
# work on five projects.
query Overview {
  viewer { name role projectIds }
  projects(first: 20) {
    totalCount
    nodes { projectId name taskCounts { status count } }
  }
  waiting: tasks(filter: { status: { in: [PENDING] } }, first: 10) {
    totalCount
    nodes { projectId taskId priority description }
  }
  underWay: tasks(filter: { status: { in: [IN_PROGRESS] } }, first: 10) {
    nodes { projectId taskId claimedBy leaseExpiresAt description }
  }
}
`;

const claim = `# How an agent takes work: here one task is added
# and taken at once. Two agents never get the same
# task. attempt proves that you hold it: pass it
# with every later write; once the lease is lost,
# such a write is refused.
mutation Claim($project: ID!) {
  addTasks(input: {
    projectId: $project, createProject: true
    tasks: [{ title: "Try Docket", description: "Claim it, then complete it", priority: 1 }]
  }) { taskIds }
  claimNextTask(input: { projectId: $project, worker: "graphiql", leaseSeconds: 900 }) {
    attempt
    task { taskId description leaseExpiresAt }
    briefing { checkpoint attempts { number worker outcome } }
    idle { message pending held retryAt }
  }
}
`;

const complete = `# Completes what this browser claimed last: the
# page fills in $task and $attempt, unless the
# variables below name them. Claim something first.
mutation Complete($task: ID!, $attempt: ID!) {
  updateTaskStatus(input: { taskId: $task, attempt: $attempt, status: COMPLETED, completionNotes: "Done in GraphiQL" }) {
    task { projectId taskId status completedAt completionNotes }
  }
}
`;

const reservation = `# Artifact IDs that can never collide: reserve a
# range, write the documents, then confirm them by
# confirmReservation(input: {reservationId: "…"})
# What is not confirmed within ttlSeconds goes back
# and is given again, lowest first. takeId gives
# one ID at once and for good.
mutation Reserve($project: ID!) {
  reserveIds(input: { projectId: $project, createProject: true, artifactType: "US", count: 3, ttlSeconds: 900 }) {
    reservedIds
    reservation { reservationId expiresAt }
  }
  takeId(input: { projectId: $project, createProject: true, artifactType: "SPEC" }) { id lastAssigned }
}
`;

const registry = `# How far each sequence of a project has come, and
# which numbers are given again first.
query Registry($project: ID!) {
  idRegistry(projectId: $project) { artifactType lastAssigned nextAvailable released }
}
`;

const live = `# Press play and watch who does what in every
# project. earlierFrames keeps the last ones in
# sight; an empty frame every 15 s shows that the
# stream lives. To resume, pass the last cursor as
# after: nothing is missed, or CURSOR_EXPIRED says
# how to start again.
subscription Watch {
  taskEvents {
    events {
      projectId number type
      worker keyName
      task { taskId title description status artifactId }
      subjectId artifactIds
      changes { field old new }
      occurredAt
    }
    caughtUp
    cursor
  }
}
`;

const variables = JSON.stringify({ project: "graphiql-try" }, null, 2);

/** Each tab has one operation: GraphiQL calls a tab by the operation that was played last. */
export const TABS: readonly Tab[] = [
  { query: overview },
  { query: claim, variables },
  { query: complete },
  { query: reservation, variables },
  { query: registry, variables },
  { query: live },
];
