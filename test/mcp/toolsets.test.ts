import { describe, expect, it } from "vitest";
import { TOOLSETS } from "../../mcp/registry.ts";
import { readToolsets } from "../../mcp/toolsets.ts";
import { renderBanner } from "../../src/commands/banner.ts";
import { connectOverHttp, startMcpAgent } from "../support/mcp-client.ts";
import { makeProject, shareServer } from "../support/server.ts";
import { connectTools } from "./connect.ts";

const shared = shareServer();
const namesOf = (...sets: (keyof typeof TOOLSETS)[]) => sets.flatMap((set) => TOOLSETS[set].map(({ name }) => name));

describe("toolsets", () => {
  it("are those that a list names, in whatever case and order, or the default without one", () => {
    for (const [given, sets] of [
      [undefined, ["default"]],
      [" , ", ["default"]],
      ["tracking", ["tracking"]],
      ["Tracking, DEFAULT", ["default", "tracking"]],
      ["all", ["default", "tracking"]],
    ] as const)
      expect(readToolsets(given)).toEqual(sets);
    expect(() => readToolsets("default,traking")).toThrow(
      "There is no toolset traking. Toolsets: default, tracking, or all.",
    );
  });

  it("are chosen over HTTP by a header, for each request; one that there is not is refused", async () => {
    const t = await makeProject(shared.server, []);
    const listed = async (headers = {}) =>
      (await (await connectOverHttp(t, headers)).listTools()).tools.map(({ name }) => name);
    expect(await listed()).toEqual(namesOf("default"));
    expect(await listed({ "X-MCP-Toolsets": "default,tracking" })).toEqual(namesOf("default", "tracking"));
    await expect(listed({ "X-MCP-Toolsets": "traking" })).rejects.toThrow(/There is no toolset traking/);
  });

  it("are chosen over stdio by DOCKET_TOOLSETS", async () => {
    const t = await makeProject(shared.server, []);
    const { url, agentKey: key, projectId: project } = t;
    const agent = await startMcpAgent({ url, key, project, toolsets: "tracking" });
    expect(await agent.call("get_project_configuration")).toMatchObject({
      failed: false,
      data: { project_id: project, active_context_type: "feature", default_token_budget: 200_000, version: 1 },
    });
    expect(await agent.call("get_next_task")).toMatchObject({
      failed: true,
      text: expect.stringContaining("DOCKET_TOOLSETS=default,tracking"),
    });
  });

  it("that are off say of their tools how to switch them on, and have more to say in the instructions when on", async () => {
    const t = await makeProject(shared.server, []);
    const off = await connectTools({ ...t, defaultProject: t.projectId });
    const { text, failed } = await off.call("create_work_item", { item_type: "task", title: "x" });
    expect(failed).toBe(true);
    expect(text).toContain("create_work_item belongs to the toolset tracking, which is off");
    for (const way of [
      "DOCKET_TOOLSETS=default,tracking",
      "--toolsets default,tracking",
      "X-MCP-Toolsets: default,tracking",
    ])
      expect(text).toContain(way);
    expect(off.client.getInstructions()).not.toContain("create_work_item");
    const on = await connectTools({ ...t, toolsets: ["default", "tracking"] });
    expect(on.client.getInstructions()).toContain("create_work_item");
  });

  it("are shown in the banner", () => {
    const banner = renderBanner({
      ...{
        version: "1",
        url: "http://x",
        database: "",
        adminKeyFile: "/a",
        agentKeyFile: "/b",
        signInUrl: "",
        signInMinutes: 1,
      },
      ...{ notices: [], node: "/node", cli: "/docket.js" },
    });
    expect(banner).toContain("-- /node /docket.js mcp --toolsets default,tracking");
  });
});
