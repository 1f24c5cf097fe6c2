import { expect, it } from "vitest";
import { durationFault, durationSeconds } from "../../src/db/duration.ts";
import { verbTest } from "../support/verbs.ts";

const RIGHT: Readonly<Record<string, number>> = {
  "0 minutes": 0,
  "1 minute": 60,
  "30 minutes": 1_800,
  "1 hour": 3_600,
  "2 Hours": 7_200,
  "2 days": 172_800,
  "1 week": 604_800,
  PT1H: 3_600,
  PT90M: 5_400,
  PT30S: 30,
  P1D: 86_400,
  P2W: 1_209_600,
  P1W2DT3H4M5S: 788_645,
  P366D: 31_622_400,
  "366 days": 31_622_400,
};

it("reads lengths in words and in ISO 8601, as the database does", async () => {
  const { owner } = await verbTest();
  for (const [given, seconds] of Object.entries(RIGHT)) {
    expect([given, durationFault(given), durationSeconds(given)]).toEqual([given, undefined, seconds]);
    const { rows } = await owner.query("SELECT reminder_seconds($1) AS seconds", [given]);
    expect([given, rows]).toEqual([given, [{ seconds }]]);
  }
});

it.each([
  ["", '"" is no whole number'],
  ["soon", '"soon" is no whole number'],
  ["one hour", '"one" is no whole number'],
  ["-1 hour", '"-1" is no whole number'],
  ["1.5 hours", '"1.5" is no whole number'],
  [" 1 hour", '"" is no whole number'],
  ["1", '"" is none of minutes, hours, days, weeks'],
  ["1  hour", '"" is none of minutes, hours, days, weeks'],
  ["1 month", '"month" is none of minutes, hours, days, weeks'],
  ["1 hourss", '"hourss" is none of minutes, hours, days, weeks'],
  ["1 hour ago", '" ago" is too much'],
  ["1 hour\n", '"\\n" is too much'],
  ["P1M", "years and months are of different lengths"],
  ["P1Y", "years and months are of different lengths"],
  ["P", "it ends before it says how long"],
  ["PT", "it ends before it says how long"],
  ["P1DT", "it ends before it says how long"],
  ["PT1H30", '"30" is wrong there'],
  ["PT1.5H", '"1.5H" is wrong there'],
  ["P1D1W", '"1W" is wrong there'],
  ["PT1H ", '" " is wrong there'],
  ["pt1h", '"pt1h" is wrong there'],
  ["367 days", "it is longer than 366 days"],
  ["P366DT1S", "it is longer than 366 days"],
  ["999999999 weeks", "it is longer than 366 days"],
])("refuses %j, naming what is wrong and what is right", (given, why) => {
  expect(durationFault(given)).toBe(
    `${JSON.stringify(given)} is no length of time: ${why}. Write it like "30 minutes", "1 hour", "2 days", "1 week", or in ISO 8601 PT1H, P1D`,
  );
});
