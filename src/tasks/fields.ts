import * as z from "zod";
import type { Attempt, Task } from "../../prisma/generated/client/client.ts";
import { type FieldsOf, noun } from "../db/noun.ts";
import { jsonFault } from "../db/storable.ts";
import { said, text } from "../db/text-checks.ts";
import { reminderOffsets } from "./reminders.ts";
import { CATCH_UPS, OUTCOMES, REMINDER_STATUSES, TASK_KINDS, TASK_STATUSES } from "./task.ts";

export type { Attempt, Task };

const names = z.array(said(500)).max(100);
/** Enough for notes of a machine; what is larger belongs into a file. */
const LARGEST_METADATA_BYTES = 65_536;
const metadata = z.record(z.string(), z.unknown()).superRefine((given, ctx) => {
  const fault = jsonFault(given, LARGEST_METADATA_BYTES);
  if (fault) ctx.addIssue(fault);
});

const OF_TASK = {
  projectId: { set: "server", shown: "ID", description: "The project that it belongs to." },
  taskId: { set: "server", shown: "ID", description: "Like TASK-046; unique within the project." },
  title: { set: "both", check: said(200), description: "At most 200 characters." },
  description: {
    set: "both",
    check: said(100_000),
    long: true,
    description: "What is to be done, at most 100,000 characters. Required, but for an item with an artifactId.",
  },
  kind: {
    set: "both",
    choice: TASK_KINDS,
    default: "task",
    description: "What sort of work item it is; TASK by default.",
  },
  parentTaskId: {
    set: "both",
    shown: "ID",
    check: z.string().transform((id) => id.toUpperCase()),
    description:
      "The task of its project that it is a part of, like TASK-001; at most five levels lie below one without.",
  },
  depth: { set: "server", shown: "nowhere", description: "How many tasks lie above it." },
  generatorName: { set: "both", check: said(50), description: "What makes its artifact, like hls-generator." },
  status: { set: "server", choice: TASK_STATUSES, description: "Where it stands; verbs of its own change it." },
  priority: {
    set: "both",
    check: z.int().min(0).max(4),
    default: 2,
    description: "0 highest … 4 lowest; 2 by default.",
  },
  labels: {
    set: "both",
    check: z
      .array(said(100))
      .max(50)
      .transform((labels) => [...new Set(labels)]),
    default: [],
    description: "What it is found by, at most 50 of 100 characters.",
  },
  skills: {
    set: "both",
    check: z
      .array(said(100))
      .max(50)
      .transform((skills) => [...new Set(skills)]),
    default: [],
    description: "What a worker must name to claim it, at most 50 of 100 characters.",
  },
  assignedTo: {
    set: "both",
    check: said(100),
    description: "The name of the one worker that may claim it, at most 100 characters; null: any.",
  },
  inputs: {
    set: "both",
    check: names,
    default: [],
    names: true,
    long: true,
    description: "IDs of the artifacts it starts from, at most 100.",
  },
  expectedOutputs: {
    set: "both",
    check: names,
    default: [],
    names: true,
    long: true,
    description: "IDs of the artifacts it should produce, at most 100.",
  },
  contextNotes: {
    set: "both",
    check: text(100_000),
    long: true,
    description: "What a worker should know first, at most 100,000 characters.",
  },
  completionNotes: { set: "server", long: true, description: "What came of it." },
  metadata: {
    set: "both",
    check: metadata,
    default: {},
    long: true,
    description:
      "Notes of a machine: an object of at most 64 KiB. In an update it is a patch: each key replaces one, null takes it away. Known keys are checked by kind: of a PROJECT description (required), target_quarter, constitutional_principles; of a SESSION token_budget, prompts_count, yaml_frontmatter with schema_version (all required); of a TASK estimated_hours, actual_hours, blocked_reason; of RESEARCH research_questions, findings_summary, references.",
  },
  artifactId: { set: "server", shown: "ID", description: "The one artifact that it makes, like HLS-012." },
  artifactType: { set: "server", description: "The prefix of artifactId, like HLS." },
  branchName: { set: "both", check: said(255), description: "The Git branch of the work, at most 255 characters." },
  commitHash: {
    set: "update",
    check: z.string().regex(/^[0-9a-f]{7,64}$/, "7 to 64 hexadecimal digits in lower case"),
    description: "The Git commit of the work: 7 to 64 hexadecimal digits in lower case.",
  },
  prNumber: { set: "update", check: z.int().min(1), description: "The number of the work's pull request." },
  dueDate: { set: "both", check: z.date(), description: "When it should be done: in the future when it is given." },
  reminderOffsets: {
    set: "both",
    check: reminderOffsets,
    default: [],
    description: "How long before dueDate it reminds of itself, each as it was given, like 1 hour or PT1H.",
  },
  reminderOffset: {
    set: "server",
    description: "That of the reminder that is due next, or else of the last one; null: it has none.",
  },
  reminderStatus: {
    set: "server",
    choice: REMINDER_STATUSES,
    description: "How the reminder stands that is due next, or else the last one; null: it has none.",
  },
  recurrencePattern: {
    set: "both",
    check: said(300),
    description:
      "Makes it the template of a recurring task, which nobody works on: its instances are. daily, weekly:MON,WED, monthly:1,15 (31 is the last day of any month), yearly, custom:3d, or an RRULE of RFC 5545 with FREQ DAILY to YEARLY, like FREQ=MONTHLY;BYDAY=-1FR. It needs a dueDate: the first occurrence is the first match on or after that, and each is due at its time of day. At most one a date, for fifty years. A change counts for what is due from now on.",
  },
  recurrenceTimeZone: {
    set: "both",
    check: said(100),
    description:
      "The zone of its dates and of the time of day, by its IANA name like Europe/Berlin; UTC by default. A time that a change of clocks leaves out is the first instant after it, one that occurs twice the first.",
  },
  recurrenceEndDate: { set: "both", day: true, check: z.date(), description: "The last date on which it may recur." },
  catchUp: {
    set: "both",
    choice: CATCH_UPS,
    description: "What becomes of dates that were missed, as no server ran; ONE by default.",
  },
  recurrencePausedAt: { set: "server", description: "Since when it does not recur; null while it does." },
  parentRecurringTaskId: {
    set: "server",
    shown: "ID",
    description: "The template of which it is an instance, like TASK-050; null on a template, too.",
  },
  occurrenceDate: {
    set: "server",
    day: true,
    description: "The date of its template's recurrence that it is for, also if its dueDate is moved.",
  },
  createdAt: { set: "server", description: "When it was added." },
  updatedAt: { set: "server", description: "When it was last changed; renewing a lease does not count." },
  startedAt: { set: "server", description: "When it was first claimed." },
  completedAt: { set: "server", description: "When it was completed; null while it is not." },
  claimedBy: { set: "server", description: "The name of the worker that holds it now." },
  leaseExpiresAt: { set: "server", description: "Until when it is held; from then on anybody may claim it." },
  attemptCount: { set: "server", column: "attempts", description: "How often it was claimed." },
  failures: {
    set: "server",
    description: "How many attempts in a row failed: such a task waits, and is parked in the end.",
  },
  readyAt: { set: "server", description: "When it may be claimed again; null: nothing but this would let it wait." },
  parkedAt: { set: "server", description: "Since when it is kept from being claimed; null while it is not." },
  parkedReason: { set: "server", description: "Why it is kept from being claimed." },
  createdBy: {
    set: "server",
    description: "Who added it: the session (client id) or else the key, unless the call said another.",
  },
  version: { set: "server", description: "Counts the changes; for expectedVersion." },
  deletedAt: {
    set: "server",
    description: "Set only where a deleted task still shows: in events and in the answer that deleted it.",
  },
  archivedAt: {
    set: "server",
    description: "When it was archived: it is on no list that does not ask for it. null while it is not.",
  },
} as const satisfies FieldsOf<Task>;

