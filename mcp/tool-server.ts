import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { parseExactly } from "../client/exact-json.ts";

/** A server that understands calls of tools as models write them, before the library refuses them in its own words. */
export class ToolServer extends Server {
  override connect(transport: Transport): Promise<void> {
    // The library hands each message to whoever listened before, and then looks at it itself.
    transport.onmessage = understand;
    return super.connect(transport);
  }
}

/** Arguments as JSON text are what the text says, and null is none. What is left is refused by the tool, in its words. */
function understand(message: JSONRPCMessage): void {
  if (!("method" in message) || message.method !== "tools/call") return;
  const { name, arguments: given, ...rest } = message.params ?? {};
  const args = typeof given === "string" ? jsonIn(given) : given;
  message.params = {
    ...rest,
    name: typeof name === "string" ? name : "",
    arguments: isRecord(args) ? args : args == null ? {} : { arguments: args },
  };
}

function jsonIn(text: string): unknown {
  if (text.trim() === "") return null;
  try {
    return parseExactly(text);
  } catch {
    return text;
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
