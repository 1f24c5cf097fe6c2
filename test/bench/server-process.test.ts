import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ServerProcess } from "../../bench/server-process.ts";
import { makeTemporaryFolder } from "../support/temporary-folder.ts";

it("starts an installed package as its users do: what npm start tells Node is for the clone", async () => {
  const home = await makeTemporaryFolder("package");
  const docket = join(home, "docket.js");
  await writeFile(docket, 'console.error("Node was told:", process.execArgv.join());');
  const server = new ServerProcess({ databaseUrl: undefined, home, docket, nodeArguments: ["--no-warnings"] });
  await expect(server.start()).rejects.toThrow("Node was told: --no-warnings\n");
});
