import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { makeInitialisedHome, makeTemporaryFolder } from "../../support/temporary-folder.ts";
import { keep, killPostmaster, query, startServer } from "./kept.ts";

test.runIf(process.platform === "linux")(
  "a PostgreSQL is started again once files can be opened, however often that fails, and not given up",
  async () => {
    const server = await startServer(await makeInitialisedHome(join(await makeTemporaryFolder("kept"), ".docket")));
    onTestFinished(() => server.stop());
    const { told, givenUp } = keep(server);
    const taken = await takeDescriptors();
    // As many as it takes to see that PostgreSQL has gone, and too few to start a program.
    for (const descriptor of taken.descriptors.splice(0, 2)) closeSync(descriptor);
    await killPostmaster(server);
    await eventually(() => expect(told.filter((message) => message.includes("EMFILE")).length).toBe(6), {
      timeout: 60_000,
    });
    await taken.giveBack();
    await eventually(() => expect(told.at(-1)).toBe("over"));
    expect(await Promise.race([givenUp, "kept"])).toBe("kept");
    await query(server, "SELECT");
  },
);

/** Takes all the descriptors that this process may have, which are made few before. */
async function takeDescriptors() {
  const limit = (soft: number | string) => `prlimit --pid ${process.pid} --nofile=${soft}:`;
  const [, before = ""] = /^Max open files\s+(\d+)/m.exec(await readFile("/proc/self/limits", "utf8")) ?? [];
  const highest = openSync("/dev/null", "r");
  // Nothing can be started without descriptors: who gives them back has to be there.
  const shell = spawn("sh", ["-c", `${limit(highest + 50)} && echo && read _; ${limit(before)}`], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await once(shell.stdout, "data");
  const descriptors = [highest];
  const giveBack = async () => {
    for (const descriptor of descriptors.splice(0)) closeSync(descriptor);
    if (shell.exitCode !== null) return;
    shell.stdin.end();
    await once(shell, "exit");
  };
  onTestFinished(giveBack);
  try {
    for (;;) descriptors.push(openSync("/dev/null", "r"));
  } catch {
    return { descriptors, giveBack };
  }
}
