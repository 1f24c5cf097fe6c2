import { GraphQLScalarType } from "graphql";
import { expect, it } from "vitest";
import { schema } from "../../schema/index.ts";

function scalar(name: string): GraphQLScalarType {
  const type = schema.getType(name);
  if (!(type instanceof GraphQLScalarType)) throw new Error(`${name} is no scalar`);
  return type;
}

it.each([
  "2027-02-31T09:00:00Z",
  "2027-02-29T09:00:00Z",
  "2027-04-31T09:00:00+02:00",
  "2027-00-10T09:00:00Z",
  "2027-03-01",
  "2027-03-01T09:00:00",
  "2027-03-01T09:60:00Z",
  "0000-01-01T00:00:00Z",
  7,
])("takes no instant that is not in the calendar: %s", (given) => {
  expect(() => scalar("DateTime").coerceInputValue(given)).toThrow("Write it like 2026-03-01T09:00:00Z");
});

it.each([
  ["2028-02-29T09:00:00Z", "2028-02-29T09:00:00.000Z"],
  ["2027-03-01T00:30+02:00", "2027-02-28T22:30:00.000Z"],
  ["2026-12-31T24:00:00Z", "2027-01-01T00:00:00.000Z"],
  ["2027-03-01T09:00:00.123456-01:30", "2027-03-01T10:30:00.123Z"],
])("takes the instant %s", (given, expected) => {
  expect(scalar("DateTime").coerceInputValue(given)).toEqual(new Date(expected));
});

it.each([
  ["half a surrogate pair", { list: ["\ud83d"] }, /cannot be stored/],
  ["U+0000 in a name", { "a\0": 1 }, /cannot be stored/],
  ["thousands of levels", JSON.parse(`${"[".repeat(50_000)}${"]".repeat(50_000)}`), /more than 100 levels deep/],
])("takes no JSON with %s", (_what, given, message) => {
  expect(() => scalar("JSON").coerceInputValue(given)).toThrow(message);
});

it("takes any other JSON as it is", () => {
  for (const given of [null, 0, "😀", [{ a: [] }], { "": false }])
    expect(scalar("JSON").coerceInputValue(given)).toEqual(given);
});

it.each([
  "-PT6.5S",
  "-PT6,5S",
  "P0.5D",
  "-P1DT1.25H",
  "-P999Y",
  "P1Y2M3W4DT5H6M7S",
  "2026-03-01",
  "2026-03-01T09:00:00Z",
])("takes %s as an instant or a duration", (given) => {
  expect(scalar("DateTimeOrDuration").coerceInputValue(given)).toBe(given);
});

it.each([
  ["more years than there are", "-P1000Y"],
  ["as many in smaller parts", "-P500Y6000M1D"],
  ["as many in days", "-P99999DT999999999999S"],
  ["a fraction that is not the last part", "-P0.5DT1H"],
  ["no part", "PT"],
  ["a fraction without digits", "-PT6.S"],
])("takes no duration with %s", (_what, given) => {
  expect(() => scalar("DateTimeOrDuration").coerceInputValue(given)).toThrow(
    /neither an instant.*of 999 years at most/,
  );
});
