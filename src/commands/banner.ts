import { shellWord } from "./shell-word.ts";

/** What the banner tells. Paths are absolute. */
export interface BannerFacts {
  readonly version: string;
  /** The server's address without a path. */
  readonly url: string;
  /** "PostgreSQL of its own, in …" or "PostgreSQL at …", without a password. */
  readonly database: string;
  readonly adminKeyFile: string;
  readonly agentKeyFile: string;
  /** Works once. */
  readonly signInUrl: string;
  readonly signInMinutes: number;
  readonly notices: readonly string[];
  /** The Node that came with this clone, and the command it runs: snippets must work in any folder. */
  readonly node: string;
  readonly cli: string;
}

/** What a person sees when the server is up: where everything is, and how to connect an agent. */
export function renderBanner(facts: BannerFacts): string {
  const { version, url, database, adminKeyFile, agentKeyFile, signInUrl, signInMinutes, notices } = facts;
  return [
    "",
    `Docket ${version} is running.`,
    "",
    `  Sign in    ${signInUrl}`,
    `             (works once, within ${signInMinutes} minutes; later: ${url}/sign-in)`,
    `  GraphiQL   ${url}/graphql`,
    `  MCP        ${url}/mcp`,
    `  Health     ${url}/health`,
    `  Database   ${database}`,
    `  Admin key  ${adminKeyFile}`,
    `  Agent key  ${agentKeyFile}`,
    ...notices.flatMap((notice) => ["", `  Note: ${notice}`]),
    "",
    "Connect Claude Code, from any folder (stdio, keeps leases alive while it works):",
    "",
    indent(claudeStdio(facts)),
    "",
    "or over HTTP:",
    "",
    indent(claudeHttp(facts)),
    "",
    "Other MCP clients, as JSON (stdio):",
    "",
    indent(JSON.stringify({ mcpServers: { docket: stdioServer(facts) } }, null, 2)),
    "",
    "or HTTP, with the agent key in place of the dots:",
    "",
    indent(JSON.stringify({ mcpServers: { docket: httpServer(facts) } }, null, 2)),
    "",
    "With the tools for vendors, deployments and work items as well (toolset tracking):",
    "",
    indent(claudeStdio(facts, "default,tracking")),
    "",
    "Ctrl-C stops everything.",
    "",
  ].join("\n");
}

function claudeStdio({ node, cli, agentKeyFile, url }: BannerFacts, toolsets?: string): string {
  const env = [`DOCKET_URL=${url}`, `DOCKET_API_KEY_FILE=${agentKeyFile}`].map((pair) => `--env ${shellWord(pair)}`);
  // The server's name comes before --env, which would otherwise take it for another pair.
  return `claude mcp add docket ${env.join(" ")} -- ${shellWord(node)} ${shellWord(cli)} mcp${toolsets ? ` --toolsets ${toolsets}` : ""}`;
}

function claudeHttp({ url, agentKeyFile }: BannerFacts): string {
  const key = `$(cat ${shellWord(agentKeyFile)})`;
  return `claude mcp add --transport http docket ${shellWord(`${url}/mcp`)} --header "Authorization: Bearer ${key}"`;
}

function stdioServer({ node, cli, url, agentKeyFile }: BannerFacts) {
  return { command: node, args: [cli, "mcp"], env: { DOCKET_URL: url, DOCKET_API_KEY_FILE: agentKeyFile } };
}

function httpServer({ url }: BannerFacts) {
  return { type: "http", url: `${url}/mcp`, headers: { Authorization: "Bearer dk_…" } };
}

function indent(text: string): string {
  return text.replace(/^/gm, "  ");
}
