import { expect, it } from "vitest";
import { createWebhook } from "../../../src/delivery/webhooks/create.ts";
import { progressOf } from "../../../src/delivery/webhooks/list.ts";
import { verbTest } from "../../support/verbs.ts";

it("tells that a webhook is not behind while the log is still empty", async () => {
  const t = await verbTest();
  const { webhookId } = await createWebhook(t.as({ role: "admin" }), { url: "https://hooks.example" });
  expect((await t.owner.query("SELECT FROM events")).rowCount).toBe(0);
  expect(await progressOf(t.database, [webhookId])).toMatchObject([{ pending: 0, dead: 0, behind: false }]);
});
