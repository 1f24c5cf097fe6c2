import { expect, it } from "vitest";
import { startEndpoint } from "../delivery/webhooks/endpoint.ts";
import { startTestServer } from "../support/server.ts";
import { asksFor, everythingOf } from "./coverage.ts";
import { releasedClient } from "./released-client.ts";
import { workOnIds } from "./story/ids.ts";
import { workOnKeys } from "./story/keys.ts";
import { startFollowing, workOnLog } from "./story/log.ts";
import { workOnProjects } from "./story/projects.ts";
import { workOnTasks } from "./story/tasks.ts";

/** What a client can no longer name: CHANGELOG.md says of each what takes its place. */
const ENDED = ["Query.tasks(orderBy:)", "Project.tasks(orderBy:)"];

it("still answers a client that selects every field and gives every argument of the released schema", async () => {
  const endpoint = await startEndpoint();
  const server = await startTestServer({
    env: { DOCKET_JOBS: "webhooks", DOCKET_WEBHOOK_PRIVATE_NETWORKS: "127.0.0.0/8" },
  });
  const wide = releasedClient(server, "wide");
  await workOnProjects(wide);
  const start = await startFollowing(wide, endpoint.url);
  await workOnTasks(wide);
  await workOnIds(wide);
  await workOnKeys(wide);
  await workOnLog(wide, start);
  expect(wide.left).toEqual(new Set());
  // A part of the schema that nothing above named would not be kept by it.
  const named = new Set([...wide.sent.flatMap(asksFor), ...ENDED]);
  expect(everythingOf().filter((place) => !named.has(place))).toEqual([]);
});
