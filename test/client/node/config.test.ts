import { expect, test } from "vitest";
import { readMcpSettings } from "../../../client/node/config.ts";

test("an MCP server takes a time of silence within a week, two hours unless told", () => {
  const minutes = (given: string) => readMcpSettings({ DOCKET_RENEW_IDLE_MINUTES: given }).renewIdleMinutes;
  expect(["", "1", "10080"].map(minutes)).toEqual([120, 1, 10_080]);
  for (const bad of ["0", "10081", "1.5", "soon"]) expect(() => minutes(bad)).toThrow(/DOCKET_RENEW_IDLE_MINUTES must/);
});
