import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { validate } from "dockerfile-utils";
import { expect, test } from "vitest";
import codegen from "../../codegen.ts";
import packageJson from "../../package.json" with { type: "json" };

const dockerfile = await readFile("Dockerfile", "utf8");
const lines = dockerfile
  .replace(/^#.*\n/gm, "")
  .replaceAll("\\\n", "")
  .split("\n");
const those = (instruction: string) => lines.filter((line) => line.startsWith(`${instruction} `));
const last = (instruction: string) =>
  those(instruction)
    .at(-1)
    ?.slice(instruction.length + 1);

const faultsOf = (text: string) => validate(text).map(({ range, message }) => `${range.start.line + 1}: ${message}`);

test("the Dockerfile is one, and a misspelt one would not be", () => {
  expect(faultsOf(dockerfile)).toEqual([]);
  expect(faultsOf("FROM node:24\nCOPPY a b\nUSER 1000\nHEALTHCHECK --intervall=1s CMD true")).toHaveLength(2);
});

test("the image has the Node that Docket is tested with, and names no architecture", () => {
  const images = those("FROM").map((line) => /(?<image>\S+)(?: AS \w+)?$/.exec(line)?.groups?.["image"]);
  const node = `docker.io/library/node:${packageJson.devDependencies.node}-bookworm-slim`;
  expect(images).toEqual([node, node]);
  expect(dockerfile).not.toMatch(/amd64|x64|x86|arm64|aarch/i);
  // What is run in the last stage would have to be emulated where another architecture builds it.
  const lastStage = dockerfile.slice(dockerfile.lastIndexOf("\nFROM"));
  expect(lastStage).not.toMatch(/^RUN/m);
});

test("the image runs as a user who is not root, by number, and asks itself how it is", () => {
  expect(last("USER")).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  expect(dockerfile).toContain(`COPY --from=build --chown=${last("USER")} /home-of-docket /var/lib/docket`);
  expect(last("ENV")).toContain("HOST=0.0.0.0");
  expect(dockerfile).toMatch(/^HEALTHCHECK .*\\\n {2}CMD \["node", .*\/health\/live/m);
  expect([last("ENTRYPOINT"), last("CMD")]).toEqual(['["docket"]', '["start"]']);
});

test("what the image is built of is there, and what is not needed stays outside", async () => {
  const ignore = (await readFile(".dockerignore", "utf8")).split("\n").filter((line) => /^[^#]/.test(line));
  const taken = ignore.filter((line) => line.startsWith("!")).map((line) => line.slice(1));
  expect(ignore[0]).toBe("*");
  expect(taken.filter((name) => !existsSync(name))).toEqual([]);
  const packed = packageJson.files.map((file) => file.split("/")[0]).filter((name) => name !== "dist");
  expect(taken).toEqual(expect.arrayContaining(["src", "pack", ...packed]));
  // The package names the documents of all clients, which a server may be told to trust.
  const clients = [codegen.documents].flat().flatMap((glob) => /^(\w+)\//.exec(String(glob))?.[1] ?? []);
  expect(clients).toContain("smoke");
  expect(taken).toEqual(expect.arrayContaining(clients));
  expect(ignore).toEqual(expect.arrayContaining(["**/node_modules", "**/.env*", "**/.docket"]));
});
