import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { shareServer } from "../support/server.ts";
import { makeUser } from "./in-process.ts";

const shared = shareServer();

/** A server that somebody else has set up, and what was sent to it. */
async function foreignServer() {
  const keys: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    keys.push(request.headers.authorization);
    response.end('{"data": {"viewer": null}}');
  });
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, keys };
}

const whoami = async (
  { docket }: Awaited<ReturnType<typeof makeUser>>,
  args: string[] = [],
  env = {},
  cwd?: string,
) => {
  const { out } = await docket(["whoami", "--json", ...args], { env, ...(cwd && { cwd }) });
  const { server, key, project, viewer } = JSON.parse(out);
  return { server: server.from, key: key.from, project: project?.from, as: viewer.name };
};

describe("docket login", () => {
  test("keeps server and key for the user alone, is used by the other commands, and is forgotten by logout", async () => {
    const { url, agentKey } = shared.server;
    const { docket, home } = await makeUser();
    expect(await docket(["status", "--server", url])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^No API key .*docket login/),
    });
    expect(await docket(["login", "--server", url], { input: "dk_wrong\n" })).toMatchObject({
      code: 1,
      err: expect.stringContaining("401"),
    });
    expect(await docket(["login", "--server", url], { input: " \n" })).toMatchObject({
      code: 2,
      err: expect.stringContaining("No key"),
    });
    const file = join(home, ".config", "docket", "config.json");
    await expect(stat(file)).rejects.toThrow("ENOENT");

    const { code, out } = await docket(["login", "--server", `${url}/graphql/`], { input: `${agentKey}\n` });
    expect([code, out]).toEqual([0, `Signed in to ${url} as agent, agent of all projects.\nKept in ${file}.\n`]);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(join(home, ".config", "docket"))).mode & 0o777).toBe(0o700);
    expect((await docket(["status"])).code).toBe(0);
    expect(await whoami({ docket, home })).toEqual({ server: file, key: file, project: undefined, as: "agent" });

    expect(await docket(["logout"])).toMatchObject({ code: 0 });
    expect(await readFile(file, "utf8")).not.toContain("dk_");
    expect(await docket(["logout", "--server", url])).toMatchObject({ code: 2 });
  });

  test("gives way to the project file, that to the environment, and all to flags", async () => {
    const { url, agentKey, adminKey } = shared.server;
    const user = await makeUser();
    const { docket, home } = user;
    await docket(["login", "--server", url], { input: agentKey });
    const file = join(home, ".config", "docket", "config.json");
    await mkdir(join(home, "repository", ".git"), { recursive: true });
    await mkdir(join(home, "repository", "src"));
    const projectFile = join(home, "repository", ".docket.json");
    await writeFile(projectFile, JSON.stringify({ server: url, project: "web-shop" }));
    const inside = join(home, "repository", "src");
    expect(await whoami(user, [], {}, inside)).toEqual({
      server: projectFile,
      key: file,
      project: projectFile,
      as: "agent",
    });

    const env = { DOCKET_URL: url, DOCKET_API_KEY: adminKey, DOCKET_PROJECT: "api" };
    const byEnv = { server: "DOCKET_URL", key: "DOCKET_API_KEY", project: "DOCKET_PROJECT", as: "admin" };
    expect(await whoami(user, [], env, inside)).toEqual(byEnv);
    await writeFile(join(home, "key"), `${agentKey}\n`);
    const flags = ["--server", url, "--key-file", join(home, "key")];
    expect(await whoami(user, flags, env, inside)).toEqual({
      ...byEnv,
      server: "--server",
      key: "--key-file",
      as: "agent",
    });

    await writeFile(projectFile, JSON.stringify({ server: url, apiKey: "dk_x" }));
    expect(await docket(["whoami"], { cwd: inside })).toMatchObject({
      code: 2,
      err: expect.stringMatching(/may hold server and project.*"apiKey"/),
    });
  });

  test("never sends a key where only a cloned repository leads", async () => {
    const { url, agentKey } = shared.server;
    const { docket, home } = await makeUser();
    await docket(["login", "--server", url], { input: agentKey });
    const foreign = await foreignServer();
    await writeFile(join(home, ".docket.json"), JSON.stringify({ server: foreign.url }));
    // What a repository can bring besides: a server's settings and keys.
    await writeFile(join(home, ".env"), `DOCKET_URL=${foreign.url}\nDOCKET_API_KEY=dk_theirs\nDOCKET_HOME=.docket\n`);
    await mkdir(join(home, ".docket"));
    await writeFile(join(home, ".docket", "agent-key"), agentKey);
    await writeFile(join(home, "key"), agentKey);

    const cwd = home;
    const noKey = { code: 2, err: expect.stringMatching(/^No API key/) };
    const unknown = { code: 2, err: expect.stringContaining("where you have not signed in") };
    expect(await docket(["status"], { cwd })).toMatchObject(noKey);
    expect(await docket(["status"], { cwd, env: { DOCKET_API_KEY: agentKey } })).toMatchObject(unknown);
    expect(await docket(["status", "--key-file", join(home, "key")], { cwd })).toMatchObject(unknown);
    expect(await docket(["login"], { cwd, input: agentKey })).toMatchObject({
      code: 2,
      err: expect.stringContaining("Name the server"),
    });
    // A stored key goes to no other server, whoever names that.
    await docket(["status"], { cwd, env: { DOCKET_URL: "http://127.0.0.1:9", DOCKET_HOME: "/nowhere" } });
    await docket(["whoami", "--server", foreign.url], { cwd, env: { DOCKET_HOME: "/nowhere" } });
    expect(foreign.keys).toEqual([]);

    // Whoever names it in the environment means it; and what one has signed in to is known.
    await docket(["status"], { cwd, env: { DOCKET_URL: foreign.url, DOCKET_API_KEY: "dk_meant" } });
    expect(foreign.keys[0]).toBe("Bearer dk_meant");
    await writeFile(join(home, ".docket.json"), JSON.stringify({ server: url }));
    expect(await docket(["status"], { cwd })).toMatchObject({ code: 0 });
  });
});
