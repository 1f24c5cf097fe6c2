import { expect, it } from "vitest";
import { isConnectionLost, withReconnect } from "../../src/db/retry.ts";
import { badInput } from "../../src/errors.ts";

it("does not take what a caller wrote for a lost connection", () => {
  expect(isConnectionLost(badInput('"Connection terminated" is not an artifact ID'))).toBe(false);
  const quoting = Object.assign(new Error('invalid input "not queryable"'), { code: "22P02" });
  expect(isConnectionLost(quoting)).toBe(false);
});

it.each([
  ["a refused connection", Object.assign(new Error("x"), { code: "ECONNREFUSED" })],
  ["a server that shuts down", Object.assign(new Error("x"), { code: "57P01" })],
  ["a driver's text without a code", new Error("Connection terminated unexpectedly")],
  ["the same behind another error", new Error("query failed", { cause: new Error("Query read timeout") })],
])("takes %s for a lost connection", (_what, error) => {
  expect(isConnectionLost(error)).toBe(true);
});

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
