import { GraphQLError } from "graphql";
import { momentFault } from "../src/db/moment.ts";
import { isDay, jsonFault, parseInstant } from "../src/db/storable.ts";
import { builder } from "./builder.ts";

builder.scalarType("Date", {
  description: "A date as ISO 8601, like 2026-03-01, of whatever time zone the field says.",
  serialize: (day) => day.toISOString().slice(0, 10),
  parseValue: (value) => {
    if (typeof value !== "string" || !/^(?!0000)\d{4}-\d{2}-\d{2}$/.test(value) || !isDay(value))
      throw new GraphQLError(`Not a date: ${JSON.stringify(value)}. Write it like 2026-03-01.`);
    return new Date(`${value}T00:00:00Z`);
  },
});

builder.scalarType("DateTime", {
  description: "An instant as ISO 8601 with an offset, like 2026-03-01T09:00:00Z. Answers are in UTC.",
  serialize: (instant) => instant.toISOString(),
  parseValue: (value) => {
    const instant = typeof value === "string" ? parseInstant(value) : undefined;
    if (!instant)
      throw new GraphQLError(`Not an instant: ${JSON.stringify(value)}. Write it like 2026-03-01T09:00:00Z.`);
    return instant;
  },
});

builder.scalarType("DateTimeOrDuration", {
  description:
    "An instant as ISO 8601 (2026-03-01T09:00:00Z, or 2026-03-01 for midnight UTC), or a duration that is added to now: " +
    "-P1D is a day ago, PT1H in an hour, -PT6.5S six and a half seconds ago; 999 years at most. Of a field that lies in the past a duration into the future is refused.",
  serialize: (moment) => moment,
  parseValue: (value) => {
    const fault = momentFault(value);
    if (fault !== undefined) throw new GraphQLError(fault);
    return String(value);
  },
});

builder.scalarType("JSON", {
  description:
    "Any JSON value. What would not be kept as it is written is refused: numbers beyond double precision (send them as text) and members named __proto__.",
  serialize: (value) => value,
  parseValue: (value) => {
    const fault = jsonFault(value);
    if (fault) throw new GraphQLError(`This JSON value ${fault}.`);
    return value;
  },
});

builder.scalarType("SafeInt", {
  description: "A whole number up to 53 bits, sent as a JSON number.",
  serialize: (value) => value,
  parseValue: (value) => {
    if (!Number.isSafeInteger(value)) throw new GraphQLError("Not a whole number of at most 53 bits");
    return Number(value);
  },
});
