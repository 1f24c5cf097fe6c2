import type { TypedDocumentString } from "../../client/gen/graphql.ts";
import {
  CompareBatch,
  CompareClaim,
  CompareCounts,
  CompareEmpty,
  CompareList,
  CompareRenew,
  CompareReserve,
  CompareStatus,
  CompareTask,
} from "./documents.ts";

/** One time that one connection does an operation. */
export interface Turn {
  /** From 0. */
  readonly connection: number;
  readonly connections: number;
  /** From 0, on this connection. */
  readonly number: number;
  /** Unique over all rounds. */
  readonly key: string;
}

/** What is sent next, and whether its answer is wanted to go on. */
export interface Question {
  readonly document: TypedDocumentString<unknown, never>;
  readonly variables: object;
  readonly wanted: boolean;
}

/** The questions of one turn; each is sent when the one before has been answered. */
export type Questions = Generator<Question, void, unknown>;

export interface Operation {
  readonly name: string;
  readonly what: string;
  readonly turn: (turn: Turn) => Questions;
  /** What it leaves has to be put away before the next round. */
  readonly writes: boolean;
  /** Without a statement it cannot be compared with the statements alone. */
  readonly statements?: false;
  /** Docket combines requests that come together; the bare server is measured with that, too. */
  readonly combined?: boolean;
}

/** The projects that are loaded, each with its share of the tasks. */
export const PROJECTS = ["compare-a", "compare-b", "compare-c", "compare-d", "compare-e"];
export const TASKS = 10_000;
const TASKS_OF_PROJECT = TASKS / PROJECTS.length;

const LEASE_SECONDS = 900;
const BATCH = 100;
const RESERVED = 6;
const ARTIFACT_TYPES = ["US", "SPEC", "EPIC", "PRD"];

const at = <Item>(items: readonly Item[], i: number): Item => {
  const item = items[i % items.length];
  if (item === undefined) throw new Error("There is nothing to choose from.");
  return item;
};

/** Turns of all connections, counted through. */
const count = ({ connection, connections, number }: Turn) => number * connections + connection;
const projectOf = (turn: Turn) => at(PROJECTS, count(turn));

/** Each task in turn, spread over the projects. */
function taskOf(turn: Turn): { projectId: string; taskId: string } {
  const place = Math.floor(count(turn) / PROJECTS.length) % TASKS_OF_PROJECT;
  return { projectId: projectOf(turn), taskId: `TASK-${String(place + 1).padStart(3, "0")}` };
}

function* ask<Result, Variables extends object>(
  document: TypedDocumentString<Result, Variables>,
  variables: Variables,
): Generator<Question, Result, unknown> {
  return (yield { document, variables, wanted: true }) as Result;
}

function* send<Result, Variables extends object>(
  document: TypedDocumentString<Result, Variables>,
  variables: Variables,
): Questions {
  yield { document, variables, wanted: false };
}

function* cycle(turn: Turn): Questions {
  const { claimNextTask } = yield* ask(CompareClaim, {
    input: { projectId: projectOf(turn), leaseSeconds: LEASE_SECONDS, idempotencyKey: turn.key },
  });
  const { attempt = null, task = null } = claimNextTask ?? {};
  if (attempt === null || task === null) throw new Error("No task was left to claim.");
  const held = { projectId: task.projectId, taskId: task.taskId, attempt };
  yield* send(CompareRenew, { input: { ...held, leaseSeconds: LEASE_SECONDS } });
  yield* send(CompareStatus, { input: { ...held, status: "COMPLETED", idempotencyKey: `${turn.key}-end` } });
}

export const OPERATIONS: readonly Operation[] = [
  { name: "empty", what: "{ __typename }", writes: false, statements: false, turn: () => send(CompareEmpty, {}) },
  { name: "task", what: "one task by its key", writes: false, turn: (turn) => send(CompareTask, taskOf(turn)) },
  {
    name: "list",
    what: "the first 50 pending tasks of a project",
    writes: false,
    turn: (turn) => send(CompareList, { projectId: projectOf(turn), status: "PENDING" }),
  },
  {
    name: "counts",
    what: "every project with its tasks by status",
    writes: false,
    turn: () => send(CompareCounts, {}),
  },
  {
    name: "claim",
    what: "the next task of a project, with an idempotency key",
    writes: true,
    combined: true,
    turn: (turn) =>
      send(CompareClaim, {
        input: { projectId: projectOf(turn), leaseSeconds: LEASE_SECONDS, idempotencyKey: turn.key },
      }),
  },
  { name: "cycle", what: "claim, renew, complete: three requests", writes: true, combined: true, turn: cycle },
  {
    name: "status",
    what: "one task by its key becomes IN_PROGRESS",
    writes: true,
    combined: true,
    turn: (turn) =>
      send(CompareStatus, { input: { ...taskOf(turn), status: "IN_PROGRESS", idempotencyKey: turn.key } }),
  },
  {
    name: "batch",
    what: `${BATCH} tasks are added at once`,
    writes: true,
    turn: (turn) =>
      send(CompareBatch, {
        input: {
          projectId: projectOf(turn),
          idempotencyKey: turn.key,
          tasks: Array.from({ length: BATCH }, (_, i) => ({ description: `added ${i}`, priority: i % 5 })),
        },
      }),
  },
  {
    name: "reserve-spread",
    what: `${RESERVED} IDs of one of ${PROJECTS.length * ARTIFACT_TYPES.length} sequences`,
    writes: true,
    combined: true,
    turn: (turn) =>
      send(CompareReserve, {
        input: {
          projectId: projectOf(turn),
          artifactType: at(ARTIFACT_TYPES, Math.floor(count(turn) / PROJECTS.length)),
          count: RESERVED,
        },
      }),
  },
  {
    name: "reserve-hot",
    what: `${RESERVED} IDs of one sequence that all ask for`,
    writes: true,
    combined: true,
    turn: () => send(CompareReserve, { input: { projectId: at(PROJECTS, 0), artifactType: "US", count: RESERVED } }),
  },
];

/** @throws Error naming those there are. */
export function operationNamed(name: string): Operation {
  const found = OPERATIONS.find((operation) => operation.name === name);
  if (found) return found;
  throw new Error(`There is no operation ${name}. There are: ${OPERATIONS.map((known) => known.name).join(", ")}.`);
}

/** The name that a document gives its operation. */
export function nameOf(document: { toString(): string }): string {
  const [, name] = /\b(?:query|mutation) (\w+)/.exec(document.toString()) ?? [];
  if (name === undefined) throw new Error("The document has no name.");
  return name;
}
