import { serializeMessage } from "@modelcontextprotocol/sdk/shared/stdio.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { type JSONRPCMessage, JSONRPCMessageSchema } from "@modelcontextprotocol/sdk/types.js";
import { parseExactly } from "../client/exact-json.ts";

/**
 * Messages as lines on stdin and stdout. The library's own transport changes numbers that are beyond double precision
 * before anybody could refuse them.
 */
export class ExactStdio implements Transport {
  onmessage?: (message: JSONRPCMessage) => void;
  onerror?: (error: Error) => void;
  onclose?: () => void;
  #unfinished = "";

  async start(): Promise<void> {
    process.stdin.setEncoding("utf8").on("data", this.#read).on("error", this.#fail);
  }

  send(message: JSONRPCMessage): Promise<void> {
    return new Promise((resolve) => {
      if (process.stdout.write(serializeMessage(message))) resolve();
      else process.stdout.once("drain", resolve);
    });
  }

  async close(): Promise<void> {
    process.stdin.off("data", this.#read).off("error", this.#fail).pause();
    this.onclose?.();
  }

  // Lines are not read by node:readline, which also ends them at U+2028, and JSON may hold that.
  readonly #read = (chunk: string): void => {
    const lines = (this.#unfinished + chunk).split("\n");
    this.#unfinished = lines.pop() ?? "";
    for (const line of lines) {
      try {
        this.onmessage?.(JSONRPCMessageSchema.parse(parsed(line)));
      } catch (error) {
        this.#fail(error);
      }
    }
  };

  readonly #fail = (error: unknown): void => this.onerror?.(error instanceof Error ? error : new Error(String(error)));
}

/** The stack may end before a message that is nested thousands deep does; a tool refuses that, whatever its numbers are. */
function parsed(line: string): unknown {
  try {
    return parseExactly(line);
  } catch (error) {
    if (error instanceof RangeError) return JSON.parse(line);
    throw error;
  }
}
