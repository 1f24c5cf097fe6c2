import type { DateFilter, IntFilter, StringFilter } from "../src/db/comparators.ts";
import { builder } from "./builder.ts";

export const StringFilterInput = builder.inputRef<StringFilter>("StringFilter").implement({
  fields: (t) => ({
    eq: t.string(),
    in: t.stringList(),
    contains: t.string({ description: "Part of the text, whatever the case." }),
    null: t.boolean({ description: "true: is empty; false: is not." }),
  }),
});

export const IntFilterInput = builder.inputRef<IntFilter>("IntFilter").implement({
  fields: (t) => ({ eq: t.int(), in: t.intList(), lt: t.int(), lte: t.int(), gt: t.int(), gte: t.int() }),
});

export const DateFilterInput = builder.inputRef<DateFilter>("DateFilter").implement({
  description:
    'Instants as ISO 8601 (2026-03-01T09:00:00Z), or durations from now: {gt: "-P1D"} is within the last day.',
  fields: (t) => ({
    lt: t.string(),
    lte: t.string(),
    gt: t.string(),
    gte: t.string(),
    null: t.boolean({ description: "true: is empty; false: is not." }),
  }),
});
