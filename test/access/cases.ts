import { getNamedType, isInputObjectType } from "graphql";
import { type Json, type Leaf, leastArguments, leavesOf, type Walked, withValue } from "./schema-walk.ts";
import { type Hidden, type Pair, SEEN, type World } from "./world.ts";

/** The comparators of a filter, which all compare with the same kind of thing. */
const ofFilter = (filter: string, kind: string, comparators: readonly string[]) =>
  Object.fromEntries(comparators.map((comparator) => [`${filter}.${comparator}`, kind]));

/**
 * What an argument or input field of type ID or String names, by `Type.name` or else `name`: a kind of world.ts's pairs,
 * a cursor, or nothing that could be somebody else's. One that is added to the schema has to be added here.
 */
const KINDS: Readonly<Record<string, string>> = {
  projectId: "project",
  projects: "project",
  projectIds: "project",
  taskId: "task",
  parentTaskId: "task",
  "AddTaskItem.dependsOn": "dependency",
  tasks: "task",
  reservationId: "reservation",
  keyId: "key",
  webhookId: "webhook",
  deploymentId: "deployment",
  enhancementId: "enhancement",
  reminderId: "reminder",
  "ReminderInput.offset": "nothing",
  // Of an argument, or of the one input that names a vendor.
  name: "vendor",
  ...Object.fromEntries(
    ["CreateProject", "UpdateProject", "CreateApiKey", "CreateVendor"].map((of) => [`${of}Input.name`, "nothing"]),
  ),
  vendor: "vendor",
  vendors: "vendor",
  task: "task",
  eventIds: "event",
  attempt: "attempt",
  "EventSubjects.type": "nothing",
  "EventSubjects.ids": "reservation",
  id: "node",
  ids: "artifact",
  artifactId: "artifact",
  parentId: "artifact",
  idNamespace: "namespace",
  after: "cursor",
  before: "cursor",
  text: "word",
  actors: "actor",
  actor: "actor",
  client: "nothing",
  artifactType: "type",
  ...ofFilter("StringFilter", "string", ["eq", "ne", "in", "notIn", "contains"]),
  // These name nothing: they tell where in an order the tasks stand that are seen anyway.
  ...ofFilter("StringFilter", "nothing", ["lt", "lte", "gt", "gte"]),
  ...ofFilter("LabelFilter", "label", ["all", "any", "none", "contains", "in"]),
  ...Object.fromEntries(
    [
      ...["title", "description", "generator", "generatorName", "contextNotes", "completionNotes", "notes"],
      ...[
        "labels",
        ...["addLabels", "removeLabels"],
        "skills",
        ...["recurrencePattern", "recurrenceTimeZone"],
        "assignedTo",
        ...["reminderOffset", "raisePriorityBefore"],
        "key",
        "parentKey",
        "inputs",
        "expectedOutputs",
        "branch",
        "branchName",
        "commitHash",
        "worker",
        "model",
        "artifactTypes",
        "extractorVersion",
        "createdBy",
        ...["prTitle", "currentSession", "gitBranch", "gitHeadCommit", "targetQuarter", "updatedBy"],
        "requiresConstitutionalPrinciples",
      ],
      // Whoever was given an attempt's capability says with it which task that is of.
      ...["attempt", "types", "url", "reason", "idempotencyKey"],
    ].map((name) => [name, "nothing"]),
  ),
};

/** Required arguments that are not of the seen project. */
const VALUES: Readonly<Record<string, Json>> = {
  name: "New",
  role: "AGENT",
  status: "COMPLETED",
  by: "LABEL",
  artifactType: "US",
  ids: "US-500",
  reason: "A slip",
  url: "https://new.example/hook",
  commitHash: "a".repeat(40),
  prNumber: 1,
  prTitle: "New",
  title: "New",
  description: "New",
  testSummary: {},
  constitutionalCompliance: true,
  since: "-PT1H",
  date: "2030-01-01",
  text: "seen",
};
/** What an input requires beside the field. */
const BESIDE: Readonly<Record<string, Readonly<Record<string, Json>>>> = {
  "EventSubjects.ids": { type: "reservation" },
};
const ITEMS = { AddTaskItem: { description: "work" }, CreateVendorInput: { status: "OPERATIONAL" } };
/** Set beside what names something, where an input has it: each opens another way through the code. */
const VARIANTS = [{}, { createProject: true }, { allowJump: true }, { attempt: "1-9f86d081884c" }, { allDead: true }];

export function kindOf({ names }: Leaf): string {
  const kind = names.map((name) => KINDS[name]).find((found) => found !== undefined);
  if (kind === undefined) throw new Error(`${names[0]} is in no list of visibility.test.ts: what can it name?`);
  return kind;
}

/** The least that the field takes, all of the seen project. */
export function ownArguments({ own, ownNodes }: World, { field }: Walked) {
  return leastArguments(
    field.args,
    (name) => {
      const value = name === "id" ? ownNodes[0] : (own[name] ?? VALUES[name]);
      if (value === undefined) throw new Error(`No value for ${name} of ${field.name}: add it to VALUES`);
      return value;
    },
    ITEMS,
  );
}

export interface Case {
  readonly what: string;
  readonly variables: (value: (pair: Pair) => string) => object;
  readonly pairs: readonly Pair[];
}

