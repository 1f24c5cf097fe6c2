import { appendFile, link, rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import type { EmbeddedServer } from "../../../src/db/embedded/start.ts";
import { eventually } from "../../support/eventually.ts";
import { makeInitialisedHome, makeTemporaryFolder } from "../../support/temporary-folder.ts";
import { keep, killPostmaster, query, startServer } from "./kept.ts";

describe("a PostgreSQL", () => {
  let server: EmbeddedServer;

  beforeAll(async () => {
    server = await startServer(await makeInitialisedHome(join(await makeTemporaryFolder("kept"), ".docket")));
    await query(server, "CREATE TABLE kept AS SELECT 42 AS answer");
  });

  beforeEach(async () => {
    // It may have been given up.
    if (!(await server.isRunning())) await server.restart();
  });

  afterAll(() => server.stop());

  test("is not taken for ended when it could not be looked at", async () => {
    const { told, looks } = keep(server);
    const file = join(server.data, "postmaster.pid");
    // What is read through it is no more to be had than without a free descriptor. It takes the file's place at once.
    await link(file, `${file}.aside`);
    await symlink(file, `${file}.loop`);
    await rename(`${file}.loop`, file);
    await expect(server.isRunning()).rejects.toThrow("ELOOP");
    const seen = looks();
    await eventually(() => expect(looks()).toBeGreaterThan(seen + 1));
    await rename(`${file}.aside`, file);
    expect(await server.isRunning()).toBe(true);
    await eventually(() => expect(told).toContain("over"));
    expect([...new Set(told)]).toEqual([expect.stringContaining("ELOOP"), "over"]);
  });

  test("is started again, at its address, when it was killed or ended in order, and given up when it ends five times within a minute, however long it ran in between, and not sooner", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    onTestFinished(() => void vi.useRealTimers());
    const { told, givenUp } = keep(server);
    // The first is a minute old when the fifth comes.
    const ends = ["SIGKILL", "SIGINT", "SIGTERM", "SIGKILL", "SIGKILL"] as const;
    for (const [i, signal] of ends.entries()) {
      told.length = 0;
      await killPostmaster(server, signal);
      await eventually(() => expect(told).toContain("over"));
      expect([signal, ...told]).toEqual([signal, "PostgreSQL has ended unexpectedly.", "over"]);
      expect(await query(server, "SELECT answer FROM kept")).toEqual([{ answer: 42 }]);
      vi.advanceTimersByTime(i === 0 ? 60_000 : 6_000);
    }
    expect(await Promise.race([givenUp, "kept"])).toBe("kept");
    await killPostmaster(server);
    expect((await givenUp).message).toMatch(/failed 5 times within a minute/);
  });

  test("is given up when it ends soon after every start", async () => {
    const { givenUp } = keep(server);
    let kills = 0;
    const killer = setInterval(async () => {
      if (await server.isRunning())
        await killPostmaster(server).then(
          () => kills++,
          () => undefined,
        );
    }, 50);
    const { message } = await givenUp;
    clearInterval(killer);
    expect(message).toMatch(/failed 5 times within a minute/);
    expect(kills).toBeGreaterThanOrEqual(5);
  });

  test("is given up when it has ended and cannot start in four tries, and leaves none behind", async () => {
    const { failedStarts, givenUp } = keep(server);
    await appendFile(join(server.data, "postgresql.conf"), "nonsense = 1\n");
    await killPostmaster(server);
    const { message } = await givenUp;
    expect(message).toMatch(/failed 5 times within a minute.*nonsense/s);
    expect(failedStarts()).toBe(4);
    expect(await server.isRunning()).toBe(false);
    // Nobody else can start it either.
    await rm(server.data, { recursive: true });
  });
});
