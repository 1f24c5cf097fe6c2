import { writeFileSync } from "node:fs";
import { printedDashboard } from "./dashboard.ts";

/** `npm run dashboard`: brings the file up to date that Grafana reads; a test refuses drift. */
writeFileSync(new URL("dashboards/docket.json", import.meta.url), printedDashboard());
