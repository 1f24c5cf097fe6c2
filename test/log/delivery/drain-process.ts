import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";

// A process that does nothing but drain, in small batches so that their ends fall anywhere, until it is killed. It loads
// nothing of ours, as it is started again and again.
const [connectionString] = process.argv.slice(2);
const options = "-c role=docket_app";
const pool = new pg.Pool({ connectionString, max: 1, application_name: "docket drainer", options });
pool.on("error", () => undefined);
process.once("disconnect", () => process.exit());
process.send?.("ready");
for (;;) {
  const batch = 1 + Math.floor(Math.random() * 10);
  const drained = await pool.query<{ moved: number }>("SELECT moved FROM drain($1)", [batch]).catch(() => undefined);
  if (!drained?.rows[0]?.moved) await pause(1);
}