/** How a field below the root that takes arguments is reached. */
export const REACHED: Readonly<Record<string, string>> = {
  "Project.idRegistry": `project(projectId: "${SEEN}")`,
  "Project.events": `project(projectId: "${SEEN}")`,
  "Project.history": `project(projectId: "${SEEN}")`,
  "Project.keys": `project(projectId: "${SEEN}")`,
  "Project.reservations": `project(projectId: "${SEEN}")`,
  "Project.tasks": `project(projectId: "${SEEN}")`,
  "Task.attempts": `task(projectId: "${SEEN}", taskId: "TASK-003")`,
  "Task.blockedBy": `task(projectId: "${SEEN}", taskId: "TASK-001")`,
  "Task.blocks": `task(projectId: "${SEEN}", taskId: "TASK-001")`,
  "Task.instances": `task(projectId: "${SEEN}", taskId: "TASK-005")`,
  "Task.children": `task(projectId: "${SEEN}", taskId: "TASK-001")`,
  "Task.related": `task(projectId: "${SEEN}", taskId: "TASK-001")`,
  "Task.reservations": `task(projectId: "${SEEN}", taskId: "TASK-001")`,
  "Task.deployments": `task(projectId: "${SEEN}", taskId: "TASK-001")`,
  "Vendor.deployments": "vendors(first: 5) { nodes",
  "Vendor.history": "vendors(first: 5) { nodes",
  "Enhancement.history": "enhancements(first: 5) { nodes",
  "ProjectConfiguration.history": `projectConfiguration(projectId: "${SEEN}")`,
  "Deployment.vendors": "deployments(first: 5) { nodes",
  "Deployment.tasks": "deployments(first: 5) { nodes",
  "Deployment.history": "deployments(first: 5) { nodes",
  "Task.history": `task(projectId: "${SEEN}", taskId: "TASK-001")`,
  "Reservation.history": "reservations(first: 5) { nodes",
  "ApiKey.history": "apiKeys(first: 5) { nodes",
  "Webhook.history": "webhooks(first: 5) { nodes",
  "Webhook.deliveries": "webhooks(first: 5) { nodes",
  "WebhookDelivery.attempts": "webhooks(first: 5) { nodes { deliveries(first: 5) { nodes",
};

/** A copy that names something there, with what has to stand beside it. */
function named(json: Json, { path, names }: Pick<Leaf, "path" | "names">, value: Json): Json {
  const beside = Object.entries(names.map((name) => BESIDE[name]).find((found) => found) ?? {});
  const input = path.slice(0, path.lastIndexOf(names[1] ?? ""));
  return beside.reduce(
    (made, [name, required]) => withValue(made, [...input, name], required),
    withValue(json, path, value),
  );
}

/**
 * Without those places of a filter that were tried in another field that takes it, but for the first of each of its
 * members: one field may forget a filter, or a member of it, but what a filter compares is the same in all of them.
 */
function untried<Place extends Leaf>(leaves: readonly Place[], tried: Set<string>): Place[] {
  const members = new Set<string>();
  return leaves.filter(({ path, within }) => {
    const filter = path.indexOf("filter");
    if (filter < 0) return true;
    const [of = ""] = within.filter((name) => name.endsWith("Filter"));
    const place = `${of}.${path.slice(filter + 1).join(".")}`;
    const member = String(path[filter + 1]);
    const isFirst = !members.has(member) && !["and", "or", "not"].includes(member);
    members.add(member);
    const isNew = !tried.has(place);
    tried.add(place);
    return isNew || isFirst;
  });
}

/**
 * Each place that can name something hidden, alone and all together, with every thing of its kind.
 * @param tried places of filters that other fields were tried with.
 */
export function casesOf(world: World, hidden: Hidden, walked: Walked, tried: Set<string>): Case[] {
  const { field } = walked;
  const own = ownArguments(world, walked);
  const naming = leavesOf(field.args)
    .map((leaf) => ({ ...leaf, kind: kindOf(leaf) }))
    .filter(({ kind }) => kind !== "nothing" && kind !== "cursor");
  const leaves = untried(naming, tried);
  const alone = leaves.flatMap(({ path, names, kind }) =>
    pairsOf(hidden, kind).map((pair) => ({
      what: path.join("."),
      variables: (value: (pair: Pair) => string) => named(own, { path, names }, value(pair)) as object,
      pairs: [pair],
    })),
  );
  const firsts = leaves.flatMap((leaf) =>
    pairsOf(hidden, leaf.kind)
      .slice(0, 1)
      .map((pair) => ({ ...leaf, pair })),
  );
  const together = {
    what: "everything",
    variables: (value: (pair: Pair) => string) =>
      firsts.reduce<Json>((json, { pair, ...leaf }) => named(json, leaf, value(pair)), own) as object,
    pairs: firsts.map(({ pair }) => pair),
  };
  const known = new Set(field.args.flatMap(inputFields));
  return [...alone, together].flatMap((one) =>
    VARIANTS.filter((variant) => Object.keys(variant).every((name) => known.has(name))).map((variant) => ({
      ...one,
      variables: (value: (pair: Pair) => string) => {
        const made = one.variables(value) as { input?: object };
        return made.input ? { ...made, input: { ...made.input, ...variant } } : made;
      },
    })),
  );
}

function inputFields({ type }: Walked["field"]["args"][number]): string[] {
  const named = getNamedType(type);
  return isInputObjectType(named) ? Object.keys(named.getFields()) : [];
}

function pairsOf({ pairs }: Hidden, kind: string): readonly Pair[] {
  const found = pairs[kind];
  if (!found) throw new Error(`world.ts hides no ${kind}`);
  return found;
}
