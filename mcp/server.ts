import type { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { CallToolRequestSchema, ErrorCode, ListToolsRequestSchema, McpError } from "@modelcontextprotocol/sdk/types.js";
import type { GraphQLRequest, TraceCarrier } from "../client/request.ts";
import packageJson from "../package.json" with { type: "json" };
import { errorText } from "./error-text.ts";
import { type KeySettings, withIdempotencyKeys } from "./idempotency.ts";
import { TOOLSETS, type Toolset } from "./registry.ts";
import type { LeaseSession } from "./session.ts";
import { shortened, workerName } from "./text.ts";
import { listed, type ToolContext } from "./tool.ts";
import { ToolServer } from "./tool-server.ts";
import { DEFAULT_TOOLSETS, howToSwitchOn } from "./toolsets.ts";

/** One finished tool call, for a log: no arguments and no results, as both hold people's texts. */
export interface FinishedCall {
  readonly tool: string;
  readonly durationMs: number;
  readonly outcome: "ok" | "error";
  /** The error as it was thrown, when there was one. */
  readonly error?: unknown;
}

interface McpServerSettings {
  /** The GraphQL caller, bound to the key of this server's client. */
  readonly request: GraphQLRequest;
  readonly defaultProject?: string | undefined;
  /** Whose tools it has; by default what a client gets that chooses nothing. */
  readonly toolsets?: readonly Toolset[] | undefined;
  /** Keeps leases alive; left out where every request stands alone. */
  readonly session?: LeaseSession;
  /** Given where every request stands alone; else the server remembers by itself what was left unanswered. */
  readonly keys?: KeySettings;
  readonly finished?: (call: FinishedCall) => void;
  /** What of these one call has of its own, by the name of its tool and what its caller says in `_meta`. */
  readonly ofCall?: (tool: string, meta: TraceCarrier) => Pick<McpServerSettings, "request" | "finished">;
}

const INSTRUCTIONS = `Docket hands out tasks and artifact IDs to many agents at once.
Work: get_next_task claims a task; do it; update_task_status completed with completion_notes, or pending to give it back. Pass the attempt you got.
Long work: renew_task_lease with a checkpoint. After a lost lease stop, and call get_next_task.
New work: add_task, a whole plan in one call.
IDs such as US-028: never invent them. reserve_id_range, write, confirm_reservation; for a single one get_next_available_id.
Overview: list_tasks. News of others' work: wait_for_changes, again and again with its cursor.`;

const TRACKING = `
Project status: get_project_status. Work items are tasks with a type and a parent: create_work_item, query_work_item. update_ tools take the version that you read; after a conflict read it again.`;

/**
 * An MCP server with Docket's tools, ready to be connected to any transport. Make one per connection, and one per
 * request where requests stand alone: a reused instance would mix up its clients' answers.
 */
export function createMcpServer(settings: McpServerSettings): Server {
  const { defaultProject, toolsets = DEFAULT_TOOLSETS, session, keys, ofCall = () => settings } = settings;
  const tools = toolsets.flatMap((name) => TOOLSETS[name]);
  const server = new ToolServer(
    { name: "docket", title: "Docket", version: packageJson.version },
    {
      capabilities: { tools: {} },
      instructions: toolsets.includes("tracking") ? INSTRUCTIONS + TRACKING : INSTRUCTIONS,
    },
  );
  const keyedCall = withIdempotencyKeys(keys);

  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: tools.map(listed) }));
  server.setRequestHandler(
    CallToolRequestSchema,
    async ({ params: { name, arguments: args, _meta: meta = {} } }, { signal, requestId }) => {
      const tool = tools.find((candidate) => candidate.name === name);
      if (tool === undefined) {
        const remedy = howToSwitchOn(name, toolsets);
        if (remedy !== undefined) return { isError: true, content: [{ type: "text", text: remedy }] };
        const known = tools.map((candidate) => candidate.name).join(", ");
        const fault = name === "" ? "params.name must say which tool to call" : `Unknown tool: ${shortened(name, 60)}`;
        throw new McpError(ErrorCode.InvalidParams, `${fault}. Tools: ${known}`);
      }
      const { request, finished } = ofCall(name, meta);
      const started = performance.now();
      // A question that was cancelled, or whose caller went away, is not asked to its end; a change is.
      const unwanted = AbortSignal.any([signal, keys?.gone ?? server.cancelled(requestId)]);
      const { mutate, failed } = keyedCall({ request, id: requestId, unwanted });
      const query: ToolContext["query"] = (document, variables, waitMs = 0) =>
        request(document, variables, { waitMs, signal: unwanted });
      const finish = (rest: Pick<FinishedCall, "outcome" | "error">) =>
        finished?.({ tool: name, durationMs: Math.round(performance.now() - started), ...rest });
      try {
        const clientName = workerName(server.getClientVersion()?.name);
        const call = tool.call({ query, mutate, defaultProject, session, clientName }, args);
        const result = await (session?.during(call) ?? call);
        finish({ outcome: "ok" });
        return { structuredContent: result, content: [{ type: "text", text: JSON.stringify(result) }] };
      } catch (error) {
        failed(error);
        finish({ outcome: "error", error });
        return { isError: true, content: [{ type: "text", text: errorText(error, tool, args) }] };
      }
    },
  );
  return server;
}
