import { requireUnlimitedAdmin } from "../src/access/viewer.ts";
import { builder } from "./builder.ts";
import type { JobShape, JobStepShape } from "./context.ts";
import { listSize } from "./cost.ts";

const JobStep = builder.objectRef<JobStepShape>("JobStep").implement({
  description: "Something that a job does again and again, as it fares in the process that answers.",
  fields: (t) => ({
    description: t.exposeString("description", {
      description: "What it does; stands in the server's log when it fails.",
    }),
    lastRunAt: t.expose("lastRunAt", {
      type: "DateTime",
      nullable: true,
      description: "When it last ran without a failure; null: not yet in this process.",
    }),
    dueAt: t.expose("dueAt", {
      type: "DateTime",
      nullable: true,
      description: "When it runs next, unless something wakes it earlier; null: it runs just now.",
    }),
    failures: t.exposeInt("failures", { description: "How often it failed since it last went well; 0: all is well." }),
    lastFailure: t.exposeString("lastFailure", {
      nullable: true,
      description: "What the latest failure said, also when it went well since; null: none in this process.",
    }),
  }),
});

const Job = builder.objectRef<JobShape>("Job").implement({
  description:
    "What the server does in the background. Every process may run every job: they share the work, and what none of them does waits in the database.",
  fields: (t) => ({
    name: t.exposeString("name", { description: "As DOCKET_JOBS names it; -name switches it off for one process." }),
    description: t.exposeString("description", { description: "What it does." }),
    enabled: t.exposeBoolean("enabled", { description: "Whether the process that answers runs it." }),
    lagSeconds: t.exposeFloat("lagSeconds", {
      nullable: true,
      description:
        "For how long the earliest of its work that is due has waited, in seconds, whatever process should have done it; 0: it is up to date. null for a job whose work has no time.",
    }),
    steps: t.field({
      type: [JobStep],
      extensions: listSize(0),
      description: "What it consists of; empty where it does not run, and of the bus where none is configured.",
      resolve: ({ steps }) => [...steps],
    }),
  }),
});

builder.queryField("jobs", (t) =>
  t.field({
    type: [Job],
    nullable: true,
    // Each asks the database how late it is.
    extensions: listSize(10),
    description:
      "The background jobs: how late each is, and how it fares in the process that answers. For admins whose key is not limited to projects. Errors: FORBIDDEN, DATABASE_UNAVAILABLE.",
    resolve: (_root, _args, { viewer, jobs }) => {
      requireUnlimitedAdmin(viewer);
      return jobs.state();
    },
  }),
);
