import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import type { ReleasedClient } from "../released-client.ts";

const projectId = "alpha";

/** Makes project alpha, changes it, puts it away and brings it back. */
export async function workOnProjects({ send }: ReleasedClient): Promise<void> {
  expect(
    await send("CreateProject", {
      input: {
        projectId,
        name: "Alpha",
        artifactTypes: ["RFC"],
        idNamespace: "shared",
        idReuse: "AFTER",
        idQuarantineSeconds: 60,
        idJumpLimit: 100,
        leaseSeconds: 900,
        idempotencyKey: randomUUID(),
      },
    }),
  ).toMatchObject({
    createProject: { project: { projectId, idNamespace: "shared", idReuse: "AFTER", version: 1 }, replayed: false },
  });
  const update = {
    projectId,
    name: "Alpha two",
    artifactTypes: ["RFC", "MEMO"],
    idReuse: "AFTER",
    idQuarantineSeconds: 3600,
    idJumpLimit: 200,
    leaseSeconds: 1800,
    expectedVersion: 1,
    idempotencyKey: randomUUID(),
  };
  expect(await send("UpdateProject", { input: update })).toMatchObject({
    updateProject: {
      project: { name: "Alpha two", artifactTypes: expect.arrayContaining(["RFC", "MEMO"]), version: 2 },
    },
  });
  expect(
    await send("ArchiveProject", { input: { projectId, expectedVersion: 2, idempotencyKey: randomUUID() } }),
  ).toMatchObject({ archiveProject: { project: { archivedAt: expect.any(String) } } });
  expect(await send("Projects", { archived: true, first: 5 })).toMatchObject({
    projects: { totalCount: 1, nodes: [{ projectId }], edges: [{ node: { projectId } }] },
  });
  expect(
    await send("UnarchiveProject", { input: { projectId, expectedVersion: 3, idempotencyKey: randomUUID() } }),
  ).toMatchObject({ unarchiveProject: { project: { archivedAt: null } } });
}
