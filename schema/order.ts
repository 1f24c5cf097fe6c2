import type { Direction } from "../src/db/page.ts";
import { builder } from "./builder.ts";
import { choiceEnum } from "./choice.ts";

const OrderDirection = choiceEnum<Direction>("OrderDirection", "Which way a list is ordered.", {
  ASC: "Lowest or earliest first.",
  DESC: "Highest or latest first.",
});

/**
 * The input that orders a list of a noun: `TaskOrder {field: TaskOrderField!, direction: OrderDirection! = ASC}`.
 * @param fields what each field means, by its name in the domain; `createdAt` becomes CREATED_AT.
 */
export function orderInput<Field extends string>(noun: string, fields: Readonly<Record<Field, string>>) {
  const OrderField = choiceEnum<Field>(`${noun}OrderField`, "What a list can be ordered by.", fields);
  return builder.inputType(`${noun}Order`, {
    description: "What a list is ordered by. A cursor belongs to the order in which it was given.",
    fields: (t) => ({
      field: t.field({ type: OrderField, required: true, description: "What it is ordered by." }),
      direction: t.field({ type: OrderDirection, required: true, defaultValue: "ASC", description: "Which way." }),
    }),
  });
}
