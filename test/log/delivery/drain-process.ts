import { setTimeout as pause } from "node:timers/promises";
import { openDatabase } from "../../../src/db/database.ts";

// A process that does nothing but drain, in small batches so that their ends fall anywhere, until it is killed.
const [url = ""] = process.argv.slice(2);
const database = openDatabase({ url, size: 2, applicationName: "docket drainer" });
process.once("disconnect", () => process.exit());
process.send?.("ready");
for (;;) {
  const batch = 1 + Math.floor(Math.random() * 10);
  const [drained] = await database.read<{ moved: number }>("SELECT moved FROM drain($1)", [batch]).catch(() => []);
  if (!drained?.moved) await pause(1);
}
