import { readConfig } from "../../../src/config/config.ts";
import { openDatabase } from "../../../src/db/database.ts";
import { webhooks } from "../../../src/jobs/webhooks.ts";
import { systemClock } from "../../../src/log/clock.ts";
import { openServerLog } from "../../log/open-log.ts";

// The job in a process of its own, for a test to kill. It says when it runs.
const [url = ""] = process.argv.slice(2);
const logger = { info: () => undefined, error: console.error };
const database = openDatabase({ url, size: 4, applicationName: "docket webhook process" });
const log = await openServerLog({ database, listenUrl: url, logger });
const config = readConfig({ DOCKET_WEBHOOK_PRIVATE_NETWORKS: "127.0.0.0/8" });
await webhooks.start({ database, log, logger, clock: systemClock, config });
console.log("running");
