import { z } from "zod";
import { graphql } from "../../client/gen/gql.ts";
import type { WaitForChangesQuery } from "../../client/gen/graphql.ts";
import { fitItems, fits } from "../fit.ts";
import { defineTool, projectsWithin } from "../tool.ts";
import { withoutEmpties } from "../without-empties.ts";

const Now = graphql(`
  query Now {
    logCursor
  }
`);

const WaitForChanges = graphql(`
  query WaitForChanges($filter: EventFilter!, $after: String!, $first: Int!, $waitSeconds: Int!) {
    events(filter: $filter, after: $after, first: $first, waitSeconds: $waitSeconds) {
      cursor
      caught_up: caughtUp
      events {
        number
        type
        project_id: projectId
        subject: subjectId
        actor
        at: occurredAt
        reminder {
          reminder_id: reminderId
          offset
          due_date: dueDate
        }
        changes {
          field
        }
      }
    }
  }
`);

export const waitForChanges = defineTool({
  name: "wait_for_changes",
  title: "Wait for events",
  description: "Wait for events after cursor, oldest first. Call again with the new cursor to miss nothing.",
  input: z.strictObject({
    cursor: z.string().describe("Left out: from now on").optional(),
    project_id: z.string().optional(),
    project_ids: z.array(z.string()).max(100).optional(),
    all_projects: z.boolean().optional(),
    types: z.array(z.string()).max(100).describe("Like task.completed").optional(),
    task_ids: z.array(z.string()).max(100).optional(),
    wait_seconds: z.int().min(0).max(30).default(20),
    limit: z.int().min(1).max(100).default(50),
  }),
  output: z.object({
    events: z.array(z.looseObject({ number: z.number(), type: z.string() })),
    cursor: z.string(),
    caught_up: z.boolean(),
  }),
  example: { project_id: "my-project", types: ["task.completed"] },
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  async run({ query, defaultProject }, args) {
    const { cursor, types, task_ids, wait_seconds, limit } = args;
    const projects = projectsWithin(defaultProject, args);
    const filter = withoutEmpties({ projects, types, tasks: task_ids });
    const after = cursor ?? (await query(Now, {})).logCursor;
    const page = async (first: number) =>
      answerOf(
        (await query(WaitForChanges, { filter, after, first, waitSeconds: wait_seconds }, wait_seconds * 1000)).events,
      );
    const all = await page(limit);
    if (fits(all)) return all;
    // The cursor belongs to a whole page, so a shorter one is asked for; its events are there already.
    return page(fitItems(all.events, (events) => ({ ...all, events })).events.length);
  },
});

function answerOf(page: NonNullable<WaitForChangesQuery["events"]>) {
  return {
    events: page.events.map(({ number, type, changes, ...event }) => ({
      number,
      type,
      ...withoutEmpties({ ...event, changed: changes.map(({ field }) => field) }),
    })),
    cursor: page.cursor,
    caught_up: page.caught_up,
    next: `Call wait_for_changes again with this cursor${page.caught_up ? "" : " at once: more is there"}.`,
  };
}
