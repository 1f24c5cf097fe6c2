import { expect, test } from "vitest";
import type { Viewer } from "../../src/access/viewer.ts";
import type { FrameStream } from "../../src/log/live/frame-stream.ts";
import { eventually } from "../support/eventually.ts";
import { ManualClock } from "./manual-clock.ts";
import { ADMIN, startLog, type TestLog } from "./test-log.ts";

const LIMITED = { settings: { streamsPerClient: 3 } };
const FROM_NOW = { filter: {}, after: null };
const refused = { code: "RATE_LIMITED", details: { retryable: true, retryAfterMs: expect.any(Number), limit: 3 } };

const agent = (keyId: string, client: string | null): Viewer => ({ ...ADMIN, actor: keyId, client });

function open(at: TestLog, viewer: Viewer, streams: number): Promise<FrameStream<unknown>[]> {
  return Promise.all(Array.from({ length: streams }, () => at.log.follow(viewer, FROM_NOW)));
}

test("refuses the fourth stream of a key and client id, of either kind, and says what to do", async () => {
  const at = await startLog(LIMITED);
  const viewer = agent("key", "session-1");
  const [first] = await open(at, viewer, 2);
  await at.log.watchProjects(viewer, null);
  await expect(at.log.follow(viewer, FROM_NOW)).rejects.toMatchObject(refused);
  await expect(at.log.watchProjects(viewer, null)).rejects.toThrow(
    /Client session-1 .* 3 streams .*Close one.*Docket-Client-Id.*clientId.*DOCKET_STREAMS_PER_CLIENT/,
  );
  await first?.return?.();
  await at.log.follow(viewer, FROM_NOW);
  await expect(at.log.follow(viewer, FROM_NOW)).rejects.toMatchObject(refused);
});

test("opens no stream where live delivery is switched off, and says how to hear of events all the same", async () => {
  const at = await startLog({ settings: { streamsPerClient: 0 } });
  for (const stream of [at.log.follow(ADMIN, FROM_NOW), at.log.watchProjects(ADMIN, null)])
    await expect(stream).rejects.toMatchObject({
      code: "FORBIDDEN",
      message: expect.stringMatching(/switched off .*DOCKET_STREAMS_PER_CLIENT=0.* `events`.*waitSeconds/),
    });
});

test("counts each client id, and each key, by itself", async () => {
  const at = await startLog(LIMITED);
  const clients = [agent("key", "a"), agent("key", "b"), agent("key", null), agent("other", "a"), agent("key a", null)];
  for (const viewer of clients) await open(at, viewer, 3);
  for (const viewer of clients) await expect(at.log.follow(viewer, FROM_NOW)).rejects.toMatchObject(refused);
  expect(at.log.streams).toBe(15);
});

test("lets no more through when many are opened at the same moment", async () => {
  const at = await startLog(LIMITED);
  const opened = await Promise.allSettled(Array.from({ length: 20 }, () => at.log.follow(ADMIN, FROM_NOW)));
  expect(opened.filter(({ status }) => status === "fulfilled")).toHaveLength(3);
  expect(at.log.streams).toBe(3);
});

test("does not count what was not opened: a bad filter, a bad cursor, an expired key", async () => {
  const at = await startLog(LIMITED);
  for (let time = 0; time < 5; time++) {
    await expect(at.log.follow(ADMIN, { filter: { projects: ["no"] }, after: null })).rejects.toMatchObject({
      code: "PROJECT_NOT_FOUND",
    });
    await expect(at.log.watchProjects(ADMIN, [])).rejects.toMatchObject({ code: "BAD_USER_INPUT" });
    await expect(at.log.follow(ADMIN, { filter: {}, after: "A".repeat(22) })).rejects.toMatchObject({
      code: "CURSOR_EXPIRED",
    });
    const expired = { ...ADMIN, expiresAt: new Date(0) };
    await expect(at.log.follow(expired, FROM_NOW)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  }
  expect(await open(at, ADMIN, 3)).toHaveLength(3);
});

test("counts a stream off whoever ends it: the client, a fault of its reader, or a stall", async () => {
  const clock = new ManualClock();
  const at = await startLog({ ...LIMITED, clock });
  const [left, failed, stalled] = await open(at, ADMIN, 3);
  await left?.return?.();
  await left?.return?.();
  await failed?.throw?.(new Error("reader")).catch(() => undefined);
  const [, , ...none] = await open(at, ADMIN, 2);
  expect(none).toEqual([]);
  await expect(at.log.follow(ADMIN, FROM_NOW)).rejects.toMatchObject(refused);
  await clock.advance(at.log.stallMs);
  await eventually(() => expect(at.log.streams).toBe(0));
  expect(await stalled?.next()).toMatchObject({ done: true });
  expect(await open(at, ADMIN, 3)).toHaveLength(3);
});
