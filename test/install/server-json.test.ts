import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import packageJson from "../../package.json" with { type: "json" };
import serverJson from "../../server.json" with { type: "json" };
import { builtPackage } from "../support/built-docket.ts";

const version = z.string().regex(/^\d+\.\d+\.\d+(-[\w.]+)?$/);

/** What the registry's schema of 2025-12-11 asks of the fields that we use, and no field besides. */
const ServerJson = z.strictObject({
  $schema: z.literal("https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"),
  name: z
    .string()
    .min(3)
    .max(200)
    .regex(/^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/),
  title: z.string().min(1).max(100),
  description: z.string().min(1).max(100),
  version,
  packages: z.array(
    z.strictObject({
      registryType: z.literal("npm"),
      identifier: z.string(),
      version,
      runtimeHint: z.literal("npx"),
      transport: z.strictObject({ type: z.literal("stdio") }),
      packageArguments: z.array(z.strictObject({ type: z.literal("positional"), value: z.string() })),
      environmentVariables: z.array(
        z.strictObject({
          name: z.string(),
          description: z.string(),
          format: z.enum(["string", "number", "boolean", "filepath"]).optional(),
          isSecret: z.boolean().optional(),
          default: z.string().optional(),
        }),
      ),
    }),
  ),
});

test("server.json describes the package as it is, by settings that there are, with a command that serves MCP", async () => {
  const described = ServerJson.parse(serverJson);
  const { name, mcpName, bin } = packageJson;
  expect([described.name, described.version]).toEqual([mcpName, packageJson.version]);
  const [only, ...more] = described.packages;
  if (only === undefined) throw new Error("server.json names no package.");
  expect(more).toEqual([]);
  const { identifier, version, packageArguments, environmentVariables } = only;
  expect([identifier, version]).toEqual([name, packageJson.version]);
  // npx takes the one command that a package has.
  const [command = "", ...others] = Object.values(bin);
  expect(others).toEqual([]);

  const readme = await readFile("README.md", "utf8");
  const told = readme.split("\n").filter((line) => line.startsWith("| `DOCKET_"));
  for (const { name, default: value } of environmentVariables) {
    const row = told.find((line) => line.includes(`\`${name}\``));
    expect([name, row]).toEqual([name, expect.any(String)]);
    if (value !== undefined) expect(row).toContain(`| \`${value}\` `);
  }
  expect(environmentVariables.filter(({ isSecret }) => isSecret).map(({ name }) => name)).toEqual(["DOCKET_API_KEY"]);

  const values = environmentVariables.flatMap(({ name, default: value }) => (value ? [[name, value]] : []));
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [join(await builtPackage(), command), ...packageArguments.map(({ value }) => value)],
    env: { PATH: process.env["PATH"] ?? "", ...Object.fromEntries(values), DOCKET_API_KEY: "dk_none" },
    stderr: "ignore",
  });
  const client = new Client({ name: "test", version: "1.0.0" });
  onTestFinished(() => client.close());
  await client.connect(transport);
  expect(client.getServerVersion()).toMatchObject({ name: "docket", version: packageJson.version });
  expect((await client.listTools()).tools.length).toBeGreaterThan(0);
});
