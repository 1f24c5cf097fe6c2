import { expect, test } from "vitest";
import { Outage } from "../../src/log/outage.ts";

function start() {
  const reports: unknown[] = [];
  const outage = new Outage(
    {
      error: (details) => void reports.push(String((details as { err: unknown }).err)),
      info: (_details, message) => void reports.push(message),
    },
    "Sending",
  );
  return { outage, reports };
}

test("reports each reason of an outage once, and its end once", () => {
  const { outage, reports } = start();
  const refused = () => outage.failed(new Error("refused"));
  const denied = () => outage.failed(new Error("no rights"));
  for (const failure of [refused, refused, denied, refused, denied]) failure();
  outage.over();
  outage.over();
  refused();
  expect(reports).toEqual(["Error: refused", "Error: no rights", "Sending works again", "Error: refused"]);
});

test("does not fill the log with reasons that differ at every try", () => {
  const { outage, reports } = start();
  for (let i = 0; i < 1_000; i++) outage.failed(new Error(`event ${i}`));
  expect(reports).toHaveLength(10);
});
