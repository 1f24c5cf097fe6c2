import type { FieldMap, InputFieldMap } from "@pothos/core";
import type { GraphQLResolveInfo } from "graphql";
import type { Answer } from "../src/access/idempotency.ts";
import type { Declaration, Verb } from "../src/access/verb.ts";
import { builder, type FieldBuilder, type InputBuilder, type InputField } from "./builder.ts";
import type { GraphQLContext } from "./context.ts";

declare module "graphql" {
  interface GraphQLFieldExtensions<_TSource, _TContext, _TArgs> {
    /** Of a mutation: what its verb declares. */
    verb?: Declaration;
  }
}

/** A field for each that the verb takes, giving no more than what it takes. */
type InputsOf<Input> = { readonly [Name in keyof Input]-?: InputField<Input[Name]> };

interface MutationOptions<Input, Result, Fields> {
  /** The verb's, unless it is a name that it had before. */
  readonly name?: string;
  readonly deprecationReason?: string;
  readonly description: string;
  /** What the verb takes and nothing else; `idempotencyKey` is added. */
  readonly input: (t: InputBuilder) => Fields & Readonly<Record<Exclude<keyof Fields, keyof Input>, never>>;
  /** What is shown of its result; `replayed` is added. Null only where a success may be without it. */
  readonly payload: (t: FieldBuilder<Answer<Result>>) => FieldMap;
}

/** The mutation of a verb: `<Name>Input` in, `<Name>Payload` out. */
export function mutation<Input extends object, Result extends object, Fields extends InputsOf<Input>>(
  verb: Verb<Input, Result>,
  options: MutationOptions<Input, Result, Fields>,
): void;
export function mutation(
  verb: Verb<object, object>,
  { name = verb.declared.name, input, payload, ...shown }: MutationOptions<object, object, InputFieldMap>,
): void {
  const typeName = name.slice(0, 1).toUpperCase() + name.slice(1);
  const Payload = builder.objectRef<Answer<object>>(`${typeName}Payload`).implement({
    description: `What ${name} answers.`,
    fields: (t) => ({
      ...payload(t),
      replayed: t.exposeBoolean("replayed", {
        description: "True when this is the answer given before to the same idempotencyKey.",
      }),
    }),
  });
  builder.mutationField(name, (t) =>
    t.fieldWithInput({
      type: Payload,
      nullable: true,
      ...shown,
      extensions: { verb: verb.declared },
      typeOptions: { description: `What ${name} takes.` },
      argOptions: { description: "All that it takes." },
      input: {
        ...input(t.input),
        idempotencyKey: t.input.string({
          description:
            "Makes it safe to ask again after a lost answer: the same key and input get the first answer again. " +
            "1 to 255 characters; the same key with another input is IDEMPOTENCY_KEY_REUSED.",
        }),
      },
      resolve: (_root, { input: given }, ctx, info) => verb(ctx, keyed(given, ctx, info)),
    }),
  );
}

/** The input with the request's Idempotency-Key, one per response path, where it brings no key of its own. */
function keyed<Input extends { idempotencyKey?: string | null | undefined }>(
  input: Input,
  { idempotencyKey }: GraphQLContext,
  { path }: GraphQLResolveInfo,
): Input {
  return input.idempotencyKey == null && idempotencyKey !== null
    ? { ...input, idempotencyKey: `${idempotencyKey}:${path.key}` }
    : input;
}
