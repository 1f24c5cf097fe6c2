import { startEmbedded } from "../../../src/db/embedded/start.ts";
import { SMALL } from "../../support/small-postgres.ts";

// A process that uses the embedded server: it tells the URL, and leaves when it is told to.
const [folder = ""] = process.argv.slice(2);
const server = await startEmbedded(folder, { settings: SMALL });
process.send?.(server.ownerUrl);
process.once("message", async () => {
  await server.stop();
  process.disconnect();
});
