/** How PostGraphile is asked for what a document of the comparison asks: it makes a schema of its own from the tables. */
interface Translation {
  readonly query: string;
  /** From the variables of the comparison's document. */
  variables(given: Given): object;
}

/** The variables of all documents together. */
interface Given {
  readonly projectId?: string;
  readonly taskId?: string;
  readonly status?: string;
  readonly input?: Record<"projectId" | "artifactType" | "idempotencyKey", string> & { readonly count: number };
}

const TRANSLATIONS: Readonly<Record<string, Translation>> = {
  CompareEmpty: { query: "{ __typename }", variables: () => ({}) },
  CompareTask: {
    query: `query ($projectId: String!, $taskId: String!) {
      taskByProjectIdAndTaskId(projectId: $projectId, taskId: $taskId) { projectId taskId status priority description }
    }`,
    variables: (given) => given,
  },
  CompareList: {
    query: `query ($projectId: String!, $status: String!) {
      allTasks(
        first: 50
        orderBy: [PRIORITY_ASC, QUEUE_POSITION_ASC]
        condition: { projectId: $projectId, status: $status, deletedAt: null, archivedAt: null }
      ) { nodes { projectId taskId status priority description } }
    }`,
    variables: ({ projectId, status = "" }) => ({ projectId, status: status.toLowerCase() }),
  },
  CompareCounts: {
    query: "{ peerCounts { nodes { projectId status count } } }",
    variables: () => ({}),
  },
  CompareClaim: {
    query: `mutation ($project: String!, $key: String!) {
      peerClaim(input: { project: $project, key: $key }) { result { projectId taskId attempt secret description } }
    }`,
    variables: ({ input }) => ({ project: input?.projectId, key: input?.idempotencyKey }),
  },
  CompareReserve: {
    query: `mutation ($project: String!, $type: String!, $number: Int!) {
      peerReserve(input: { project: $project, type: $type, number: $number }) { result }
    }`,
    variables: ({ input }) => ({ project: input?.projectId, type: input?.artifactType, number: input?.count }),
  },
};

/** The body of a request. @throws Error for a document that it cannot answer. */
export function askedOfPostGraphile(name: string, variables: object): string {
  const translation = TRANSLATIONS[name];
  if (!translation) throw new Error(`PostGraphile is not asked for ${name}.`);
  return JSON.stringify({ query: translation.query, variables: translation.variables(variables) });
}

/** The operations whose questions it can answer. */
export const ANSWERED: ReadonlySet<string> = new Set([
  "empty",
  "task",
  "list",
  "counts",
  "claim",
  "reserve-spread",
  "reserve-hot",
]);
