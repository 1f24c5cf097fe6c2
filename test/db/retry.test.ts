import { expect, it } from "vitest";
import { withReconnect } from "../../src/db/retry.ts";

it("does not repeat what may have been done, and says that the outcome is unknown", async () => {
  let tries = 0;
  const lost = withReconnect(
    () => {
      tries++;
      return Promise.reject(new Error("Connection terminated unexpectedly"));
    },
    () => false,
  );
  await expect(lost).rejects.toMatchObject({
    code: "DATABASE_UNAVAILABLE",
    details: { retryable: false, outcomeUnknown: true },
  });
  expect(tries).toBe(1);
});
