import { spawn, spawnSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { expect, onTestFinished, test } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { builtDocket } from "../support/built-docket.ts";
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

/** What `claude mcp add` was told: how to start a server, or where one is. */
function told(text: string, cwd: string) {
  const shell = spawnSync("bash", ["-c", `claude() { printf '%s\\0' "$@"; }; ${text}`], { cwd, encoding: "utf8" });
  expect([text, shell.stderr, shell.status]).toEqual([text, "", 0]);
  const words = shell.stdout.split("\0").slice(0, -1);
  const after = (name: string) => words.flatMap((word, i) => (word === name ? [words[i + 1] ?? ""] : []));
  const env = Object.fromEntries(after("--env").map((pair) => [pair.split("=")[0] ?? "", pair.replace(/^[^=]*=/, "")]));
  const [command = "", ...args] = words.includes("--") ? words.slice(words.indexOf("--") + 1) : [];
  const url = words.find((word) => word.startsWith("http:"));
  const headers = Object.fromEntries(after("--header").map((line) => line.split(": ")));
  return { name: words[2], command, args, env, url, headers };
}

/** The tools of a server that a client was told of, once it has answered a call. */
async function toolsOf({ command, args, env, url, headers }: Omit<ReturnType<typeof told>, "name">): Promise<string[]> {
  const client = new Client({ name: "readme", version: "1.0.0" });
  onTestFinished(() => client.close());
  await client.connect(
    url === undefined
      ? new StdioClientTransport({ command, args, env, stderr: "ignore" })
      : new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }),
  );
  const input = url === undefined ? {} : { project_id: "alpha" };
  expect((await client.callTool({ name: "list_tasks", arguments: input })).isError).not.toBe(true);
  return (await client.listTools()).tools.map(({ name }) => name);
}

test("every way that the README tells to connect an agent connects one, with its placeholders filled in", async () => {
  const server = await startTestServer();
  await server.ask('mutation { createProject(input: {projectId: "alpha", name: "Alpha"}) { replayed } }');
  const folder = await makeTemporaryFolder("readme");
  await writeFile(join(folder, "agent-key"), `${server.agentKey}\n`);
  const readme = (await readFile("README.md", "utf8"))
    .replaceAll("/path/to/docket/node_modules/.bin/node", process.execPath)
    .replaceAll("/path/to/docket/cli/docket.js", await builtDocket())
    .replaceAll("/path/to/docket/.docket", folder)
    .replaceAll("http://127.0.0.1:4000", server.url)
    .replaceAll("my-project", "alpha");
  const commands = [...readme.matchAll(/^```sh\n(claude .*?)^```/gms)].map(([, text = ""]) => told(text, folder));
  const [json = "{}"] = /^\{\n {2}"mcpServers".*?^\}/ms.exec(readme) ?? [];
  const [stdio, http, tracking, ...others] = commands;
  if (!stdio || !http || !tracking) throw new Error("the README tells fewer ways");
  expect(others).toEqual([]);
  expect(commands.map(({ name }) => name)).toEqual(["docket", "--transport", "docket"]);
  const { command, args, env } = stdio;
  expect(JSON.parse(json)).toEqual({ mcpServers: { docket: { command, args, env } } });
  const [usual, same, more] = await Promise.all([stdio, http, tracking].map(toolsOf));
  expect(usual).toContain("get_next_task");
  expect(same).toEqual(usual);
  expect(more).toEqual([...(usual ?? []), ...(more ?? []).filter((name) => !usual?.includes(name))]);
  expect(more).toContain("create_vendor");
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
