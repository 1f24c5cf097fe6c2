import { GraphQLError } from "graphql";
import { describe, expect, test } from "vitest";
import { reset, scriptedDocket } from "../support/scripted-docket.ts";
import { connectTools } from "./connect.ts";
import { task } from "./sessions.ts";

describe("a lost answer", () => {
  test("is asked for again under the same key, within the call and by the model's next one", async () => {
    const root = { claimNextTask: () => ({ task, attempt: "1-9f86d081884c", holding: [], replayed: true }) };
    await using docket = await scriptedDocket(root, [reset, reset, reset, reset]);
    await using tools = await connectTools({ url: docket.url, defaultProject: "alpha" });
    const lost = await tools.call("get_next_task");
    expect(lost.text).toMatch(/^Docket unavailable: Connection lost at .* Repeating the same call is safe/);
    expect(await tools.call("get_next_task")).toMatchObject({ failed: false });
    await tools.call("get_next_task");
    const keys = docket.seen.map(({ variables }) => variables.input?.["idempotencyKey"]);
    expect(new Set(keys.slice(0, 5)).size).toBe(1);
    expect(keys[5]).not.toBe(keys[4]);
  });

  test.each([
    ["DATABASE_UNAVAILABLE", "Database unavailable"],
    ["INTERNAL", "Something went wrong"],
    ["BAD_RESPONSE", "Not an answer"],
    ["QUERY_TOO_COMPLEX", "The answer would be larger than 16 MB"],
  ])("may be what %s stands for, so the model's next call has the same key", async (code, message) => {
    const faults = [new GraphQLError(message, { extensions: { code } })];
    const root = {
      claimNextTask: () => faults.shift() ?? { task, attempt: "1-9f86d081884c", holding: [], replayed: true },
    };
    await using docket = await scriptedDocket(root);
    await using tools = await connectTools({ url: docket.url, defaultProject: "alpha" });
    const { text } = await tools.call("get_next_task");
    expect(text).toContain(`${message}. `);
    expect(text).toContain("Repeating the same call is safe");
    expect(text).not.toContain("Nothing was changed");
    for (const _ of [1, 2]) expect(await tools.call("get_next_task")).toMatchObject({ failed: false });
    const [first, second, third] = docket.seen.map(({ variables }) => variables.input?.["idempotencyKey"]);
    expect(second).toBe(first);
    expect(third).not.toBe(first);
  });

  test("is not forgotten when its repetition is refused before anybody looked at the key", async () => {
    const faults = ["INTERNAL", "RATE_LIMITED"].map((code) => new GraphQLError(code, { extensions: { code } }));
    const root = {
      claimNextTask: () => faults.shift() ?? { task, attempt: "1-9f86d081884c", holding: [], replayed: true },
    };
    await using docket = await scriptedDocket(root);
    await using tools = await connectTools({ url: docket.url, defaultProject: "alpha" });
    for (const _ of [1, 2, 3]) await tools.call("get_next_task");
    expect(new Set(docket.seen.map(({ variables }) => variables.input?.["idempotencyKey"])).size).toBe(1);
  });

  test("is not suspected behind an error that says that nothing was done", async () => {
    const fail = () => new GraphQLError("Project alpha not found", { extensions: { code: "PROJECT_NOT_FOUND" } });
    await using docket = await scriptedDocket({ claimNextTask: fail });
    await using tools = await connectTools({ url: docket.url, defaultProject: "alpha" });
    for (const _ of [1, 2]) await tools.call("get_next_task");
    expect(new Set(docket.seen.map(({ variables }) => variables.input?.["idempotencyKey"])).size).toBe(2);
  });
});

describe("the log of calls", () => {
  test("has tool, duration and outcome, and no texts of tasks", async () => {
    const root = {
      tasks: () => {
        throw new GraphQLError("secret text", { extensions: { code: "INTERNAL" } });
      },
    };
    await using docket = await scriptedDocket(root);
    await using tools = await connectTools(docket);
    await tools.call("list_tasks", { text: "secret text" });
    expect(tools.calls).toMatchObject([{ tool: "list_tasks", durationMs: expect.any(Number), outcome: "error" }]);
    expect(Object.keys(tools.calls[0] ?? {}).sort()).toEqual(["durationMs", "error", "outcome", "tool"]);
  });
});
