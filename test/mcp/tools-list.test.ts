import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { tools } from "../../mcp/registry.ts";

const definitions = tools.map(({ call: _, ...definition }) => definition);
const named = Object.fromEntries(definitions.map((tool) => [tool.name, tool]));

/** Every object schema within a schema. */
function objectsIn(schema: unknown): Record<string, unknown>[] {
  if (typeof schema !== "object" || schema === null) return [];
  const inner = Object.values(schema).flatMap(objectsIn);
  return "properties" in schema ? [schema as Record<string, unknown>, ...inner] : inner;
}

describe("the tool list", () => {
  test("has one tool for each file in mcp/tools, named after it", () => {
    const files = readdirSync(new URL("../../mcp/tools/", import.meta.url)).map((file) => file.replace(/\.ts$/, ""));
    expect(Object.keys(named).sort()).toEqual(files.map((file) => file.replaceAll("-", "_")).sort());
  });

  test("keeps the names, parameters, needs and hints that clients know", () => {
    const surface = definitions.map(({ name, inputSchema, annotations }) => ({
      name,
      parameters: Object.keys(inputSchema["properties"] ?? {}).join(" "),
      required: inputSchema["required"] ?? [],
      hints: Object.entries(annotations).flatMap(([hint, given]) => (given ? [hint] : [])),
    }));
    expect(surface).toMatchInlineSnapshot(`
      [
        {
          "hints": [],
          "name": "get_next_task",
          "parameters": "project_id status_filter claim worker lease_seconds",
          "required": [],
        },
        {
          "hints": [
            "idempotentHint",
          ],
          "name": "update_task_status",
          "parameters": "task_id status completion_notes notes project_id attempt reset lease_seconds",
          "required": [
            "task_id",
            "status",
          ],
        },
        {
          "hints": [
            "idempotentHint",
          ],
          "name": "renew_task_lease",
          "parameters": "task_id attempt lease_seconds checkpoint project_id",
          "required": [
            "task_id",
          ],
        },
        {
          "hints": [],
          "name": "add_task",
          "parameters": "tasks project_id lease_seconds",
          "required": [
            "tasks",
          ],
        },
        {
          "hints": [
            "readOnlyHint",
            "idempotentHint",
          ],
          "name": "list_tasks",
          "parameters": "project_id all_projects status text labels detail limit cursor",
          "required": [],
        },
        {
          "hints": [
            "readOnlyHint",
            "idempotentHint",
          ],
          "name": "wait_for_changes",
          "parameters": "cursor project_id all_projects types task_ids wait_seconds limit",
          "required": [],
        },
        {
          "hints": [],
          "name": "reserve_id_range",
          "parameters": "artifact_type count project_id",
          "required": [
            "artifact_type",
            "count",
          ],
        },
        {
          "hints": [
            "destructiveHint",
            "idempotentHint",
          ],
          "name": "confirm_reservation",
          "parameters": "reservation_id ids",
          "required": [
            "reservation_id",
          ],
        },
        {
          "hints": [],
          "name": "get_next_available_id",
          "parameters": "artifact_type project_id",
          "required": [
            "artifact_type",
          ],
        },
      ]
    `);
  });

  test("costs a model no more than 2,500 tokens", () => {
    expect(JSON.stringify({ tools: definitions }).length).toBeLessThanOrEqual(10_000);
  });

  test("refuses unknown arguments at every level, except in a checkpoint, which is the caller's own", () => {
    for (const schema of definitions.flatMap(({ inputSchema }) => objectsIn(inputSchema))) {
      expect(schema).toMatchObject({ additionalProperties: false });
    }
    expect(named["renew_task_lease"]?.inputSchema["properties"]).toMatchObject({
      checkpoint: { type: "object", additionalProperties: {} },
    });
  });

  test("gives every number bounds and no parameter a choice of types", () => {
    for (const { inputSchema } of definitions) {
      const text = JSON.stringify(inputSchema);
      expect(text).not.toMatch(/"anyOf"|"oneOf"|"null"|9007199254740991/);
      const numbers = text.match(/"type":"(integer|number)"/g) ?? [];
      for (const bound of [/"minimum":/g, /"maximum":/g]) {
        expect(text.match(bound) ?? []).toHaveLength(numbers.length);
      }
    }
  });

  test("gives every tool a title, hints that stay within Docket, and results that are described", () => {
    for (const { title, description, annotations, outputSchema } of definitions) {
      expect(title).not.toBe("");
      expect(description.length).toBeLessThan(260);
      expect(annotations).toMatchObject({ openWorldHint: false });
      expect(outputSchema["required"]).not.toEqual([]);
    }
  });

  test("never advises to delete anything", () => {
    expect(JSON.stringify(definitions)).not.toMatch(/delete|remove|drop|force|rm -/i);
  });
});
