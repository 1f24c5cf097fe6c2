import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";

const program = fileURLToPath(new URL("guarded-process.ts", import.meta.url));

/** A server process with the guard, where requests meet faults that nobody handles. */
async function startGuarded() {
  const child = spawn(process.execPath, [program], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill());
  const exited = once(child, "exit");
  const lines: string[] = [];
  const { promise: url, resolve } = Promise.withResolvers<string>();
  createInterface(child.stdout).on("line", (line) => {
    if (line.startsWith("port ")) resolve(`http://127.0.0.1:${line.slice(5)}`);
    else lines.push(line);
  });
  // Its answers and its log come by different ways: what it logged may be read a moment later.
  return { child, exited, url: await url, logged: () => lines.map((line) => JSON.parse(line)) };
}

test.each(["timer", "promise", "stream"])(
  "an uncaught error of a %s ends the connection it belongs to, and nothing else",
  async (what) => {
    const { child, url, logged } = await startGuarded();
    await expect(fetch(`${url}/${what}`)).rejects.toThrow("fetch failed");
    expect(await (await fetch(url)).text()).toBe("well");
    await expect
      .poll(logged)
      .toMatchObject([{ level: "error", request_id: "r1", err: { message: `fault of a ${what}` } }]);
    expect(child.exitCode).toBeNull();
  },
);

test("a connection that breaks while nobody listens ends by itself alone", async () => {
  const { child, url, logged } = await startGuarded();
  await expect(fetch(`${url}/broken`)).rejects.toThrow("fetch failed");
  expect(await (await fetch(url)).text()).toBe("well");
  await expect.poll(logged).toMatchObject([{ level: "error", err: { message: "fault of a socket" } }]);
  expect(child.exitCode).toBeNull();
});

test.each([
  ["belongs to no connection", "outside"],
  ["happens in background work that a request set off", "background"],
])("an uncaught error that %s is logged, and ends the process", async (_, path) => {
  const { exited, url, logged } = await startGuarded();
  await expect(fetch(`${url}/${path}`)).rejects.toThrow("fetch failed");
  expect(await exited).toEqual([1, null]);
  await expect.poll(logged).toMatchObject([{ level: "fatal", err: { message: "fault of nobody's" } }]);
});
