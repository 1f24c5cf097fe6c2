import { readFileSync } from "node:fs";
import { type FieldNode, Kind, parse } from "graphql";
import { expect, it } from "vitest";
import { tools } from "../../mcp/registry.ts";
import { TASK } from "../../src/tasks/fields.ts";

/**
 * Each field on a card, and each argument, is paid for in tokens by every call. A new field of a task is therefore
 * either shown or named here with the reason.
 */
const NOT_ON_THE_CARD: Readonly<Record<string, string>> = {
  kind: "nearly always TASK",
  parentTaskId: "the tools for work items show it",
  skills: "a claim is for what the worker named",
  assignedTo: "a claim is for the worker itself",
  failures: "the briefing lists the attempts",
  readyAt: "what is claimed is ready",
  parkedAt: "for people",
  parkedReason: "for people",
  completionNotes: "only get_task shows it, beside the card",
  artifactType: "the prefix of artifact_id",
  commitHash: "written at the end of the work, for people",
  prNumber: "written at the end of the work, for people",
  reminderOffsets: "for people",
  reminderOffset: "for people",
  reminderStatus: "for people",
  createdAt: "for people and statistics",
  updatedAt: "for people and statistics",
  startedAt: "for people and statistics",
  completedAt: "for people and statistics",
  attemptCount: "the briefing lists the attempts",
  createdBy: "for people",
  version: "a tool writes with the attempt, which is a stricter fence",
  deletedAt: "no tool answers with a deleted task",
  archivedAt: "the tools list none that is archived",
  recurrencePattern: "of templates, which only get_task shows",
  recurrenceTimeZone: "of templates, which only get_task shows",
  recurrenceEndDate: "of templates, which only get_task shows",
  catchUp: "of templates, which nobody works on",
  recurrencePausedAt: "of templates, which only get_task shows",
  parentRecurringTaskId: "for people",
  occurrenceDate: "due_date says it",
};
const NOT_TO_ADD: Readonly<Record<string, string>> = {
  kind: "agents add tasks; other kinds are for people",
  parentTaskId: "the tools for work items take it; parent_id is the artifact here",
  skills: "for people, who know their workers",
  assignedTo: "for people, who know their workers",
  metadata: "a note of a machine, and the largest of all arguments",
  reminderOffsets: "reminder_offset is the one that an agent sets",
  recurrenceTimeZone: "UTC, unless a person sets another",
  catchUp: "one, unless a person sets another",
  branchName: "known when the work begins, not when it is planned",
};

const shown = TASK.fields.filter((field) => field.shown !== "nowhere").map(({ name }) => name);

function fieldsOfCard(): string[] {
  const source = readFileSync(new URL("../../mcp/task-card.ts", import.meta.url), "utf8");
  const [text] = /fragment TaskCard on Task \{[^}]*\}/.exec(source) ?? [];
  const [fragment] = parse(text ?? "").definitions;
  if (fragment?.kind !== Kind.FRAGMENT_DEFINITION) throw new Error("mcp/task-card.ts has no TaskCard");
  return fragment.selectionSet.selections
    .filter((node): node is FieldNode => node.kind === Kind.FIELD)
    .map(({ name }) => name.value);
}

it("shows every field of a task on the card of the tools, or says why not", () => {
  expect([...fieldsOfCard(), ...Object.keys(NOT_ON_THE_CARD)].sort()).toEqual([...shown].sort());
});

it("takes every field that an item may give in add_task, or says why not", () => {
  const addTask = tools.find(({ name }) => name === "add_task");
  const { properties } = addTask?.inputSchema ?? {};
  const item = (properties as { tasks?: { items?: { properties?: object } } } | undefined)?.tasks?.items?.properties;
  const taken = TASK.settable("create").filter((field) => item && TASK.columnOf(field) in item);
  expect([...taken, ...Object.keys(NOT_TO_ADD)].sort()).toEqual(TASK.settable("create").sort());
});
