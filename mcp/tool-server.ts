import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import type { JSONRPCMessage, RequestId } from "@modelcontextprotocol/sdk/types.js";
import { parseExactly } from "../client/exact-json.ts";

/** For how many calls a cancellation still counts after their answer was sent: the two may have crossed. */
const MOST_ANSWERED = 100;

/**
 * A server that understands calls of tools as models write them, before the library refuses them in its own words, and
 * cancellations that come after the answer, which the library drops.
 */
export class ToolServer extends Server {
  readonly #calls = new Map<unknown, AbortController>();

  override connect(transport: Transport): Promise<void> {
    // The library hands each message to the earlier listener first, and then looks at it itself.
    transport.onmessage = (message) => {
      understand(message);
      if ("method" in message && message.method === "notifications/cancelled")
        this.#calls.get(message.params?.["requestId"])?.abort();
    };
    return super.connect(transport);
  }

  /** Aborted when the caller cancels the call of this id, be it answered or not. */
  cancelled(id: RequestId): AbortSignal {
    const call = new AbortController();
    this.#calls.delete(id);
    this.#calls.set(id, call);
    const [oldest] = this.#calls.keys();
    if (this.#calls.size > MOST_ANSWERED) this.#calls.delete(oldest);
    return call.signal;
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
