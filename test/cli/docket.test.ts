import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { findOlderNode } from "../support/older-node.ts";
import { makeTemporaryFolder } from "../support/temporary-folder.ts";
import { makeUser } from "./in-process.ts";

const docket = fileURLToPath(new URL("../../cli/docket.js", import.meta.url));
const olderNode = findOlderNode();

/** Runs the command from another folder, with nothing of this one in its environment. */
function run(node: string, args: string[]): ChildProcess {
  const env = { PATH: process.env["PATH"] };
  return spawn(node, [docket, ...args], { cwd: tmpdir(), env, stdio: ["pipe", "pipe", "pipe"] });
}

async function outcome(child: ChildProcess) {
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error("the child has no pipes");
  const [out, err, [code]] = await Promise.all([text(stdout), text(stderr), once(child, "exit")]);
  return { out, err, code };
}

describe("the docket command", () => {
  test("lists its commands", async () => {
    const { out, code } = await outcome(run(process.execPath, ["--help"]));
    for (const command of ["start", "migrate", "mcp", "demo"]) expect(out).toMatch(new RegExp(`^  ${command}\\b`, "m"));
    expect(code).toBe(0);
  });

  test("refuses a command it does not know", async () => {
    const { docket } = await makeUser();
    expect(await docket(["dance"])).toMatchObject({ code: 2, err: expect.stringMatching(/^error: .*dance/) });
  });

  test("asks for a key where the demo finds none", async () => {
    const { err, code } = await outcome(run(process.execPath, ["demo"]));
    expect(err).toMatch(/^No API key: .*agent-key or api-key there, \.docket by default/);
    expect(code).toBe(2);
  });
});

describe("the docket command without the generated code", () => {
  /** The launcher in a folder of its own, where `npm run generate` does this. */
  async function launch(generate: string) {
    const folder = await makeTemporaryFolder("launcher");
    onTestFinished(() => rm(folder, { recursive: true }));
    await mkdir(join(folder, "cli"));
    for (const file of ["docket.js", "generate.js", "generated.js"])
      await cp(join(dirname(docket), file), join(folder, "cli", file));
    await writeFile(join(folder, "cli", "docket.ts"), 'console.log("runs");');
    await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module", scripts: { generate } }));
    const start = () =>
      outcome(spawn(process.execPath, [join(folder, "cli", "docket.js")], { stdio: ["pipe", "pipe", "pipe"] }));
    return { folder, start, ...(await start()) };
  }

  test("makes it, with nothing of that on stdout, and anew only where the schema or a document changed since, as after git pull", async () => {
    const files = "client/gen/graphql.ts prisma/generated/client/client.ts";
    const generate = `mkdir -p mcp client/gen prisma/generated/client && touch ${files} && node cli/generated.js && echo made`;
    const { folder, start, out, err, code } = await launch(generate);
    expect([out, code]).toEqual(["runs\n", 0]);
    expect(err).toMatch(/Generating code[\s\S]*made/);
    const document = (name: string) =>
      `const other = ${Math.random()};\nconst ${name} = graphql(\`query ${name} { viewer { name } }\`);`;
    const again = { out: "runs\n", err: "", code: 0 };
    expect(await start()).toEqual(again);
    await writeFile(join(folder, "mcp", "tool.ts"), document("One"));
    expect((await start()).err).toMatch(/Generating code[\s\S]*made/);
    await writeFile(join(folder, "mcp", "tool.ts"), document("One"));
    expect(await start()).toEqual(again);
    await writeFile(join(folder, "prisma", "schema.prisma"), "model Task {}");
    expect((await start()).err).toMatch(/Generating code[\s\S]*made/);
  });

  test("says the one command to run where that fails; then makes it once for all that start together, also after one that was killed", async () => {
    const files = "client/gen/graphql.ts prisma/generated/client/client.ts";
    const { folder, start, out, err, code } = await launch("exit 1");
    expect([out, code]).toEqual(["", 1]);
    expect(err).toContain(`Run \`npm install\` in ${folder}`);

    const generate = `mkdir -p prisma/generated/client && touch ${files} && echo made >> made && node cli/generated.js`;
    await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module", scripts: { generate } }));
    const { pid } = spawnSync(process.execPath, ["--version"]);
    await writeFile(join(folder, "client", "gen", "generating.pid"), `${pid}`);
    const outcomes = await Promise.all([start(), start(), start()]);
    expect(outcomes.map(({ out, code }) => [out, code])).toEqual(Array(3).fill(["runs\n", 0]));
    expect(await readFile(join(folder, "made"), "utf8")).toBe("made\n");
  });
});

describe.skipIf(olderNode === undefined)("the docket command under an older Node", () => {
  const node = olderNode ?? "";

  test("runs under the Node that came with it, and passes on output and exit code", async () => {
    const { out, err, code } = await outcome(run(node, ["dance"]));
    expect(out).toBe("");
    expect(err).toMatch(/^error: .*dance/);
    expect(code).toBe(2);
  });

  test("passes signals on and ends as its child does", async () => {
    const child = spawn(node, [docket, "mcp"], { env: { ...process.env, DOCKET_API_KEY: "dk_test" } });
    const [line] = await once(child.stderr, "data");
    expect(String(line)).toContain('"msg":"ready"');
    child.kill("SIGTERM");
    // The child ends in order. Without the signal it would go on, and so would this one.
    const [code] = await once(child, "exit");
    expect(code).toBe(0);
  });
});
