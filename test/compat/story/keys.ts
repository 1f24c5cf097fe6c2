import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import type { ReleasedClient } from "../released-client.ts";

const projectId = "alpha";

/** Makes a key, finds it, and ends it. */
export async function workOnKeys({ send }: ReleasedClient): Promise<void> {
  const key = await send<{ createApiKey: { apiKey: { id: string; keyId: string }; secret: string } }>("CreateApiKey", {
    input: {
      name: "ci",
      role: "READER",
      projectIds: [projectId],
      expiresAt: "2099-01-01T00:00:00Z",
      idempotencyKey: randomUUID(),
    },
  });
  expect(await send("Viewer", {}, { key: key.createApiKey.secret })).toMatchObject({
    viewer: { name: "ci", role: "READER", projectIds: [projectId], expiresAt: "2099-01-01T00:00:00.000Z" },
  });
  expect(await send("ApiKeys", { first: 10 })).toMatchObject({
    apiKeys: { totalCount: 3, nodes: expect.arrayContaining([expect.objectContaining({ name: "ci" })]) },
  });
  const { id, keyId } = key.createApiKey.apiKey;
  expect(await send("Node", { id })).toMatchObject({ node: { id, keyId, role: "READER" } });
  expect(await send("RevokeApiKey", { input: { keyId, idempotencyKey: randomUUID() } })).toMatchObject({
    revokeApiKey: { apiKey: { revokedAt: expect.any(String) } },
  });
}
