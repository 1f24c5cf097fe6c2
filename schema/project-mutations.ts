import { visibleWhere } from "../src/access/visibility.ts";
import { archiveProject, unarchiveProject } from "../src/projects/archive.ts";
import { createProject } from "../src/projects/create.ts";
import { pauseProject, resumeProject } from "../src/projects/pause.ts";
import { updateProject } from "../src/projects/update.ts";
import { budgetField } from "./budget-input.ts";
import type { FieldBuilder, InputBuilder } from "./builder.ts";
import { mutation } from "./mutation.ts";
import { IdReuse, Project } from "./project.ts";

/** The project of a mutation's result. */
const projectOf = <Parent extends { readonly projectId: string }>(t: FieldBuilder<Parent>) =>
  t.prismaField({
    type: Project,
    description: "As it is now.",
    resolve: (query, { projectId }, _args, { prisma, viewer }) =>
      prisma.project.findUniqueOrThrow({ ...query, where: { projectId, AND: [visibleWhere(viewer)] } }),
  });

const LEASE_SECONDS = "Seconds for which a claim holds, unless the caller says: 1 to 604800.";
/** How much work goes on at once. */
const limits = (t: InputBuilder, otherwise: string) => ({
  maxInProgress: t.int({
    description: `How many of its tasks may be in progress at once, 1 to 10000; claims beyond that answer PROJECT_AT_LIMIT. Projects and sessions do not count. ${otherwise}`,
  }),
  maxInProgressPerWorker: t.int({
    description: `The same of the tasks that one worker, by its name, holds: WORKER_AT_LIMIT. ${otherwise}`,
  }),
});
const MAX_ATTEMPTS = "After so many attempts that failed in a row a task is parked: 1 to 100.";
const RETRY_SECONDS =
  "Seconds for which a task waits after two of them, doubled with each more, an hour at most: 1 to 3600.";
const STALLED_AFTER_SECONDS =
  "Seconds after which an attempt that is renewed, and shows nothing else, is stalled: 1 to 604800 (a week).";
const RAISE_PRIORITY_BEFORE =
  "How long before it is due the priority of an open task is raised by one step, once for each due date: P2D, 2 days, at most 366 days. null: it is not.";
const QUARANTINE = "Seconds that released numbers rest; with idReuse AFTER, and only then.";

mutation(createProject, {
  description:
    "Creates a project. Agents may, with a namespace of their own; idNamespace, idReuse and idJumpLimit take an admin. " +
    "FORBIDDEN for a key that is limited to some projects; BAD_USER_INPUT when it exists already.",
  input: (t) => ({
    projectId: t.id({ required: true, description: "A slug: a-z, 0-9 and -, at most 100 characters." }),
    name: t.string({ required: true, description: "What people call it, 1 to 200 characters." }),
    idNamespace: t.string({
      description: "Share artifact numbers with other projects of this namespace. Set here and never changed.",
    }),
    leaseSeconds: t.int({ description: `${LEASE_SECONDS} Default 3600.` }),
    artifactTypes: t.stringList({ description: "Beside the built-in types; 2 to 10 letters each." }),
    idJumpLimit: t.int({ description: "1 to 2147483647; default 10000." }),
    ...limits(t, "Default: any number."),
    budget: budgetField(t, "Default: none."),
    maxAttempts: t.int({ description: `${MAX_ATTEMPTS} Default 5.` }),
    retrySeconds: t.int({ description: `${RETRY_SECONDS} Default 15.` }),
    stalledAfterSeconds: t.int({ description: `${STALLED_AFTER_SECONDS} Default 3600.` }),
    raisePriorityBefore: t.string({ description: `${RAISE_PRIORITY_BEFORE} Default: null.` }),
    idReuse: t.field({
      type: IdReuse,
      description:
        "When released numbers are given again; for admins. Holds for every project of a shared namespace. Default IMMEDIATELY.",
    }),
    idQuarantineSeconds: t.int({ description: QUARANTINE }),
  }),
  payload: (t) => ({ project: projectOf(t) }),
});

/** Names the project of a change. */
const address = (t: InputBuilder) => ({
  projectId: t.id({ required: true, description: "The project's slug, like web-shop." }),
  expectedVersion: t.int({ description: "Refuse the change if the version is another one." }),
});

mutation(updateProject, {
  description: "Changes a project; admin only. What is left out stays. VERSION_CONFLICT, PROJECT_NOT_FOUND",
  input: (t) => ({
    ...address(t),
    name: t.string({ description: "What people call it, 1 to 200 characters." }),
    leaseSeconds: t.int({ description: LEASE_SECONDS }),
    artifactTypes: t.stringList({ description: "Replaces the list." }),
    idJumpLimit: t.int({
      description: "1 to 2147483647. FORBIDDEN unless this key sees every project of the namespace.",
    }),
    ...limits(t, "null: any number. What is in progress already stays so."),
    budget: budgetField(
      t,
      "null: none. What was used in this period counts; where the new one is not spent, claims go on at once.",
    ),
    maxAttempts: t.int({ description: MAX_ATTEMPTS }),
    retrySeconds: t.int({ description: RETRY_SECONDS }),
    stalledAfterSeconds: t.int({ description: STALLED_AFTER_SECONDS }),
    raisePriorityBefore: t.string({ description: RAISE_PRIORITY_BEFORE }),
    idReuse: t.field({ type: IdReuse, description: "Holds for every project of the namespace." }),
    idQuarantineSeconds: t.int({ description: QUARANTINE }),
  }),
  payload: (t) => ({ project: projectOf(t) }),
});

mutation(pauseProject, {
  description:
    "Lets a project hand out no work for a while; admin only. Claims answer idle with PROJECT_PAUSED and when to ask again, a claim by " +
    "status NOT_READY; what is held goes on: renewed, completed, released. Done again it changes the reason and the time. " +
    "PROJECT_NOT_FOUND, VERSION_CONFLICT",
  input: (t) => ({
    ...address(t),
    reason: t.string({ description: "Why, for who asks for work; at most 500 characters." }),
    until: t.field({
      type: "DateTime",
      description: "When it ends by itself: in the future. Left out: not before resumeProject.",
    }),
  }),
  payload: (t) => ({ project: projectOf(t) }),
});

mutation(resumeProject, {
  description:
    "Lets a paused project hand out work again; admin only. Done again it changes nothing. PROJECT_NOT_FOUND, VERSION_CONFLICT",
  input: address,
  payload: (t) => ({ project: projectOf(t) }),
});

mutation(archiveProject, {
  description:
    "Puts a project away; admin only. It leaves every overview and refuses claims, new tasks and new IDs with " +
    "PROJECT_ARCHIVED. It keeps everything, and what is held may be finished: renewed, completed, released, confirmed. " +
    "Done again it changes nothing. PROJECT_NOT_FOUND, VERSION_CONFLICT",
  input: address,
  payload: (t) => ({ project: projectOf(t) }),
});

mutation(unarchiveProject, {
  description:
    "Brings an archived project back as it was; admin only. Done again it changes nothing. PROJECT_NOT_FOUND, VERSION_CONFLICT",
  input: address,
  payload: (t) => ({ project: projectOf(t) }),
});
