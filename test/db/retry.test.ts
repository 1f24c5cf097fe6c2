import { expect, it } from "vitest";
import { asRequester, Requester, RequestStopped } from "../../src/db/requester.ts";
import { withReconnect } from "../../src/db/retry.ts";

it("does not repeat what may have been done, and says that the outcome is unknown", async () => {
  let tries = 0;
  const lost = withReconnect(
    () => {
      tries++;
      return Promise.reject(new Error("Connection terminated unexpectedly"));
    },
    { idempotent: false, maybeSent: () => true },
  );
  await expect(lost).rejects.toMatchObject({
    code: "DATABASE_UNAVAILABLE",
    details: { retryable: false, outcomeUnknown: true },
  });
  expect(tries).toBe(1);
});

it("says of what may have been done before its request was stopped that it may be asked for again", async () => {
  const requester = new Requester("key");
  const stopped = (maybeSent: boolean) => {
    let tries = 0;
    return asRequester(requester, () =>
      withReconnect(
        () => {
          tries++;
          if (tries === 1) return Promise.reject(new Error("Connection terminated unexpectedly"));
          requester.stop(new RequestStopped("too much"));
          return Promise.reject(requester.stopped ?? new Error("not stopped"));
        },
        { maybeSent: () => maybeSent && tries > 0 },
      ),
    );
  };
  await expect(stopped(true)).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE", details: { retryable: true } });
  requester.renew();
  await expect(stopped(false)).rejects.toMatchObject({ code: "QUERY_TOO_COMPLEX" });
});
