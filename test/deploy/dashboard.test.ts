import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { printedDashboard } from "../../deploy/grafana/dashboard.ts";

test("the dashboard that Grafana reads is what its source makes (npm run dashboard)", async () => {
  expect(await readFile("deploy/grafana/dashboards/docket.json", "utf8")).toBe(printedDashboard());
});
