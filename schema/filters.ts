import type { DateFilter, IntFilter, StringFilter } from "../src/db/comparators.ts";
import { builder } from "./builder.ts";

const EQUAL = "Is this.";
const UNEQUAL = "Is anything else, or empty.";
const ANY_OF = "Is one of these.";
const NONE_OF = "Is none of these; empty counts as none.";
const EMPTY = "true: is empty; false: is not.";
const LESS = "Comes before this.";
const LESS_OR_EQUAL = "Comes before this, or is this.";
const GREATER = "Comes after this.";
const GREATER_OR_EQUAL = "Comes after this, or is this.";
const COMPARED = "Every comparator that is given must hold.";

export const StringFilterInput = builder.inputRef<StringFilter>("StringFilter").implement({
  description: COMPARED,
  fields: (t) => ({
    eq: t.string({ description: EQUAL }),
    ne: t.string({ description: UNEQUAL }),
    contains: t.string({ description: "Part of the text, whatever the case." }),
    lt: t.string({ description: LESS }),
    lte: t.string({ description: LESS_OR_EQUAL }),
    gt: t.string({ description: GREATER }),
    gte: t.string({ description: GREATER_OR_EQUAL }),
    in: t.stringList({ description: ANY_OF }),
    notIn: t.stringList({ description: NONE_OF }),
    null: t.boolean({ description: EMPTY }),
  }),
});

export const IntFilterInput = builder.inputRef<IntFilter>("IntFilter").implement({
  description: COMPARED,
  fields: (t) => ({
    eq: t.int({ description: EQUAL }),
    ne: t.int({ description: UNEQUAL }),
    in: t.intList({ description: ANY_OF }),
    notIn: t.intList({ description: NONE_OF }),
    lt: t.int({ description: "Is less than this." }),
    lte: t.int({ description: "Is this, or less." }),
    gt: t.int({ description: "Is more than this." }),
    gte: t.int({ description: "Is this, or more." }),
    null: t.boolean({ description: EMPTY }),
  }),
});

export const DateFilterInput = builder.inputRef<DateFilter>("DateFilter").implement({
  description: `${COMPARED} {gt: "-P1D"} is within the last day, {lt: "PT1H"} within the next hour or before.`,
  fields: (t) => ({
    eq: t.field({ type: "DateTimeOrDuration", description: EQUAL }),
    ne: t.field({ type: "DateTimeOrDuration", description: UNEQUAL }),
    in: t.field({ type: ["DateTimeOrDuration"], description: ANY_OF }),
    notIn: t.field({ type: ["DateTimeOrDuration"], description: NONE_OF }),
    lt: t.field({ type: "DateTimeOrDuration", description: "Before this." }),
    lte: t.field({ type: "DateTimeOrDuration", description: "Before or at this." }),
    gt: t.field({ type: "DateTimeOrDuration", description: "After this." }),
    gte: t.field({ type: "DateTimeOrDuration", description: "After or at this." }),
    null: t.boolean({ description: EMPTY }),
  }),
});

/** The comparators of an enum, as `TaskStatusFilter` for `TaskStatus`. */
type Types = typeof builder.$inferSchemaTypes;

export const enumFilterInput = <Type extends PothosSchemaTypes.EnumRef<Types, string>>(type: Type) =>
  builder.inputType(`${type.name}Filter`, {
    description: COMPARED,
    fields: (t) => ({
      eq: t.field({ type, description: EQUAL }),
      ne: t.field({ type, description: UNEQUAL }),
      in: t.field({ type: [type], description: ANY_OF }),
      notIn: t.field({ type: [type], description: NONE_OF }),
      null: t.boolean({ description: EMPTY }),
    }),
  });
