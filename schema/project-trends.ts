import { MOST_TRENDS, projectTrends, type ProjectTrend as Trend } from "../src/tasks/trends.ts";
import { builder } from "./builder.ts";
import { listSize } from "./cost.ts";

const LAST_WEEK = "-P7D";

const TrendInterval = builder.enumType("TrendInterval", {
  description: "How long an interval is, in UTC.",
  values: {
    HOUR: { value: "hour", description: "A full hour." },
    DAY: { value: "day", description: "A calendar day." },
    WEEK: { value: "week", description: "Seven days from Monday on." },
  } as const,
});

const ProjectTrend = builder.objectRef<Trend>("ProjectTrend").implement({
  description:
    "What happened in one project within one interval. Archived tasks count; deleted ones, and attempts at them, do not. Durations are null where there is nothing to measure.",
  fields: (t) => ({
    projectId: t.exposeID("projectId", { description: "The project." }),
    start: t.expose("start", { type: "DateTime", description: "When the interval begins." }),
    created: t.exposeInt("created", { description: "Tasks that were added." }),
    completed: t.exposeInt("completed", { description: "Tasks that were completed, and are so still." }),
    failed: t.exposeInt("failed", {
      description: "Attempts that failed: their lease ran out, or their worker said so.",
    }),
    cycleSecondsMedian: t.exposeFloat("cycleSecondsMedian", {
      nullable: true,
      description:
        "Cycle time: seconds from a task's first claim to its completion. Half of those completed took no longer.",
    }),
    cycleSecondsP90: t.exposeFloat("cycleSecondsP90", {
      nullable: true,
      description: "The cycle time that nine of ten did not exceed, in seconds.",
    }),
    waitSecondsMedian: t.exposeFloat("waitSecondsMedian", {
      nullable: true,
      description:
        "Waiting time: seconds from a task's creation to its first claim. Half of those claimed waited no longer.",
    }),
    waitSecondsP90: t.exposeFloat("waitSecondsP90", {
      nullable: true,
      description: "The waiting time that nine of ten did not exceed, in seconds.",
    }),
  }),
});

builder.queryField("projectTrends", (t) =>
  t.field({
    type: [ProjectTrend],
    nullable: true,
    description:
      "Throughput over time: every interval of every project, by project and time, also those in which nothing happened; " +
      `at most ${MOST_TRENDS}, else BAD_USER_INPUT. PROJECT_NOT_FOUND`,
    extensions: listSize(MOST_TRENDS),
    args: {
      projects: t.arg.idList({ description: "Without it every project this key sees that is not archived." }),
      from: t.arg({
        type: "DateTimeOrDuration",
        defaultValue: LAST_WEEK,
        description:
          "The first interval is the one in which this lies, all of it. BAD_USER_INPUT if it is later than `to`.",
      }),
      to: t.arg({
        type: "DateTimeOrDuration",
        description: "What happened before this counts; without it all until now.",
      }),
      interval: t.arg({ type: TrendInterval, defaultValue: "day", description: "How long each is." }),
    },
    resolve: (_root, { from, interval, ...args }, ctx) =>
      projectTrends(ctx, { ...args, from: from ?? LAST_WEEK, interval: interval ?? "day" }),
  }),
);
