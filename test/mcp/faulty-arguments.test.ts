import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tools } from "../../mcp/registry.ts";
import type { Schema } from "../../mcp/schema.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { connectTools } from "./connect.ts";

const PROJECT = { project_id: "alpha" };

/** A call of each tool that is right, to be spoilt in one place. */
const RIGHT: Readonly<Record<string, Record<string, unknown>>> = {
  get_next_task: { ...PROJECT, claim: false },
  update_task_status: { ...PROJECT, task_id: "TASK-001", status: "in_progress" },
  renew_task_lease: { ...PROJECT, task_id: "TASK-001" },
  add_task: { ...PROJECT, tasks: [{ description: "x" }] },
  add_dependency: { ...PROJECT, task_id: "TASK-002", depends_on: "TASK-001" },
  get_task: { ...PROJECT, task_id: "TASK-001" },
  list_tasks: PROJECT,
  wait_for_changes: { ...PROJECT, wait_seconds: 0 },
  reserve_id_range: { ...PROJECT, artifact_type: "US", count: 1 },
  confirm_reservation: { extend_seconds: 60 },
  get_next_available_id: { ...PROJECT, artifact_type: "US" },
};

/** Texts of a form that is not theirs. */
const FORMED = new Set([
  "project_id",
  "task_id",
  "attempt",
  "reservation_id",
  "cursor",
  "artifact_type",
  "depends_on",
  "depends_on_project_id",
]);

interface Cursor {
  readonly cursor: string;
}

interface Spoilt {
  readonly fault: string;
  readonly value: unknown;
  /** Whether it has to be refused; else it may be understood. */
  readonly refused: boolean;
}

/** What may be wrong with one argument. */
function faultsOf(name: string, schema: Schema, required: boolean): Spoilt[] {
  const text = schema.type === "string" && !schema.enum;
  const open = schema.type === "object" && schema.additionalProperties !== false;
  return [
    { fault: "missing", value: undefined, refused: required },
    { fault: "empty", value: "", refused: required },
    { fault: "blank", value: " \n", refused: required },
    { fault: "of another type", value: text ? { a: 1 } : open ? 7 : "Bad one!", refused: schema.type !== "array" },
    { fault: "too long", value: schema.type === "integer" ? 1e12 : "x".repeat(10_000), refused: FORMED.has(name) },
    { fault: "of a wrong form", value: "Bad one!", refused: FORMED.has(name) },
    { fault: "unstorable", value: "a\0b", refused: FORMED.has(name) },
  ];
}

describe("each faulty argument is answered with what is taken there and with an example:", () => {
  let server: TestServer;
  /** Before all events, so that nothing has to be waited for. */
  let cursor: string;
  let connected: Awaited<ReturnType<typeof connectTools>>;
  beforeAll(async () => {
    server = await startTestServer({ keepOpen: true });
    connected = await connectTools({ ...server });
    ({ cursor } = (await connected.call("wait_for_changes", { all_projects: true, wait_seconds: 0 })).data as Cursor);
    await connected.call("add_task", { ...PROJECT, tasks: [{ description: "a" }, { description: "b" }] });
    await connected.call("update_task_status", { ...PROJECT, task_id: "TASK-001", status: "in_progress" });
  });
  afterAll(async () => {
    await connected[Symbol.asyncDispose]();
    await server.close();
  });

  async function isTold(tool: string, args: Record<string, unknown>, takes: RegExp, { fault, refused }: Spoilt) {
    const { failed, text } = await connected.call(tool, args);
    const which = `${tool}, ${fault}: ${text.slice(0, 300)}`;
    if (refused) expect(failed, which).toBe(true);
    if (!failed) return;
    expect(text, which).toMatch(takes);
    expect(text, which).toContain(` For example: ${tool} {`);
    expect(text, which).not.toMatch(/\b[a-z]+[A-Z]|\$input|Variable|nodes \{/);
    expect(text.length, which).toBeLessThan(1_500);
  }

  test.each(tools.map(({ name, inputSchema }) => ({ name, inputSchema })))("$name", async ({ name, inputSchema }) => {
    let right = RIGHT[name] ?? {};
    if (name === "confirm_reservation") {
      const { data } = await connected.call("reserve_id_range", RIGHT["reserve_id_range"]);
      right = { ...right, reservation_id: (data as { reservation_id: string }).reservation_id };
    }
    if (name === "wait_for_changes") right = { ...right, cursor };
    expect((await connected.call(name, right)).failed).toBe(false);
    for (const [argument, schema] of Object.entries(inputSchema.properties ?? {})) {
      const { extend_seconds: _, ...rest } = right;
      const others = argument === "ids" ? rest : right;
      const takes = schema.items?.type === "object" ? / tasks\[\] takes / : new RegExp(` (${name}|${argument}) takes `);
      for (const spoilt of faultsOf(argument, schema, inputSchema.required?.includes(argument) ?? false))
        await isTold(name, { ...others, [argument]: spoilt.value }, takes, spoilt);
      for (const [member, of] of Object.entries(schema.items?.properties ?? {}))
        for (const spoilt of faultsOf(member, of, member === "description")) {
          const item = { description: "x", artifact_id: "HLS-007", [member]: spoilt.value };
          const lone = member === "artifact_id" ? item : { ...item, artifact_id: undefined };
          await isTold(
            name,
            { ...right, [argument]: [lone] },
            member === "project_id" ? / takes .*project_id/ : takes,
            spoilt,
          );
        }
    }
  });
});
