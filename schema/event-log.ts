import { LARGEST_SIZE } from "../src/db/page.ts";
import { currentRequester } from "../src/db/requester.ts";
import { badInput } from "../src/errors.ts";
import { SUBJECT_TYPES } from "../src/event-types.ts";
import { MOST_EVENTS } from "../src/log/live/frames.ts";
import { takeLogCursor } from "../src/log/log-cursor.ts";
import { builder } from "./builder.ts";
import { beginFrame, resumeFrom } from "./context.ts";
import { CURSOR_FAULTS, EventFrame, EventPage, historyQuery, pageOfLog } from "./event.ts";

const SubjectsInput = builder.inputType("EventSubjects", {
  description: "Things of one type that events are about.",
  fields: (t) => ({
    type: t.string({ required: true, description: `As subjectType of an event: ${SUBJECT_TYPES.join(", ")}.` }),
    ids: t.idList({
      required: true,
      description: "As subjectId of an event; an id of a task may exist in several projects.",
    }),
  }),
});

const EventFilter = builder.inputType("EventFilter", {
  description:
    "Which events: all lists must match, one entry of each. What is left out selects everything this key sees. Without " +
    "`types` the numbers of a project show no hole.",
  fields: (t) => ({
    projects: t.idList({ description: "PROJECT_NOT_FOUND if one is unknown. Without it, also projects yet to come." }),
    types: t.stringList({ description: "Like task.completed, or task.* for all of tasks." }),
    subjects: t.field({
      type: [SubjectsInput],
      description:
        "What they are about, of whatever type: a webhook, a key, some reservations … Of reservations also what names them in payload, as reservationIds.",
    }),
    tasks: t.idList({
      description: "Task ids, beside the subjects; combine with projects, as an id may exist in several.",
    }),
    actors: t.stringList({ description: "Keys or token subjects." }),
    since: t.field({
      type: "DateTimeOrDuration",
      description:
        "What happened then or later, like -P1D. Of the query events only: a stream begins now, or at `after`.",
    }),
    until: t.field({
      type: "DateTimeOrDuration",
      description: "What happened before, like -PT1H. Of the query events only; with it nothing is waited for.",
    }),
  }),
});

function filterOf(given: typeof EventFilter.$inferInput | null | undefined) {
  const { tasks, subjects, ...filter } = given ?? {};
  return {
    ...filter,
    subjects: tasks ? [...(subjects ?? []), { type: "task", ids: tasks, argument: "tasks" }] : subjects,
  };
}

builder.queryField("logCursor", (t) =>
  t.string({
    nullable: true,
    description:
      "The place in the log before everything else in this query is read: subscribe with it as `after`, and nothing is " +
      "missed between the query and the subscription.",
    resolve: (_root, _args, ctx) => takeLogCursor(ctx),
  }),
);

builder.queryField("events", (t) =>
  t.field({
    type: EventPage,
    nullable: true,
    description:
      "History: events, your own writes included, oldest first unless told. With `waitSeconds` it is for clients that cannot " +
      "subscribe: where nothing is there yet, it waits for what comes, and at the end of the time answers an empty page " +
      `to ask again with. UNAUTHENTICATED when the key ends meanwhile, RATE_LIMITED. ${CURSOR_FAULTS}`,
    args: {
      filter: t.arg({ type: EventFilter, description: "Which events; without it all that this key sees." }),
      ...pageOfLog(t),
      waitSeconds: t.arg.int({
        defaultValue: 0,
        description: "Seconds to wait for events where there are none yet: 0 to 30. Not newest first.",
      }),
    },
    resolve: (_root, { filter, waitSeconds, ...page }, { log, viewer, gone }, info) =>
      log.events(viewer, {
        filter: filterOf(filter),
        ...historyQuery(page, info),
        waitSeconds: waitSeconds ?? 0,
        gone: gone(),
      }),
  }),
);

/**
 * As many events as an operation might ask for that costs as much for each: what it was counted for are a hundred.
 * @throws BAD_USER_INPUT
 */
function mostInFrame(wanted: number | null | undefined): number {
  if (wanted != null && (wanted < 1 || wanted > MOST_EVENTS))
    throw badInput(`most is ${wanted}; it may be 1 to ${MOST_EVENTS}.`);
  const affordable = Math.floor(LARGEST_SIZE / (currentRequester()?.price?.share || 1));
  return Math.min(wanted ?? affordable, affordable);
}

builder.subscriptionField("taskEvents", (t) =>
  t.field({
    type: EventFrame,
    nullable: true,
    description:
      "Events as they happen, of any kind (of tasks only with `types`). The first frame comes at once and says from " +
      "which cursor on it is live. Ends when the key is revoked or expires. RATE_LIMITED beyond the streams that a key " +
      `and client id may have. ${CURSOR_FAULTS}`,
    args: {
      filter: t.arg({ type: EventFilter, description: "Which events; without it all that this key sees." }),
      after: t.arg.string({
        description:
          "A cursor to resume from; without it the stream starts now. Over server-sent events Last-Event-ID wins over it.",
      }),
      most: t.arg.int({
        description:
          "Events of a frame at most, 1 to 1,000; by default as many as an operation may ask for. Lower it where a frame would be larger than 16 MB.",
      }),
    },
    subscribe: (_root, { filter, after, most }, ctx) =>
      ctx.log.follow(ctx.viewer, { filter: filterOf(filter), after: resumeFrom(ctx, after), most: mostInFrame(most) }),
    resolve: (frame, _args, ctx) => beginFrame(frame, ctx),
  }),
);
