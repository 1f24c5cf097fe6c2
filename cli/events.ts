import { Command } from "commander";
import { graphql } from "../client/gen/gql.ts";
import type { EventFilter, EventLineFragment } from "../client/gen/graphql.ts";
import { connect, printJson, type ServerOptions, withJson } from "./shell/connect.ts";
import { instantOrSpan, listed, whole } from "./shell/options.ts";
import { LARGEST_PAGE } from "./shell/pages.ts";
import { projectsOf } from "./shell/projects.ts";
import type { Shell } from "./shell/shell.ts";
import { cut, paint, plain } from "./shell/text.ts";

graphql(`
  fragment EventLine on Event {
    eventId
    number
    type
    projectId
    subjectType
    subjectId
    actor
    keyName
    worker
    client
    occurredAt
    correlationId
    changes {
      field
      old
      new
    }
  }
`);

const LatestEvents = graphql(`
  query LatestEvents($filter: EventFilter, $first: Int!, $after: String) {
    events(filter: $filter, first: $first, after: $after, orderBy: { field: POSITION, direction: DESC }) {
      cursor
      caughtUp
      events {
        ...EventLine
      }
    }
    logCursor
  }
`);

const FollowedEvents = graphql(`
  subscription FollowedEvents($filter: EventFilter, $after: String) {
    taskEvents(filter: $filter, after: $after) {
      cursor
      events {
        ...EventLine
      }
    }
  }
`);

interface EventsOptions extends ServerOptions {
  readonly follow?: true;
  readonly type?: string[];
  readonly task?: string[];
  readonly since?: string;
  readonly limit: number;
}

export const eventsCommand = (shell: Shell): Command =>
  withJson(new Command("events"))
    .description("show what has happened, the latest last; --json prints an event a line")
    .option("--project <names>", "all (the default), or names separated by commas")
    .option("--follow", "then stay, and show each event as it happens, until Ctrl-C")
    .option("--type <type>", "only these, like task.completed or task.* (repeatable)", listed)
    .option("--task <task>", "only of this task (repeatable)", listed)
    .option("--since <when>", "only later ones: a span like 2h, or an instant", instantOrSpan)
    .option("--limit <number>", "of those before now at most so many", whole(0, 10_000), 20)
    .addHelpText(
      "after",
      `
Examples:
  docket events --follow --project web-shop
  docket events --type task.completed --since 1d --json | jq -r .subjectId`,
    )
    .action(async (options: EventsOptions) => {
      const connected = connect(shell, options);
      const filter: EventFilter = {
        projects: projectsOf(connected),
        types: options.type,
        tasks: options.task,
        since: options.since,
      };
      const print = (events: readonly EventLineFragment[]) => {
        for (const event of events)
          if (options.json) printJson(shell, event, { line: true });
          else shell.out(`${lineOf(shell, event)}\n`);
      };
      const past: EventLineFragment[] = [];
      let from: string | null = null;
      for (let after: string | undefined; ; ) {
        // Also asked for none of them: it tells where to go on, and whether the filter is understood.
        const first = Math.min(LARGEST_PAGE, Math.max(1, options.limit - past.length));
        const { events, logCursor } = await connected.request(LatestEvents, { filter, first, after });
        from ??= logCursor;
        past.push(...events.events.slice(0, options.limit - past.length));
        after = events.cursor;
        if (events.caughtUp || past.length >= options.limit) break;
      }
      print(past.reverse());
      if (!options.follow) return;
      for await (const frame of connected.follow(FollowedEvents, { filter, after: from })) print(frame.events);
    });

function lineOf(
  shell: Shell,
  { occurredAt, type, projectId, subjectType, subjectId, worker, keyName, actor, changes }: EventLineFragment,
) {
  const time = occurredAt.slice(0, 19).replace("T", " ");
  const subject = subjectType === "task" && projectId !== null ? `${projectId}/${subjectId}` : subjectId;
  const told = changes.map(({ field, new: value }) => `${field} ${JSON.stringify(value)}`).join(", ");
  const line = `${time}  ${type.padEnd(14)}  ${plain(subject)}  ${plain(worker ?? keyName ?? actor)}${told ? `  ${plain(told)}` : ""}`;
  return shell.isTerminal ? cut(line, shell.columns).replace(type, paint(shell, styleOf(type), type)) : line;
}

function styleOf(type: string): "green" | "red" | "yellow" | "dim" {
  if (/completed|closed|confirmed/.test(type)) return "green";
  if (/failed|expired|parked|stalled|deleted|revoked/.test(type)) return "red";
  return /claimed|released|reset/.test(type) ? "yellow" : "dim";
}
