import { globSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import { Kind, OperationTypeNode, parse } from "graphql";
import { describe, expect, test } from "vitest";
import { TOOLSETS } from "../../mcp/registry.ts";
import { listed, type Tool } from "../../mcp/tool.ts";
import { DEFAULT_TOOLSETS } from "../../mcp/toolsets.ts";
import verbs from "../../schema/verbs.json" with { type: "json" };

const definitionsOf = (tools: readonly Tool[]) => tools.map(listed);

const definitions = definitionsOf(Object.values(TOOLSETS).flat());
/** What a client gets that chooses nothing. */
const defaults = definitionsOf(DEFAULT_TOOLSETS.flatMap((name) => TOOLSETS[name]));
const named = Object.fromEntries(definitions.map((tool) => [tool.name, tool]));

/** What both take; `$ref`, `oneOf`, `allOf`, `not`, `const`, `format`, `pattern`, `propertyNames` one of them does not. */
const KEYWORDS = new Set([
  ...["type", "description", "properties", "required", "additionalProperties", "items", "enum", "default"],
  ...["minimum", "maximum", "minItems", "maxItems", "anyOf"],
]);
const TYPES = /^(object|array|string|integer|number|boolean|null|anyOf)$/;

const TEXT_OR_NULL = [{ type: "string" }, { type: "null" }];

interface Node {
  readonly schema: Readonly<Record<string, unknown>>;
  readonly place: string;
}

/** Every schema within a schema, and itself. */
function nodesIn(schema: unknown, place: string): Node[] {
  const node = schema as Node["schema"];
  const properties = Object.entries((node["properties"] ?? {}) as object);
  return [
    { schema: node, place },
    ...properties.flatMap(([name, member]) => nodesIn(member, `${place}.${name}`)),
    ...(node["items"] === undefined ? [] : nodesIn(node["items"], `${place}[]`)),
    ...asArray(node["anyOf"]).flatMap((one, index) => nodesIn(one, `${place}|${index}`)),
  ];
}

/** The root fields of all mutations in the documents of a file. */
function mutationsIn(file: string): string[] {
  const documents = readFileSync(file, "utf8").matchAll(/\bgraphql\(`([^`]+)`\)/g);
  return [...documents]
    .flatMap(([, document = ""]) => parse(document).definitions)
    .flatMap((definition) =>
      definition.kind === Kind.OPERATION_DEFINITION && definition.operation === OperationTypeNode.MUTATION
        ? definition.selectionSet.selections
        : [],
    )
    .flatMap((selection) => (selection.kind === Kind.FIELD ? [selection.name.value] : []));
}

const isOpenObject = ({ schema }: Node) => schema["type"] === "object" && schema["additionalProperties"] !== false;

const asArray = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

describe("the tool list", () => {
  test("has one tool for each file in mcp/tools, named after it", () => {
    const files = globSync("mcp/tools/**/*.ts").map((file) => basename(file, ".ts"));
    expect(definitions).toHaveLength(files.length);
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
          "parameters": "project_id project_ids status_filter claim worker lease_seconds skills",
          "required": [],
        },
        {
          "hints": [
            "idempotentHint",
          ],
          "name": "update_task_status",
          "parameters": "task_id status completion_notes notes project_id attempt take_over worker outcome reset lease_seconds",
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
            "idempotentHint",
          ],
          "name": "add_dependency",
          "parameters": "task_id depends_on kind project_id depends_on_project_id",
          "required": [
            "task_id",
            "depends_on",
          ],
        },
        {
          "hints": [
            "readOnlyHint",
          ],
          "name": "get_task",
          "parameters": "task_id project_id field offset",
          "required": [
            "task_id",
          ],
        },
        {
          "hints": [
            "readOnlyHint",
          ],
          "name": "list_tasks",
          "parameters": "project_id project_ids all_projects status text labels due_before detail limit cursor",
          "required": [],
        },
        {
          "hints": [
            "readOnlyHint",
          ],
          "name": "wait_for_changes",
          "parameters": "cursor project_id project_ids all_projects types task_ids wait_seconds limit",
          "required": [],
        },
        {
          "hints": [],
          "name": "reserve_id_range",
          "parameters": "artifact_type count ttl_seconds project_id",
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
          "parameters": "reservation_id ids extend_seconds",
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
        {
          "hints": [],
          "name": "create_work_item",
          "parameters": "item_type title description parent_id metadata project_id",
          "required": [
            "item_type",
            "title",
          ],
        },
        {
          "hints": [
            "destructiveHint",
            "idempotentHint",
          ],
          "name": "update_work_item",
          "parameters": "id version title description parent_id metadata deleted_at cascade project_id",
          "required": [
            "id",
            "version",
          ],
        },
        {
          "hints": [
            "readOnlyHint",
          ],
          "name": "query_work_item",
          "parameters": "id project_id",
          "required": [
            "id",
          ],
        },
        {
          "hints": [
            "readOnlyHint",
          ],
          "name": "list_work_items",
          "parameters": "item_type status parent_id project_id limit cursor",
          "required": [],
        },
        {
          "hints": [],
          "name": "record_deployment",
          "parameters": "commit_hash pr_number pr_title test_summary constitutional_compliance vendors work_items deployed_at project_id",
          "required": [
            "commit_hash",
            "pr_number",
            "pr_title",
            "test_summary",
            "constitutional_compliance",
          ],
        },
        {
          "hints": [
            "readOnlyHint",
          ],
          "name": "query_vendor_status",
          "parameters": "name project_id",
          "required": [
            "name",
          ],
        },
        {
          "hints": [
            "idempotentHint",
          ],
          "name": "update_vendor_status",
          "parameters": "name version status extractor_version format_support test_results manifest_compliant project_id",
          "required": [
            "name",
            "version",
          ],
        },
        {
          "hints": [
            "idempotentHint",
          ],
          "name": "create_vendor",
          "parameters": "name status extractor_version format_support test_results manifest_compliant project_id",
          "required": [
            "name",
            "status",
          ],
        },
        {
          "hints": [
            "readOnlyHint",
          ],
          "name": "get_project_configuration",
          "parameters": "project_id",
          "required": [],
        },
        {
          "hints": [
            "idempotentHint",
          ],
          "name": "update_project_configuration",
          "parameters": "version active_context_type current_session git_branch git_head_commit default_token_budget project_id",
          "required": [
            "version",
          ],
        },
        {
          "hints": [
            "readOnlyHint",
          ],
          "name": "get_project_status",
          "parameters": "project_id markdown offset",
          "required": [],
        },
      ]
    `);
  });

  test("hints at what the mutations of a tool's documents do, as schema/verbs.json declares it", () => {
    for (const { name, annotations } of definitions) {
      const [file = ""] = globSync(`mcp/tools/**/${name.replaceAll("_", "-")}.ts`);
      const does = mutationsIn(file).map((mutation) => verbs.find((verb) => verb.mutation === mutation));
      expect([name, does]).toEqual([name, expect.not.arrayContaining([undefined])]);
      const changing = {
        destructiveHint: does.some((verb) => verb?.destructive),
        // The protocol takes for granted that it is not.
        ...(does.every((verb) => verb?.idempotent) && { idempotentHint: true }),
      };
      const hints = does.every((verb) => verb?.readOnly) ? { readOnlyHint: true } : changing;
      expect([name, annotations]).toEqual([name, { ...hints, openWorldHint: false }]);
    }
  });

  test("has by default at most eleven tools, none of them of the toolset tracking, which cost a model little", () => {
    expect(defaults.length).toBeLessThanOrEqual(11);
    expect(defaults).toEqual(definitionsOf(TOOLSETS.default));
    const tracking = definitionsOf(TOOLSETS.tracking).map(({ name }) => name);
    expect(defaults.filter(({ name }) => tracking.includes(name))).toEqual([]);
    const tokens = countTokens(JSON.stringify({ tools: defaults }));
    expect(tokens).toBeLessThanOrEqual(2_500);
    expect(tokens).toBeGreaterThan(1_000);
  });

  test("refuses unknown arguments at every level, except in what is the caller's own", () => {
    const open = definitions.flatMap(({ inputSchema }) => nodesIn(inputSchema, "").filter(isOpenObject));
    expect(open.map(({ place }) => place)).toEqual([".checkpoint", ".metadata", ".metadata", ".test_summary"]);
  });

  test("gives every number bounds, every list a limit, and no parameter a choice of types but a text or null", () => {
    for (const { schema, place } of definitions.flatMap(({ inputSchema }) => nodesIn(inputSchema, ""))) {
      if (schema["type"] === "integer")
        expect(schema, place).toMatchObject({ minimum: expect.any(Number), maximum: expect.any(Number) });
      expect(schema["maximum"]).not.toBe(Number.MAX_SAFE_INTEGER);
      if (schema["anyOf"] !== undefined) expect([place, schema["anyOf"]]).toEqual([expect.any(String), TEXT_OR_NULL]);
    }
    // Held, and told by refusals alone.
    const held = Object.values(TOOLSETS).flatMap((tools) => tools.flatMap((tool) => nodesIn(tool.inputSchema, "")));
    for (const { schema, place } of held)
      if (schema["type"] === "array") expect(schema, place).toMatchObject({ maxItems: expect.any(Number) });
  });

  test("uses only what the function calling of OpenAI and of Gemini takes", () => {
    for (const { name, inputSchema, outputSchema } of definitions) {
      expect(inputSchema.type).toBe("object");
      for (const [side, root] of Object.entries({ inputSchema, outputSchema })) {
        for (const { schema, place } of nodesIn(root, `${name} ${side} `)) {
          expect(
            Object.keys(schema).filter((keyword) => !KEYWORDS.has(keyword)),
            place,
          ).toEqual([]);
          expect([schema["type"] ?? "anyOf", place]).toEqual([expect.stringMatching(TYPES), place]);
          if (schema["anyOf"] !== undefined) expect(place).not.toMatch(/ $/);
          if (schema["type"] === "object") {
            const properties = Object.keys(schema["properties"] ?? {});
            expect(properties.length, place).toBeGreaterThan(0);
            expect(properties, place).toEqual(expect.arrayContaining(asArray(schema["required"])));
          }
          if (schema["type"] === "array") expect(schema, place).toHaveProperty("items.type");
          for (const choice of asArray(schema["enum"])) expect(choice, place).toEqual(expect.stringMatching(/./));
        }
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
    // Its name is that of what it sets.
    expect(JSON.stringify(definitions).replaceAll("deleted_at", "")).not.toMatch(/delete|remove|drop|force|rm -/i);
  });
});
