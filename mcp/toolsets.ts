import { TOOLSETS, type Toolset } from "./registry.ts";
import { shortened } from "./text.ts";

/** What a client gets that chooses nothing. */
export const DEFAULT_TOOLSETS: readonly Toolset[] = ["default"];

/** A name that no toolset has; the message says which there are. */
export class UnknownToolset extends Error {
  override readonly name = "UnknownToolset";
}

const NAMES = Object.keys(TOOLSETS) as Toolset[];

/**
 * The toolsets that a list names, such as `default,tracking`, or `all`; they take the place of what is on without one.
 * @throws UnknownToolset
 */
export function readToolsets(given: string | null | undefined): readonly Toolset[] {
  const names = (given ?? "").split(",").flatMap((name) => name.trim().toLowerCase() || []);
  if (names.length === 0) return DEFAULT_TOOLSETS;
  const unknown = names.find((name) => name !== "all" && !NAMES.some((one) => one === name));
  if (unknown !== undefined)
    throw new UnknownToolset(`There is no toolset ${shortened(unknown, 60)}. Toolsets: ${NAMES.join(", ")}, or all.`);
  return names.includes("all") ? NAMES : NAMES.filter((name) => names.includes(name));
}

/** What to do about a tool whose toolset is off; undefined for one that there is not. */
export function howToSwitchOn(tool: string, on: readonly Toolset[]): string | undefined {
  const off = NAMES.find((name) => TOOLSETS[name].some((one) => one.name === tool));
  if (off === undefined) return undefined;
  const names = NAMES.filter((name) => name === off || on.includes(name)).join(",");
  return (
    `${tool} belongs to the toolset ${off}, which is off. Tell the person who runs this client: where the server is ` +
    `configured, DOCKET_TOOLSETS=${names} (or --toolsets ${names} behind mcp) switches it on, over HTTP the header X-MCP-Toolsets: ${names}.`
  );
}