/** What a task says of its next reminder: the database finds it out whenever that changes. */
export const NEXT_REMINDER = ["reminderOffset", "reminderStatus"] as const;

/** In statements the table is `t`. */
export const TASK = noun("Task", "t", OF_TASK);
export type TaskFields = typeof OF_TASK;
export type LongField = (typeof TASK.long)[number];

/** SQL: what `tasks t` is called, also where it has no title. */
export const TITLE = "coalesce(t.title, left(t.description, 200))";

/** SQL: the key of `tasks t` and the columns of these fields. */
export const keyAnd = (fields: readonly (keyof TaskFields)[]) =>
  (["projectId", "taskId", ...fields] as const).map((field) => `t.${TASK.columnOf(field)}`).join(", ");

const OF_ATTEMPT = {
  projectId: { set: "server", shown: "nowhere", description: "The project of the task." },
  taskId: { set: "server", shown: "nowhere", description: "The task that it holds or held." },
  number: { set: "server", column: "attempt", description: "Counts from 1 per task." },
  worker: { set: "server", description: "The name the worker gave." },
  actor: { set: "server", description: "The key that claimed." },
  client: { set: "server", description: "The session (client id) that claimed." },
  claimedAt: { set: "server", description: "When it began." },
  leaseExpiresAt: { set: "server", description: "Until when it holds, or would have held, the task." },
  lastActiveAt: {
    set: "server",
    description:
      "When its holder last left a checkpoint, wrote the task or was told to have made a call; null: not since it was claimed.",
  },
  endedAt: { set: "server", description: "null while it holds the task." },
  outcome: { set: "server", choice: OUTCOMES, description: "Why it ended; null while it holds the task." },
  checkpoint: { set: "server", long: true, description: "The last one left." },
  notes: { set: "server", long: true, description: "What the worker said of it when it ended." },
} as const satisfies FieldsOf<Attempt>;

/** In statements the table is `a`. Its secret is no field: the read side never has it. */
export const ATTEMPT = noun("Attempt", "a", OF_ATTEMPT);
