import { GraphQLError } from "graphql";
import { builder } from "./builder.ts";

/** ISO 8601 with date, time and an offset; what lacks the offset would mean another instant on another machine. */
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/;

builder.scalarType("DateTime", {
  description: "An instant as ISO 8601 with an offset, like 2026-03-01T09:00:00Z. Answers are in UTC.",
  serialize: (instant) => instant.toISOString(),
  parseValue: (value) => {
    const instant = typeof value === "string" && INSTANT.test(value) ? new Date(value) : undefined;
    if (!instant || Number.isNaN(instant.getTime()))
      throw new GraphQLError(`Not an instant: ${JSON.stringify(value)}. Write it like 2026-03-01T09:00:00Z.`);
    return instant;
  },
});

builder.scalarType("JSON", { description: "Any JSON value.", serialize: (value) => value });

builder.scalarType("SafeInt", {
  description: "A whole number up to 53 bits, sent as a JSON number.",
  serialize: (value) => value,
  parseValue: (value) => {
    if (!Number.isSafeInteger(value)) throw new GraphQLError("Not a whole number of at most 53 bits");
    return Number(value);
  },
});
