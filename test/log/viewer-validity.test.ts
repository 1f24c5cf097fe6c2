import { randomBytes, randomUUID } from "node:crypto";
import { expect, test, vi } from "vitest";
import type { Viewer } from "../../src/access/viewer.ts";
import { eventually } from "../support/eventually.ts";
import { ADMIN, commit, startLog, type TestLog } from "./test-log.ts";

/** A key, or what a key opened, as an authenticated viewer. */
async function addKey({ owner }: TestLog, expiresAt: Date | null = null, issuedBy: string | null = null) {
  const keyId = randomUUID();
  await owner.query(
    `INSERT INTO api_keys (key_id, prefix, hash, name, role, expires_at, issued_by)
     VALUES ($1, encode($2, 'hex'), sha256($2), 'key', 'reader', $3, $4)`,
    [keyId, randomBytes(32), expiresAt, issuedBy],
  );
  return { ...ADMIN, keyId, expiresAt } satisfies Viewer;
}

async function revoke({ database, owner }: TestLog, ...keyIds: string[]) {
  await owner.query("UPDATE api_keys SET revoked_at = docket_now() WHERE key_id = ANY ($1)", [keyIds]);
  const [subjectId = ""] = keyIds;
  const event = {
    type: "key.revoked",
    projectId: null,
    subjectType: "api_key",
    subjectId,
    payload: { keyIds },
  } as const;
  await commit(database, event);
}

test("ends the streams of a key and of its sessions when it is revoked, and of nobody else", async () => {
  const at = await startLog();
  const key = await addKey(at);
  const session = await addKey(at, new Date(Date.now() + 3_600_000), key.keyId);
  const other = await addKey(at);
  const other2 = await at.another();
  const query = { filter: {}, after: null };
  const ending = [
    await at.log.follow(key, query),
    await other2.log.follow(session, query),
    await at.log.watchProjects(key, null),
  ];
  const kept = await at.log.follow(other, query);
  const closed = vi.fn();
  await at.log.whileValid(session, closed);
  for (const stream of [...ending, kept]) await stream.next();

  await revoke(at, key.keyId, session.keyId);
  expect((await Promise.all(ending.map((stream) => stream.next()))).map(({ done }) => done)).toEqual([
    true,
    true,
    true,
  ]);
  await eventually(() => expect(closed).toHaveBeenCalledOnce());
  expect([at.log.streams, other2.log.streams]).toEqual([1, 0]);
  // An admin's stream sees the revocation itself.
  expect((await kept.next()).value).toMatchObject({ events: [{ type: "key.revoked" }] });
});

test("opens no stream for a key that was revoked, or whose issuer was, since it was authenticated", async () => {
  const at = await startLog();
  const key = await addKey(at);
  const session = await addKey(at, new Date(Date.now() + 3_600_000), key.keyId);
  await revoke(at, key.keyId);
  await at.log.cursor();
  for (const viewer of [key, session]) {
    await expect(at.log.follow(viewer, { filter: {}, after: null })).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    await expect(at.log.whileValid(viewer, () => undefined)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  }
  expect(at.log.streams).toBe(0);
});

test("ends a stream when its key expires by the database's clock, whatever the process's own says", async () => {
  const at = await startLog();
  await at.owner.query("INSERT INTO clock_offset (moved_by) VALUES ('10 years')");
  const inTenYears = (ms: number) =>
    at.database
      .read<{ at: Date }>("SELECT docket_now() + $1 * interval '1 ms' AS at", [ms])
      .then(([row]) => row?.at ?? null);
  const expiring = await addKey(at, await inTenYears(300));
  const lasting = await addKey(at, await inTenYears(100 * 24 * 3_600_000));
  const stream = await at.log.follow(expiring, { filter: {}, after: null });
  const kept = await at.log.follow(lasting, { filter: {}, after: null });
  await stream.next();
  await kept.next();
  expect((await stream.next()).done).toBe(true);
  expect(at.log.streams).toBe(1);
  const expired = await addKey(at, new Date());
  const token: Viewer = { ...ADMIN, expiresAt: new Date() };
  for (const viewer of [expired, token])
    await expect(at.log.follow(viewer, { filter: {}, after: null })).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
});
