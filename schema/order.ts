import { builder } from "./builder.ts";

const OrderDirection = builder.enumType("OrderDirection", {
  description: "Which way a list is ordered.",
  values: {
    ASC: { value: "ASC", description: "Lowest or earliest first." },
    DESC: { value: "DESC", description: "Highest or latest first." },
  } as const,
});

/**
 * The input that orders a list of a noun: `TaskOrder {field: TaskOrderField!, direction: OrderDirection! = ASC}`.
 * @param fields what each field means, by its name in the domain; `createdAt` becomes CREATED_AT.
 */
export function orderInput<Field extends string>(noun: string, fields: Readonly<Record<Field, string>>) {
  const names = Object.entries<string>(fields).map(([field, description]) => [
    field.replace(/[A-Z]/g, "_$&").toUpperCase(),
    { value: field as Field, description },
  ]);
  const OrderField = builder.enumType(`${noun}OrderField`, {
    description: "What a list can be ordered by.",
    values: Object.fromEntries(names) as Record<string, { value: Field; description: string }>,
  });
  return builder.inputType(`${noun}Order`, {
    description: "What a list is ordered by. A cursor belongs to the order in which it was given.",
    fields: (t) => ({
      field: t.field({ type: OrderField, required: true, description: "What it is ordered by." }),
      direction: t.field({ type: OrderDirection, required: true, defaultValue: "ASC", description: "Which way." }),
    }),
  });
}
