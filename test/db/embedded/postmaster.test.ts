import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openCluster } from "../../../src/db/embedded/open.ts";
import { stopPostmaster } from "../../../src/db/embedded/postmaster.ts";
import { startEmbedded } from "../../../src/db/embedded/start.ts";
import { makeInitialisedHome, makeTemporaryFolder } from "../../support/temporary-folder.ts";

/** For `pg_ctl stop`: takes the server's file away at once, and lets the server end half a second later. */
const SLOW_END = `#!/bin/sh
for data; do :; done
pid=$(head -n 1 "$data/postmaster.pid") && rm "$data/postmaster.pid" || exit 1
(sleep 0.5; kill -INT "$pid") > /dev/null 2>&1 &
`;

test("waits for a server that has taken its file away and has still to end", async () => {
  const folder = await makeTemporaryFolder("postgres");
  const home = await makeInitialisedHome(join(folder, ".docket"));
  const server = await startEmbedded(home);
  onTestFinished(() => server.stop());
  const cluster = await openCluster(home, false);
  const script = join(folder, "slow-end.sh");
  await writeFile(script, SLOW_END);
  await chmod(script, 0o755);
  await stopPostmaster({ ...cluster, binaries: { ...cluster.binaries, pg_ctl: script } });
  expect(await readFile(join(cluster.data, "server.log"), "utf8")).toMatch(/database system is shut down\n$/);
});
