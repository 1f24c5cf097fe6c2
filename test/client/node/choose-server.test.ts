import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { chooseServer, type ServerChoice } from "../../../client/node/choose-server.ts";
import { makeTemporaryFolder } from "../../support/temporary-folder.ts";

const folder = await makeTemporaryFolder("choice");

function keyFile(name: string, content: string): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}

function choose(env: Record<string, string>, asked: Partial<ServerChoice> = {}) {
  const { url, key, project } = chooseServer({ env: { HOME: folder, ...env }, cwd: folder, ...asked });
  return { url: url.value, key: key?.value, project: project?.value };
}

describe("a client's server", () => {
  test("is on this machine when nothing is set", () => {
    expect(choose({})).toEqual({ url: "http://127.0.0.1:4000", key: undefined, project: undefined });
  });

  test.each([
    ["http://docket.test:4000", "http://docket.test:4000"],
    ["http://docket.test:4000/", "http://docket.test:4000"],
    ["http://docket.test:4000/graphql", "http://docket.test:4000"],
    ["https://docket.test/behind/a/proxy/graphql/", "https://docket.test/behind/a/proxy"],
  ])("named as %s has the address %s", (given, url) => {
    expect(choose({ DOCKET_URL: given }).url).toBe(url);
  });

  test("is found by the names of the old task tracking, and ours come first", () => {
    const old = { TASK_TRACKING_URL: "http://old.test", TASK_TRACKING_API_KEY: "dk_old" };
    expect(choose(old)).toMatchObject({ url: "http://old.test", key: "dk_old" });
    const both = { ...old, DOCKET_URL: "http://new.test", DOCKET_API_KEY: "dk_new" };
    expect(choose(both)).toMatchObject({ url: "http://new.test", key: "dk_new" });
  });

  test("gets the key of a file without its line end", () => {
    const env = { DOCKET_API_KEY_FILE: keyFile("named-key", "dk_filed\n"), DOCKET_PROJECT: "alpha" };
    expect(choose(env)).toMatchObject({ key: "dk_filed", project: "alpha" });
  });

  test("and key are refused where they cannot be used, and no key's value is told", () => {
    expect(() => choose({ DOCKET_URL: "ftp://x" })).toThrow(/^DOCKET_URL must be/);
    expect(() => choose({ DOCKET_API_KEY_FILE: join(folder, "missing") })).toThrow(/^DOCKET_API_KEY_FILE names/);
    expect(() => choose({ DOCKET_API_KEY: "dk_ä" })).toThrow(/plain ASCII\. The one of DOCKET_API_KEY is not/);
  });

  test("is the one that was started in this folder, unless another was named, with its agent's key or its admin's", () => {
    keyFile("api-key", "dk_admin");
    const env = { DOCKET_HOME: folder, PORT: "4321" };
    expect(choose(env)).toMatchObject({ url: "http://127.0.0.1:4321", key: "dk_admin" });
    keyFile("agent-key", "dk_agent");
    expect(choose(env).key).toBe("dk_agent");
    expect(choose(env, { asAdmin: true }).key).toBe("dk_admin");
    // Where it was started last, unless this call says otherwise; nothing else than a port leads anywhere.
    const started = { DOCKET_HOME: folder };
    expect(choose(started).url).toBe("http://127.0.0.1:4000");
    keyFile("port", "4710\n");
    expect(choose(started)).toMatchObject({ url: "http://127.0.0.1:4710", key: "dk_agent" });
    expect(choose(env).url).toBe("http://127.0.0.1:4321");
    for (const none of ["0", "65536"]) expect(choose({ ...started, PORT: none }).url).toBe("http://127.0.0.1:4710");
    keyFile("port", "80@elsewhere.test\n");
    expect(choose(started).url).toBe("http://127.0.0.1:4000");
    expect(choose({ ...env, DOCKET_URL: "http://docket.test" }).key).toBeUndefined();
    const named = { ...env, DOCKET_API_KEY: "dk_given", DOCKET_URL: "http://docket.test" };
    expect(choose(named)).toMatchObject({ url: "http://docket.test", key: "dk_given" });
  });
});
