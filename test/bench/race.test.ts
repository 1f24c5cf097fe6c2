import { expect, it } from "vitest";
import { runRace } from "../../bench/race/run.ts";
import { makeTestScratch } from "./scratch.ts";

it("loses nothing in a small race in which a server is killed", async () => {
  const database = await makeTestScratch("race");
  const result = await runRace(
    { clients: 6, tasks: 40, reservations: 40, servers: 2, kills: 1, databaseKills: 0, hostile: 1, seed: 4 },
    { database, print: () => undefined, interrupted: new AbortController().signal },
  );
  await database.drop();
  expect(result.findings).toEqual([]);
  expect(result.failures).toEqual([]);
  expect(result.kills).toBe(1);
  expect(result.ledger).toMatchObject({ done: true, completed: 40 });
  expect(result.stored.events.length).toBeGreaterThan(200);
  expect(result.hostileTurns.length).toBeGreaterThan(0);
});
