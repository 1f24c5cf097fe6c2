import { z } from "zod";

/**
 * The part of JSON Schema that tools use. Some model's function calling refuses whatever is not here: OpenAI's and
 * Gemini's take neither open maps (`propertyNames`) nor members without a type, nor unions at the top.
 */
export interface Schema {
  readonly type: "object" | "array" | "string" | "integer" | "boolean";
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  /** Absent for an object whose members are the caller's own. */
  readonly additionalProperties?: false;
  readonly items?: Schema;
  readonly enum?: readonly string[];
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
}

/** The way to a place within arguments. */
export type Path = readonly PropertyKey[];

/** What is listed of a member that takes null, too: not by `type`, of which Gemini takes only one. */
interface Nullable extends Pick<Schema, "description"> {
  readonly anyOf: readonly [Schema, { readonly type: "null" }];
}

export type ObjectSchema = Schema & { readonly type: "object" };
export type ListedSchema = Omit<ObjectSchema, "properties"> & {
  readonly properties?: Readonly<Record<string, Schema | Nullable>>;
};

/** The schema of arguments as clients see it, who check by it what they send: where null says something, it may be sent. */
export function asListed({ properties = {}, ...rest }: ObjectSchema, nulls: readonly string[]): ListedSchema {
  const members = Object.entries(properties).map(([name, given]): [string, Schema | Nullable] => {
    const { description, ...member } = withoutLengths(given);
    const described = description === undefined ? {} : { description };
    if (!nulls.includes(name)) return [name, { ...described, ...member }];
    return [name, { ...described, anyOf: [member, { type: "null" }] }];
  });
  return { ...rest, properties: Object.fromEntries(members) };
}

/** Hardly any list is ever too long, and then its refusal says so: it is not worth its tokens in every session. */
const withoutLengths = ({ maxItems: _, items, properties, ...rest }: Schema): Schema => ({
  ...rest,
  ...(items && { items: withoutLengths(items) }),
  ...(properties && {
    properties: Object.fromEntries(Object.entries(properties).map(([name, member]) => [name, withoutLengths(member)])),
  }),
});

/** What the caller sends: defaults are optional, and strict objects refuse unknown members. */
export function schemaOf(type: z.ZodObject): ObjectSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(type, {
    io: "input",
    override({ jsonSchema }) {
      // An open object says so by saying nothing: `{}` would be a member without a type.
      if (jsonSchema.additionalProperties !== false) delete jsonSchema.additionalProperties;
    },
  });
  // The test of the tool list holds every tool to the members above.
  return rest as ObjectSchema;
}

/** The schema of the place that a path leads to, undefined where nothing is known of it. */
export function schemaAt(schema: Schema, path: Path): Schema | undefined {
  return path.reduce<Schema | undefined>(
    (at, step) => (typeof step === "number" ? at?.items : at?.properties?.[String(step)]),
    schema,
  );
}

/** A place within arguments as people write it: `tasks[0].title`. */
export function placeOf(path: Path): string {
  return path
    .map((step) => (typeof step === "number" ? `[${step}]` : `.${String(step)}`))
    .join("")
    .replace(/^\./, "");
}
