import { type ExecutionResult, parse, subscribe } from "graphql";
import { expect, test } from "vitest";
import { schema } from "../../schema/index.ts";
import type { Viewer } from "../../src/access/viewer.ts";
import type { Database } from "../../src/db/database.ts";
import { confirmReservation } from "../../src/ids/confirm.ts";
import { registerIds } from "../../src/ids/register.ts";
import { releaseReservation } from "../../src/ids/release.ts";
import { reserveIds } from "../../src/ids/reserve.ts";
import { takeId } from "../../src/ids/take-id.ts";
import { contextsOver } from "../log/contexts.ts";
import { ADMIN, commit, contextOf, startLog, taskEvent } from "../log/test-log.ts";

interface Frame {
  cursor: string;
  caughtUp: boolean;
  events: { type: string; projectId: string; reservation: { status: string } | null }[];
}

/** The log behind the schema; `loads` counts the statements for current reservations. */
async function startSchema() {
  const at = await startLog();
  const loads = { reservations: 0 };
  const database: Database = {
    ...at.database,
    read: (async (...args: Parameters<Database["read"]>) => {
      if (typeof args[0] === "object" && args[0].name === "reservations-find") loads.reservations++;
      return at.database.read(...args);
    }) as Database["read"],
  };
  const contextFor = contextsOver(at, database);
  async function follow(args = "", viewer: Viewer = ADMIN) {
    const document = parse(`subscription { reservationEvents${args} { cursor caughtUp events {
      number type projectId subjectType payload changes { field } task { taskId }
      reservation { reservationId projectId status ids }
    } } }`);
    const stream = await subscribe({ schema, document, contextValue: contextFor(viewer) });
    if (!(Symbol.asyncIterator in stream)) return { code: stream.errors?.[0]?.originalError };
    return { frames: stream as AsyncGenerator<ExecutionResult, void, undefined> };
  }
  async function open(args?: string, viewer?: Viewer) {
    const { frames } = await follow(args, viewer);
    if (!frames) throw new Error("the subscription was refused");
    const next = async () => {
      const { value } = await frames.next();
      if (value?.errors || !value?.data) throw new Error(JSON.stringify(value));
      return JSON.parse(JSON.stringify(value.data["reservationEvents"])) as Frame;
    };
    return {
      next,
      /** Frames until so many events have come. */
      async take(enough: number) {
        const events: Frame["events"] = [];
        let cursor = "";
        while (events.length < enough) {
          const frame = await next();
          events.push(...frame.events);
          cursor = frame.cursor;
        }
        return { events, cursor };
      },
      close: () => frames.return(),
    };
  }
  return { ...at, loads, follow, open, ctx: contextOf(at.database) };
}

const US = { projectId: "alpha", artifactType: "US" };

test("tells what happens to reservations and IDs, and nothing else, with each reservation as it is now", async () => {
  const { database, ctx, open } = await startSchema();
  const stream = await open();
  expect(await stream.next()).toMatchObject({ events: [], caughtUp: true });
  await commit(database, taskEvent("alpha", "TASK-001"));
  const { reservationId } = await reserveIds(ctx, { ...US, count: 3 });
  await confirmReservation(ctx, { reservationId });
  await takeId(ctx, US);
  await registerIds(ctx, { projectId: "beta", ids: ["US-001"] });
  const { events } = await stream.take(4);
  const confirmed = { reservationId, projectId: "alpha", status: "CONFIRMED", ids: ["US-001", "US-002", "US-003"] };
  expect(events).toMatchObject([
    { type: "ids.reserved", projectId: "alpha", reservation: { reservationId } },
    { type: "ids.confirmed", projectId: "alpha", reservation: confirmed },
    { type: "ids.assigned", projectId: "alpha", subjectType: "artifact_id", reservation: null },
    { type: "ids.registered", projectId: "beta", payload: { ids: ["US-001"] }, reservation: null },
  ]);
});

test("begins at once in projects that were named, and resumes after a cursor without a gap", async () => {
  const { ctx, open } = await startSchema();
  const stream = await open('(filter: {projects: ["alpha"]})');
  await stream.next();
  await reserveIds(ctx, { ...US, projectId: "beta", count: 1 });
  const { reservationId } = await reserveIds(ctx, { ...US, count: 1 });
  const { events, cursor } = await stream.take(1);
  expect(events).toMatchObject([{ projectId: "alpha" }]);
  await stream.close();
  await releaseReservation(ctx, { reservationId });
  const resumed = await open(`(after: "${cursor}")`);
  expect((await resumed.take(1)).events).toMatchObject([{ type: "ids.released", reservation: { status: "RELEASED" } }]);
});

test("shows a limited key nothing of other projects, and refuses to name one", async () => {
  const { ctx, open, follow } = await startSchema();
  const limited = { ...ADMIN, projectIds: ["alpha"] };
  const stream = await open("", limited);
  await stream.next();
  await reserveIds(ctx, { ...US, projectId: "beta", count: 1 });
  await reserveIds(ctx, { ...US, count: 1 });
  expect((await stream.take(1)).events.map(({ projectId }) => projectId)).toEqual(["alpha"]);
  for (const project of ["beta", "nowhere"])
    expect((await follow(`(filter: {projects: ["${project}"]})`, limited)).code).toMatchObject({
      code: "PROJECT_NOT_FOUND",
    });
});

test("loads a reservation once, however many subscribers show it", async () => {
  const { ctx, open, loads, log } = await startSchema();
  const streams = await Promise.all(
    Array.from({ length: 40 }, (_, i) => open("", { ...ADMIN, client: `session ${i}` })),
  );
  await Promise.all(streams.map((stream) => stream.next()));
  loads.reservations = 0;
  await reserveIds(ctx, { ...US, count: 2 });
  const shown = await Promise.all(streams.map((stream) => stream.take(1)));
  for (const { events } of shown) expect(events).toEqual(shown[0]?.events);
  expect(shown[0]?.events[0]?.reservation).toMatchObject({ status: "ACTIVE" });
  expect(loads.reservations).toBe(1);
  await Promise.all(streams.map((stream) => stream.close()));
  expect(log.streams).toBe(0);
});

test("tells of reservations in pages of history too", async () => {
  const { ctx, log } = await startSchema();
  await reserveIds(ctx, { ...US, count: 1 });
  const page = await log.events(ADMIN, { filter: { types: ["ids.reserved"] }, after: null, first: 10 });
  expect(page.events.map(({ subjectType }) => subjectType)).toEqual(["reservation"]);
  const unknown = log.events(ADMIN, { filter: { types: ["ids.reserve"] }, after: null, first: 10 });
  await expect(unknown).rejects.toMatchObject({
    code: "BAD_USER_INPUT",
    message: expect.stringContaining("ids.reserved"),
  });
});
