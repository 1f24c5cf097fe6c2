import { spawn } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { runExample } from "../support/examples.ts";
import { startTestServer } from "../support/server.ts";
import { makeTemporaryFolder } from "../support/temporary-folder.ts";

/** Commands that begin something lasting; of these only that the scripts are there is looked at. */
const LASTING = /^(npm|claude) /;

test("every block of the README runs as it is pasted, from the first to the last, on a new server", async () => {
  const server = await startTestServer();
  const folder = await makeTemporaryFolder("readme");
  await mkdir(join(folder, ".docket"));
  await writeFile(join(folder, ".docket/agent-key"), `${server.agentKey}\n`);
  const readme = await readFile("README.md", "utf8");
  const blocks = [...readme.matchAll(/^```(\w+)\n(.*?)^```/gms)].map(([, language = "", text = ""]) => ({
    language,
    text,
  }));
  expect(blocks.filter(({ language }) => language === "graphql").length).toBeGreaterThan(3);
  expect(blocks.filter(({ text }) => text.startsWith("curl")).length).toBeGreaterThan(1);
  for (const { language, text } of blocks) {
    if (language === "graphql") await runExample(server, text);
    else if (language === "json") JSON.parse(text);
    else if (LASTING.test(text))
      for (const [, script = ""] of text.matchAll(/npm run (\S+)/g))
        expect(Object.keys(packageJson.scripts)).toContain(script);
    else {
      expect(language).toBe("sh");
      const output = await paste(text.replaceAll("http://127.0.0.1:4000", server.url), folder);
      expect([text, output]).toEqual([text, expect.stringMatching(/"data":|"success":true/)]);
      expect([text, output]).toEqual([text, expect.not.stringContaining('"errors":')]);
    }
  }
});

/** What bash prints for it, up to the first data; a stream would go on. */
async function paste(text: string, cwd: string): Promise<string> {
  const shell = spawn("bash", ["-c", text], { cwd, stdio: ["ignore", "pipe", "ignore"], detached: true });
  let output = "";
  for await (const chunk of shell.stdout) {
    output += chunk;
    if (output.includes('"data":')) break;
  }
  try {
    if (shell.pid !== undefined) process.kill(-shell.pid);
  } catch {
    // It has ended by itself.
  }
  return output;
}
