import { readFileSync } from "node:fs";
import type { UsageInput } from "../../client/gen/graphql.ts";

/** What a command used, from the file that it left: undefined where it left none. @throws Error when it makes no sense */
export function readUsage(file: string): UsageInput | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
  if (text.trim() === "") return undefined;
  const content: unknown = JSON.parse(text);
  if (typeof content !== "object" || content === null) throw new Error("it must hold a JSON object");
  // An agent's own report of its run may be put there as it is: its counts are then a part of it.
  const inner = "usage" in content && typeof content.usage === "object" ? content.usage : null;
  const members = new Map<string, unknown>([...Object.entries(inner ?? {}), ...Object.entries(content)]);
  const usage = {
    inputTokens: numberOf(members, "inputTokens", "input_tokens"),
    outputTokens: numberOf(members, "outputTokens", "output_tokens"),
    costUsd: numberOf(members, "costUsd", "cost_usd", "total_cost_usd"),
  };
  if (Object.values(usage).every((value) => value === undefined))
    throw new Error("it has none of inputTokens, outputTokens and costUsd");
  const model = members.get("model");
  return { ...usage, model: typeof model === "string" ? model : undefined };
}

function numberOf(members: ReadonlyMap<string, unknown>, ...names: readonly string[]): number | undefined {
  const name = names.find((one) => members.get(one) !== undefined && members.get(one) !== null);
  if (name === undefined) return undefined;
  const value = members.get(name);
  if (typeof value !== "number" || value < 0) throw new Error(`${name} must be a number, 0 or more`);
  return value;
}
