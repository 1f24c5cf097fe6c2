import { sees } from "../src/access/visibility.ts";
import { DEFAULT_SIZE } from "../src/db/page.ts";
import { parseArtifactId } from "../src/ids/artifact-id.ts";
import { registerIds } from "../src/ids/register.ts";
import {
  BY_PLACE,
  type IdSequence as IdSequenceShape,
  idRegistries,
  idRegistry,
  type RegistryQuery,
  type SequenceOrder,
} from "../src/ids/registry.ts";
import { takeId } from "../src/ids/take-id.ts";
import { voidIds } from "../src/ids/void.ts";
import { type ArgumentBuilder, builder } from "./builder.ts";
import { ALLOW_JUMP } from "./context.ts";
import { loader } from "./loader.ts";
import { mutation } from "./mutation.ts";
import { orderInput } from "./order.ts";
import { Project } from "./project.ts";
import { givenIds } from "./reservation.ts";

const IdSequence = builder.objectRef<IdSequenceShape>("IdSequence").implement({
  description:
    "Where the numbers of one artifact type stand in a namespace. Projects that share the namespace see the same.",
  fields: (t) => ({
    namespace: t.exposeString("namespace", { description: "Where these numbers are unique." }),
    artifactType: t.exposeString("artifactType", { description: "The prefix, like US." }),
    lastAssigned: t.exposeID("lastAssigned", {
      nullable: true,
      description:
        "Where the counter stands: the highest ID ever given, or what voidIds brought it down to; null if none. Numbers below it may have been released since.",
    }),
    nextAvailable: t.exposeID("nextAvailable", {
      nullable: true,
      description: "What takeId would give now; null when the numbers, which end at 2147483647, are exhausted.",
    }),
    released: t.exposeStringList("released", {
      description: "IDs that came back and will be given again, lowest first, as ranges: US-007, US-028..US-030.",
    }),
  }),
});

const SequenceOrderInput = orderInput<SequenceOrder["field"]>("IdSequence", {
  place: "As the project's settings list the types; then, by name, those that only others of the namespace number.",
});

const pageOfSequences = ({ arg }: ArgumentBuilder) => ({
  orderBy: arg({ type: SequenceOrderInput, defaultValue: BY_PLACE, description: "By place, unless told." }),
  first: arg.int({ defaultValue: DEFAULT_SIZE, description: "0 to 100." }),
  after: arg.string({ description: "artifactType of the last one seen; without it from the first." }),
});

const loadRegistry = loader({
  idOf: ({ projectId }) => projectId,
  visible: sees,
  read: ({ db }, projects: readonly { readonly projectId: string }[], page: RegistryQuery) =>
    idRegistries(
      db,
      projects.map(({ projectId }) => projectId),
      page,
    ),
});

builder.prismaObjectField(Project, "idRegistry", (t) =>
  t.field({
    type: [IdSequence],
    description:
      "Where the artifact numbers of its namespace stand: one entry for each type it may number, and for those that others of the namespace use.",
    args: pageOfSequences(t),
    resolve: async (project, args, ctx) => (await loadRegistry(ctx, project, args)) ?? [],
  }),
);

builder.queryField("idRegistry", (t) =>
  t.field({
    type: [IdSequence],
    nullable: true,
    description:
      "Where the artifact numbers of a project's namespace stand. PROJECT_NOT_FOUND; BAD_USER_INPUT for an invalid type, naming the valid ones.",
    args: {
      projectId: t.arg.id({ required: true, description: "A project of the namespace." }),
      artifactType: t.arg.string({ description: "Only this type, like US." }),
      ...pageOfSequences(t),
    },
    resolve: (_root, args, ctx) => idRegistry(ctx, args),
  }),
);

for (const named of [
  {
    description:
      "Gives one ID at once and for good: the lowest released one, else the next; idRegistry looks without taking. " +
      "PROJECT_NOT_FOUND, TASK_NOT_FOUND, ID_SPACE_EXHAUSTED, BAD_USER_INPUT naming the valid types",
  },
  {
    name: "nextId",
    description: "Same as takeId, also under its idempotency keys.",
    deprecationReason: "It takes an ID, where nextTask only looks: use takeId.",
  },
])
  mutation(takeId, {
    ...named,
    input: givenIds,
    payload: (t) => ({
      id: t.exposeID("id", { description: "Yours for good." }),
      lastAssigned: t.exposeID("lastAssigned", {
        nullable: true,
        description: "Where the counter stood before this call: the highest ID until then, null if there was none.",
      }),
      reused: t.boolean({
        description:
          "True when the ID lies below lastAssigned: its number came back from a reservation that was released or expired, or " +
          "was passed over, and is given now. False when it is the next after lastAssigned.",
        resolve: ({ id, lastAssigned }) =>
          lastAssigned !== null && parseArtifactId(id).number <= parseArtifactId(lastAssigned).number,
      }),
    }),
  });

mutation(registerIds, {
  description:
    "Records IDs that exist in a repository already, all or none, so that they are never given again. ID_TAKEN when another " +
    "project of the namespace holds one, PROJECT_NOT_FOUND, BAD_USER_INPUT, also for one that lies more than the project's " +
    "idJumpLimit above the highest number there is",
  input: (t) => ({
    projectId: t.id({ required: true, description: "The project whose IDs they are." }),
    ids: t.idList({ required: true, description: "1 to 1000, like US-007. Numbers skipped are never given." }),
    allowJump: t.boolean({ description: ALLOW_JUMP }),
  }),
  payload: (t) => ({
    registered: t.idList({
      description: "Those that are recorded now and were not before, in the order given.",
      resolve: ({ registered }) => registered,
    }),
    alreadyRegistered: t.idList({
      description: "Those that this project had before.",
      resolve: ({ alreadyRegistered }) => alreadyRegistered,
    }),
  }),
});

mutation(voidIds, {
  description:
    "Takes registered or confirmed IDs of a project back, all or none, such as one with a typing error in it; admin only. " +
    "The counter comes down to the highest number that lives in the namespace, and what lies above that is given again, " +
    "whatever idReuse says; what lies below is never given, but may be registered. PROJECT_NOT_FOUND; BAD_USER_INPUT for an " +
    "ID that is not confirmed for this project, or that a task which is not deleted bears as its taskId or artifactId",
  input: (t) => ({
    projectId: t.id({ required: true, description: "The project whose IDs they are." }),
    artifactType: t.string({ required: true, description: "The prefix, like US." }),
    ids: t.idList({ required: true, description: "1 to 1000 of that type, like US-999999." }),
    reason: t.string({ required: true, description: "Stands in the event ids.voided; 1 to 1000 characters." }),
  }),
  payload: (t) => ({
    voided: t.idList({ description: "The IDs that the project has no longer.", resolve: ({ voided }) => voided }),
    lastAssigned: t.exposeID("lastAssigned", {
      nullable: true,
      description: "Where the counter stands now: the highest ID that lives in the namespace; null if none does.",
    }),
  }),
});
