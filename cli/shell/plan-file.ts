import type { AddTaskItem } from "../../client/gen/graphql.ts";
import { UsageFault } from "./exit.ts";

/** The tasks of a plan, in JSON or Markdown. @throws UsageFault saying what in it is wrong */
export function readPlan(text: string, name: string): AddTaskItem[] {
  const tasks = /^\s*[[{]/.test(text) && !/^\s*\[[ xX]\]/.test(text) ? fromJson(text, name) : fromMarkdown(text);
  if (tasks.length === 0) throw new UsageFault(`${name} holds no task: it must be a JSON or a Markdown list.`);
  return tasks;
}

function fromJson(text: string, name: string): AddTaskItem[] {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new UsageFault(`${name} is not valid JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const list = typeof content === "object" && content !== null && "tasks" in content ? content.tasks : content;
  if (!Array.isArray(list))
    throw new UsageFault(`${name} must be a list of tasks, or an object with the member tasks.`);
  // What is in each of them the server judges, and names the item and the field.
  const odd = list.findIndex((item) => typeof item !== "object" || item === null || Array.isArray(item));
  if (odd >= 0) throw new UsageFault(`${name}: item ${odd} must be an object such as {"description": "…"}.`);
  return list;
}

const ITEM = /^(\s*)(?:[-*+]|\d+[.)])\s+(?:\[([ xX])\]\s+)?(.+)$/;

interface Open {
  readonly indent: number;
  /** undefined of a ticked item: what is below it has no parent here. */
  readonly key: string | undefined;
}

/** Each item of its lists is a task, one that is indented a part of the one above it, a ticked one is done already. */
function fromMarkdown(text: string): AddTaskItem[] {
  const tasks: AddTaskItem[] = [];
  const above: Open[] = [];
  for (const line of text.split(/\r?\n/)) {
    const [, space = "", tick = " ", words] = ITEM.exec(line) ?? [];
    if (words === undefined) continue;
    const indent = space.replaceAll("\t", "    ").length;
    while ((above.at(-1)?.indent ?? -1) >= indent) above.pop();
    const { title, key = `item-${tasks.length + 1}`, after } = partsOf(words);
    const parentKey = above.at(-1)?.key;
    const ticked = tick !== " ";
    above.push({ indent, key: ticked ? undefined : key });
    if (ticked) continue;
    tasks.push({ key, description: title, ...(parentKey && { parentKey }), ...(after && { dependsOn: after }) });
  }
  return tasks;
}

/** A title with the key and what it waits for behind it, in either order. */
function partsOf(words: string): { title: string; key?: string; after?: string[] } {
  const [, key] = /\{#([^}\s]+)\}/.exec(words) ?? [];
  const [, after] = /\((?:after|depends on):?\s+([^)]+)\)/i.exec(words) ?? [];
  const title = words
    .replace(/\s*\{#[^}\s]+\}/, "")
    .replace(/\s*\((?:after|depends on):?\s+[^)]+\)/i, "")
    .trim();
  const names = after?.split(",").map((name) => name.trim());
  return { title, ...(key && { key }), ...(names && { after: names.filter((name) => name !== "") }) };
}
