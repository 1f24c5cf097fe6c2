import { glob, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { startEmbedded } from "../../src/db/embedded/start.ts";

// Runs in a session of its own beside a test run. The pipe ends with the run, also by Ctrl-C or kill -9, which leave
// the run no time to clean up (PostgreSQL is out of the terminal's reach on purpose).
const [folder = ""] = process.argv.slice(2);
process.stdin.resume().once("end", async () => {
  for await (const pidFile of glob("**/postgres/postmaster.pid", { cwd: folder })) {
    // The last one out stops a server.
    await startEmbedded(join(folder, dirname(dirname(pidFile)))).then((server) => server.stop(), console.error);
  }
  await rm(folder, { recursive: true, force: true });
});
