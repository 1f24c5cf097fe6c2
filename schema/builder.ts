import SchemaBuilder, { type ArgBuilder, type InputFieldRef } from "@pothos/core";
import PrismaPlugin from "@pothos/plugin-prisma";
import RelayPlugin from "@pothos/plugin-relay";
import WithInputPlugin from "@pothos/plugin-with-input";
import type PrismaTypes from "../prisma/generated/pothos.ts";
import { getDatamodel } from "../prisma/generated/pothos.ts";
import { DEFAULT_SIZE, LARGEST_SIZE } from "../src/db/page.ts";
import { badInput } from "../src/errors.ts";
import { ARGUMENT_LIMITS } from "./argument-limits.ts";
import type { GraphQLContext } from "./context.ts";

/** What implements Node. */
const NODES = [
  ...["Project", "Task", "Attempt", "Reminder", "Reservation", "Vendor", "Deployment"],
  ...["ProjectConfiguration", "Enhancement"],
  ...["ApiKey", "Webhook", "WebhookDelivery", "Event"],
];
const A_NODE = new Intl.ListFormat("en-GB", { type: "disjunction" }).format(NODES);
const GLOBAL_ID = new RegExp(`^(${NODES.join("|")}):(.+)$`, "s");

/** What the builder's types are told. The name keeps the compiler's messages short. */
interface Docket {
  Context: GraphQLContext;
  PrismaTypes: PrismaTypes;
  DefaultFieldNullability: false;
  Scalars: {
    ID: { Input: string; Output: string };
    Date: { Input: Date; Output: Date };
    DateTime: { Input: Date; Output: Date };
    DateTimeOrDuration: { Input: string; Output: string };
    JSON: { Input: unknown; Output: unknown };
    SafeInt: { Input: number; Output: number };
  };
  Connection: {
    /** Counted only when the field is asked for. */
    totalCount: () => Promise<number> | number;
  };
}

/** Configuration only: each noun's types live in its own module, and index.ts imports them all. */
export const builder = new SchemaBuilder<Docket>({
  plugins: [RelayPlugin, WithInputPlugin, PrismaPlugin],
  defaultFieldNullability: false,
  prisma: {
    client: ({ prisma }) => prisma,
    dmmf: getDatamodel(),
  },
  relay: {
    cursorType: "String",
    nodesOnConnection: { description: "The entries, in the list's order." },
    nodesQueryOptions: false,
    nodeQueryOptions: {
      description: `A ${A_NODE} by its global id; null when there is none that this key sees. BAD_USER_INPUT for a text that is no global id.`,
      args: { id: { description: "The field `id` of a noun, as it was answered." } },
    },
    nodeTypeOptions: { description: `What \`node\` finds by its global id: ${A_NODE}.` },
    idFieldOptions: { description: "Names it among all nouns of this server: `node` takes it. Opaque." },
    firstArgOptions: {
      defaultValue: DEFAULT_SIZE,
      description: `How many entries at most, from the beginning or after \`after\`: 0 to ${LARGEST_SIZE}. Not used with last or before.`,
    },
    afterArgOptions: { description: "pageInfo.endCursor of the page before: the page begins after it." },
    lastArgOptions: {
      description: `To page backward: how many entries at most, from the end or before \`before\`: 0 to ${LARGEST_SIZE}; ${DEFAULT_SIZE} unless told.`,
    },
    beforeArgOptions: { description: "To page backward: pageInfo.startCursor of the page that this one comes before." },
    defaultConnectionTypeOptions: { description: "One page of a list, and how to go on." },
    edgesFieldOptions: { description: "The entries with the cursor of each, in the list's order." },
    pageInfoFieldOptions: { description: "Where the page begins and ends, and whether there are more." },
    defaultEdgeTypeOptions: { description: "One entry of a page, with its cursor." },
    cursorFieldOptions: { description: "The entry's place in the list, for after and before." },
    nodeFieldOptions: { description: "The entry itself." },
    pageInfoTypeOptions: { description: "Where a page begins and ends in its list." },
    hasNextPageFieldOptions: { description: "Whether there are entries after the page: ask with after: endCursor." },
    hasPreviousPageFieldOptions: {
      description: "Whether there are entries before the page: ask with before: startCursor, and last.",
    },
    startCursorFieldOptions: { description: "The first entry's cursor; null for an empty page." },
    endCursorFieldOptions: { description: "The last entry's cursor; null for an empty page." },
    decodeGlobalID(given) {
      const [, typename, id] = GLOBAL_ID.exec(Buffer.from(given, "base64").toString()) ?? [];
      if (typename !== undefined && id !== undefined) return { typename, id };
      throw badInput(
        `${JSON.stringify(given.slice(0, 60))} is no global id: pass the field id of a ${A_NODE} as it was answered.`,
      );
    },
  },
  withInput: {
    argOptions: { required: true, description: "What the change needs, by name." },
    typeOptions: {
      description: "All that the mutation of this name takes.",
      name: ({ fieldName }) => `${fieldName[0]?.toUpperCase()}${fieldName.slice(1)}Input`,
    },
  },
});

type Types = typeof builder.$inferSchemaTypes;
/** An input field that gives a `Value`. */
export type InputField<Value> = InputFieldRef<Types, Value>;
/** What makes the arguments of a field: the `t` of its field. */
export interface ArgumentBuilder {
  readonly arg: ArgBuilder<Types>;
}
/** Makes the fields of an input. */
export type InputBuilder = PothosSchemaTypes.InputFieldBuilder<Types, "InputObject">;
/** Makes the fields of an object that is resolved from a `Parent`. */
export type FieldBuilder<Parent> = PothosSchemaTypes.ObjectFieldBuilder<Types, Parent>;

builder.queryType({ description: `What can be read. ${ARGUMENT_LIMITS} Errors carry an ErrorCode.` });
builder.mutationType({
  description:
    "What can be changed. Each mutation is one transaction: all of it is done, or nothing. Errors carry an ErrorCode.",
});
builder.subscriptionType({ description: `What can be followed. ${ARGUMENT_LIMITS}` });
builder.globalConnectionField("totalCount", (t) =>
  t.int({
    nullable: true,
    description: "How many there are in all; counted only when asked for.",
    resolve: ({ totalCount }) => totalCount(),
  }),
);
