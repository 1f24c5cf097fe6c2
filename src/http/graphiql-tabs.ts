/** A tab that GraphiQL opens with, the first time a browser comes. Its pane shows lines of about 60 characters. */
interface Tab {
  readonly query: string;
  readonly variables?: string;
}

const overview = `# Welcome to Docket. Ask anything of all projects in one
# query: press Ctrl-Enter (⌘-Enter). Ctrl-Space completes;
# the book at the top left shows the whole schema.
# Nothing here yet? "npm run demo" in another terminal lets
# agents work on five projects.
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

const claim = `# How an agent takes work. Nothing waiting yet? Run AddWork
# first (the play button lets you choose).
# Two agents never get the same task. attempt proves that you
# hold it: pass it with every later write; once the lease is
# lost, such a write is refused.
mutation Claim($project: ID!) {
  claimNextTask(input: { projectId: $project, worker: "graphiql", leaseSeconds: 900 }) {
    attempt
    task { taskId description leaseExpiresAt }
    briefing { checkpoint attempts { number worker outcome } }
    idle { message pending held retryAt }
  }
}

mutation AddWork($project: ID!) {
  addTasks(input: {
    projectId: $project, createProject: true
    tasks: [{ description: "Try Docket", priority: 1 }]
  }) { taskIds }
}

# Completes what this browser holds (no attempt given: the
# open one of the same key and client).
mutation Complete($project: ID!, $task: ID!) {
  updateTaskStatus(input: {
    projectId: $project, taskId: $task, status: COMPLETED, completionNotes: "Done in GraphiQL"
  }) { task { taskId status completedAt } }
}
`;

const reservation = `# Artifact IDs that can never collide: reserve a range,
# write the documents, confirm. What is not confirmed within
# ttlSeconds goes back and is given again, lowest first.
mutation Reserve($project: ID!) {
  reserveIds(input: { projectId: $project, createProject: true, artifactType: "US", count: 3, ttlSeconds: 900 }) {
    reservedIds
    reservation { reservationId expiresAt }
  }
}

mutation Confirm($reservation: ID!) {
  confirmReservation(input: { reservationId: $reservation }) {
    reservation { ids status confirmedAt }
  }
}

query Registry($project: ID!) {
  idRegistry(projectId: $project) { artifactType lastAssigned nextAvailable released }
}
`;

const live = `# Press play and watch what happens in every project; an
# empty frame every 15 s shows that the stream lives.
# To resume, pass the last cursor as after: nothing is
# missed, or CURSOR_EXPIRED says how to start again.
subscription Watch {
  taskEvents {
    cursor
    caughtUp
    events { number type occurredAt actor projectId subjectId changes { field old new } }
  }
}
`;

const project = (more: Record<string, string> = {}) => JSON.stringify({ project: "graphiql-try", ...more }, null, 2);

export const TABS: readonly Tab[] = [
  { query: overview },
  { query: claim, variables: project({ task: "TASK-001" }) },
  { query: reservation, variables: project({ reservation: "paste reservationId here" }) },
  { query: live },
];
