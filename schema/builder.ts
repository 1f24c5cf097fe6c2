import SchemaBuilder, { type InputFieldRef } from "@pothos/core";
import PrismaPlugin from "@pothos/plugin-prisma";
import RelayPlugin from "@pothos/plugin-relay";
import WithInputPlugin from "@pothos/plugin-with-input";
import type PrismaTypes from "../prisma/generated/pothos.ts";
import { getDatamodel } from "../prisma/generated/pothos.ts";
import { badInput } from "../src/errors.ts";
import { ARGUMENT_LIMITS } from "./argument-limits.ts";
import type { GraphQLContext } from "./context.ts";

/** What implements Node. */
const NODES = "Project, Task, Reservation or ApiKey";
const GLOBAL_ID = /^(Project|Task|Reservation|ApiKey):(.+)$/s;

/** What the builder's types are told. The name keeps the compiler's messages short. */
interface Docket {
  Context: GraphQLContext;
  PrismaTypes: PrismaTypes;
  DefaultFieldNullability: false;
  Scalars: {
    ID: { Input: string; Output: string };
    DateTime: { Input: Date; Output: Date };
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
    nodesOnConnection: true,
    nodesQueryOptions: false,
    nodeQueryOptions: { description: `A ${NODES} by its global id; null when there is none that this key sees.` },
    decodeGlobalID(given) {
      const [, typename, id] = GLOBAL_ID.exec(Buffer.from(given, "base64").toString()) ?? [];
      if (typename !== undefined && id !== undefined) return { typename, id };
      throw badInput(
        `${JSON.stringify(given.slice(0, 60))} is no global id: pass the field id of a ${NODES} as it was answered.`,
      );
    },
  },
  withInput: {
    argOptions: { required: true },
    typeOptions: { name: ({ fieldName }) => `${fieldName[0]?.toUpperCase()}${fieldName.slice(1)}Input` },
  },
});

type Types = typeof builder.$inferSchemaTypes;
/** An input field that gives a `Value`. */
export type InputField<Value> = InputFieldRef<Types, Value>;
/** Makes the fields of an input. */
export type InputBuilder = PothosSchemaTypes.InputFieldBuilder<Types, "InputObject">;
/** Makes the fields of an object that is resolved from a `Parent`. */
export type FieldBuilder<Parent> = PothosSchemaTypes.ObjectFieldBuilder<Types, Parent>;

builder.queryType({ description: `What can be read. ${ARGUMENT_LIMITS}` });
builder.mutationType();
builder.subscriptionType({ description: `What can be followed. ${ARGUMENT_LIMITS}` });
builder.globalConnectionField("totalCount", (t) =>
  t.int({
    nullable: true,
    description: "How many there are in all; counted only when asked for.",
    resolve: ({ totalCount }) => totalCount(),
  }),
);
