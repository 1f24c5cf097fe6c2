import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import type { PartOptions } from "../part.ts";
import { DOCKET } from "../server-process.ts";

interface InitializeOptions extends Pick<PartOptions, "interrupted" | "print"> {
  readonly times: number;
  /** The command of an installed package, in place of this clone's. */
  readonly docket?: string | undefined;
}

/** Milliseconds from the call of `docket mcp` to its answer to `initialize`, of each of so many starts after a first one. */
export async function measureInitialize({ times, docket = DOCKET, interrupted, print }: InitializeOptions) {
  print(`${times} starts of docket mcp …`);
  const took: number[] = [];
  for (let i = 0; i <= times; i++) {
    interrupted.throwIfAborted();
    took.push(await initialize(docket));
  }
  // The first one compiles for all.
  return took.slice(1);
}

async function initialize(docket: string): Promise<number> {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [docket, "mcp"],
    // It asks its server for nothing until a tool is called.
    env: { PATH: process.env["PATH"] ?? "", DOCKET_API_KEY: "dk_none" },
    stderr: "ignore",
  });
  const client = new Client({ name: "docket bench", version: "1.0.0" });
  const called = performance.now();
  try {
    await client.connect(transport);
    return performance.now() - called;
  } finally {
    await client.close();
  }
}
