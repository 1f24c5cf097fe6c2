import { expect, test } from "vitest";
import { settle } from "../../../src/schedule/recurrence/recurrence.ts";
import { zoneFault } from "../../../src/schedule/recurrence/zone-name.ts";
import { verbTest } from "../../support/verbs.ts";

test("a name of the IANA database is a zone, canonical or a link, as it is written there, and nothing else", () => {
  const names = [
    ...["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+2", "EST5EDT", "US/Eastern"],
    ...["Asia/Kolkata", "Asia/Calcutta", "Europe/Kyiv", "GB-Eire", "America/Port-au-Prince", "Africa/Dar_es_Salaam"],
  ];
  for (const name of names) {
    expect(zoneFault(name), name).toBeUndefined();
    for (const other of [name.toLowerCase(), name.toUpperCase()].filter((one) => one !== name))
      expect(zoneFault(other)).toBe(`"${other}" is no time zone; the name is written ${name}`);
  }
  // Of the runtime alone, or of nobody.
  const none = [
    "+02:00",
    "-0500",
    "GMT+2",
    "Mars/Olympus",
    "",
    " UTC",
    "Europe/Berlin ",
    "Z",
    "IST",
    "ACT",
    "SystemV/EST5",
  ];
  for (const name of none) expect(zoneFault(name), name).toContain("give an IANA name like Europe/Berlin");
});

test("no name is missed that PostgreSQL's zone data has", async () => {
  const t = await verbTest();
  const { rows } = await t.owner.query<{ name: string }>(
    "SELECT name FROM pg_timezone_names WHERE name !~ '^(posix/|right/|Factory$|localtime$|posixrules$)'",
  );
  expect(rows.length).toBeGreaterThan(400);
  expect(rows.filter(({ name }) => zoneFault(name) !== undefined)).toEqual([]);
});

test("what was stored in another case before goes on", () => {
  const dueDate = new Date("2026-12-01T08:00:00Z");
  const { startsOn } = settle({ pattern: "daily", zone: "europe/berlin", dueDate, endsOn: null });
  expect(startsOn).toBe(Date.UTC(2026, 11, 1) / 86_400_000);
});
