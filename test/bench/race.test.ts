import { expect, it } from "vitest";
import { runRace } from "../../bench/race/run.ts";
import { createEmptyDatabase } from "../support/database.ts";
import { makeTemporaryFolder } from "../support/temporary-folder.ts";

it("loses nothing in a small race in which a server is killed", async () => {
  const test = await createEmptyDatabase();
  const folder = await makeTemporaryFolder("race");
  const result = await runRace(
    { clients: 6, tasks: 40, reservations: 40, servers: 2, kills: 1, seed: 4 },
    {
      database: { url: test.ownerUrl, folder, drop: () => test.drop() },
      print: () => undefined,
      interrupted: new AbortController().signal,
    },
  );
  await test.drop();
  expect(result.findings).toEqual([]);
  expect(result.failures).toEqual([]);
  expect(result.kills).toBe(1);
  expect(result.ledger).toMatchObject({ done: true, completed: 40 });
  expect(result.stored.events.length).toBeGreaterThan(200);
});
