import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

const docket = fileURLToPath(new URL("../../cli/docket.js", import.meta.url));

/** An agent: an MCP client with `docket mcp` as a process of its own. */
export interface Agent {
  /** The ID of the task that it took; null where there was none. */
  takeNext(): Promise<string | null>;
  complete(taskId: string): Promise<void>;
  /** SIGKILL for its MCP server. */
  kill(): void;
  /** Closes its input, and waits for its end. */
  close(): Promise<void>;
}

interface Settings {
  readonly url: string;
  readonly apiKey: string;
  readonly projectId: string;
}

const MOST_TRIES = 5;
const isUnanswered = (content: unknown) => JSON.stringify(content).includes("Docket timeout: ");

export async function startAgent({ url, apiKey, projectId }: Settings): Promise<Agent> {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [docket, "mcp"],
    // Where no .env lies.
    cwd: tmpdir(),
    env: { PATH: process.env["PATH"] ?? "", DOCKET_URL: url, DOCKET_API_KEY: apiKey, DOCKET_PROJECT: projectId },
    stderr: "ignore",
  });
  const client = new Client({ name: "crash-loop", version: "1.0.0" });
  await client.connect(transport);
  const call = async (name: string, args: Readonly<Record<string, unknown>>) => {
    let answer = await client.callTool({ name, arguments: args });
    // A machine that is late: the same call is answered as the first one would have been.
    for (let tries = 1; tries < MOST_TRIES && isUnanswered(answer.content); tries++)
      answer = await client.callTool({ name, arguments: args });
    const { isError, structuredContent, content } = answer;
    if (isError === true) throw new Error(`${name} failed: ${JSON.stringify(content)}`);
    return structuredContent as { readonly task?: { readonly task_id: string } | null };
  };
  return {
    takeNext: async () => (await call("get_next_task", {})).task?.task_id ?? null,
    complete: async (taskId) =>
      void (await call("update_task_status", { task_id: taskId, status: "completed", notes: "done" })),
    kill: () => void process.kill(transport.pid ?? 0, "SIGKILL"),
    close: () => client.close(),
  };
}
