import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { readClientConfig } from "../../../client/node/config.ts";

const folder = mkdtempSync(join(tmpdir(), "docket-config-"));
afterAll(() => rmSync(folder, { recursive: true }));

function keyFile(name: string, content: string): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}

describe("the client's settings", () => {
  test("point at this machine when nothing is set", () => {
    expect(readClientConfig({ env: {} })).toEqual({
      url: "http://127.0.0.1:4000",
      apiKey: undefined,
      project: undefined,
      renewIdleMinutes: 120,
    });
  });

  test("take a time of silence within a week", () => {
    const minutes = (given: string) => readClientConfig({ env: { DOCKET_RENEW_IDLE_MINUTES: given } }).renewIdleMinutes;
    expect([minutes("1"), minutes("10080")]).toEqual([1, 10_080]);
    for (const bad of ["0", "10081", "1.5", "soon"])
      expect(() => minutes(bad)).toThrow(/DOCKET_RENEW_IDLE_MINUTES must/);
  });

  test.each([
    ["http://docket.test:4000", "http://docket.test:4000"],
    ["http://docket.test:4000/", "http://docket.test:4000"],
    ["http://docket.test:4000/graphql", "http://docket.test:4000"],
    ["https://docket.test/behind/a/proxy/graphql/", "https://docket.test/behind/a/proxy"],
  ])("take %s as the address %s", (given, url) => {
    expect(readClientConfig({ env: { DOCKET_URL: given } }).url).toBe(url);
  });

  test("know the names of the old task tracking, and prefer ours", () => {
    const old = { TASK_TRACKING_URL: "http://old.test", TASK_TRACKING_API_KEY: "dk_old" };
    expect(readClientConfig({ env: old })).toMatchObject({ url: "http://old.test", apiKey: "dk_old" });
    const both = { ...old, DOCKET_URL: "http://new.test", DOCKET_API_KEY: "dk_new" };
    expect(readClientConfig({ env: both })).toMatchObject({ url: "http://new.test", apiKey: "dk_new" });
  });

  test("read the key from a file, without its line end", () => {
    const env = { DOCKET_API_KEY_FILE: keyFile("named-key", "dk_filed\n"), DOCKET_PROJECT: "alpha" };
    expect(readClientConfig({ env })).toMatchObject({ apiKey: "dk_filed", project: "alpha" });
  });

  test("report every fault at once, and no key's value", () => {
    const env = { DOCKET_URL: "ftp://x", DOCKET_API_KEY_FILE: join(folder, "missing") };
    expect(() => readClientConfig({ env })).toThrow(/DOCKET_URL must be.*DOCKET_API_KEY_FILE names/s);
    expect(() => readClientConfig({ env: { DOCKET_API_KEY: "dk_ä" } })).toThrow(/plain ASCII/);
  });

  test("follow the settings of a server started beside, unless others were named", () => {
    keyFile("api-key", "dk_admin");
    const env = { DOCKET_HOME: folder, PORT: "4321" };
    expect(readClientConfig({ env, besideServer: true })).toMatchObject({
      url: "http://127.0.0.1:4321",
      apiKey: "dk_admin",
    });
    keyFile("agent-key", "dk_agent");
    expect(readClientConfig({ env, besideServer: true }).apiKey).toBe("dk_agent");
    const named = { ...env, DOCKET_API_KEY: "dk_given", DOCKET_URL: "http://docket.test" };
    expect(readClientConfig({ env: named, besideServer: true })).toMatchObject({
      url: "http://docket.test",
      apiKey: "dk_given",
    });
    expect(readClientConfig({ env })).toMatchObject({ url: "http://127.0.0.1:4000", apiKey: undefined });
  });
});
