import { randomUUID } from "node:crypto";
import { NoAnswerError, ServerError } from "../client/faults.ts";
import { chooseServer } from "../client/node/choose-server.ts";
import { ClientConfigError, environment, readMcpSettings } from "../client/node/config.ts";
import { createRequest } from "../client/request.ts";
import { ExactStdio } from "./exact-stdio.ts";
import { createMcpServer, type FinishedCall } from "./server.ts";
import { LeaseSession } from "./session.ts";
import { CallFault } from "./tool.ts";
import { readToolsets, UnknownToolset } from "./toolsets.ts";

const NO_KEY = `Docket's MCP server needs an API key.
Set DOCKET_API_KEY, or DOCKET_API_KEY_FILE to the path of a file that holds one, or run \`docket login\` once.
A Docket server writes a key for agents to .docket/agent-key when it first starts and prints where that is; an admin makes others with the createApiKey mutation.`;

export interface McpOptions {
  /** Names in a list; by default DOCKET_TOOLSETS. */
  readonly toolsets?: string | undefined;
  /** Which server, as whom, and the project of calls that name none: what every other command takes. */
  readonly server?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly project?: string | undefined;
}

/**
 * Serves the tools on stdin and stdout until stdin ends; stdout carries the protocol only, the log goes to stderr.
 * Sets a failing exit code and returns when settings are missing or wrong.
 */
export async function main(options: McpOptions = {}): Promise<void> {
  const config = settings(options);
  if (config === undefined) return;

  // One client id per process: leases are this process's own even when others share its key.
  const clientId = randomUUID();
  const connection = { url: config.url, apiKey: config.apiKey, clientId };
  const request = createRequest(connection);
  const session = new LeaseSession(request, {
    idleMs: config.renewIdleMinutes * 60_000,
    renewalFailed: ({ projectId, taskId, attempt }, error, lost) => {
      // The random part of an attempt is its holder's secret, also to readers of this log.
      const held = { project: projectId, task: taskId, attempt: attempt.split("-")[0] };
      log(lost ? "warn" : "error", { msg: "lease not kept", ...held, lost, ...faultFields(error) });
    },
  });
  const server = createMcpServer({
    request,
    defaultProject: config.project,
    toolsets: config.toolsets,
    session,
    ofCall: (_tool, trace) => ({ request: createRequest({ ...connection, trace }), finished: logCall }),
  });
  server.onerror = (error) => log("error", { msg: "protocol error", error: error.message });
  // However the client ends it: by closing stdin, by a signal, or by no longer reading its answers.
  const end = () => void session.close().finally(() => process.exit(0));
  // Answers under way are still written; then nothing keeps the process alive.
  process.stdin.once("end", () => void session.close());
  process.stdout.once("error", end);
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.once(signal, end);

  await server.connect(new ExactStdio());
  log("info", { msg: "ready", url: config.url, ...(config.project && { project: config.project }) });
}

function settings({ toolsets, ...asked }: McpOptions) {
  try {
    const { url, key, project } = chooseServer({ env: environment, cwd: process.cwd(), ...asked });
    const { renewIdleMinutes, toolsets: usual } = readMcpSettings(environment);
    const chosen = { url: url.value, project: project?.value, renewIdleMinutes };
    const names = readToolsets(toolsets ?? usual);
    if (key) return { ...chosen, apiKey: key.value, toolsets: names };
    process.stderr.write(`${NO_KEY}\n`);
  } catch (error) {
    if (!(error instanceof ClientConfigError || error instanceof UnknownToolset)) throw error;
    process.stderr.write(`${error.message}\n`);
  }
  process.exitCode = 1;
  return undefined;
}

function logCall({ tool, durationMs, outcome, error }: FinishedCall): void {
  log(outcome === "ok" ? "info" : "warn", { tool, duration_ms: durationMs, outcome, ...faultFields(error) });
}

/** An error without texts that could quote a task: its code, or its stack when it is a fault of ours. */
function faultFields(error: unknown): Record<string, unknown> {
  if (error === undefined) return {};
  if (error instanceof ServerError) return { code: error.code };
  if (error instanceof NoAnswerError) return { code: error.reason };
  if (error instanceof CallFault) return { code: "BAD_CALL" };
  return { code: "FAULT", stack: error instanceof Error ? error.stack : String(error) };
}

function log(level: "info" | "warn" | "error", fields: Record<string, unknown>): void {
  process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), level, ...fields })}\n`);
}
