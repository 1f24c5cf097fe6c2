import { quoted } from "./text.ts";

/** The words of callers who do not speak GraphQL. */
export interface Vocabulary {
  /** Every argument by its name in GraphQL: `projectId` is `project_id`. */
  readonly arguments: ReadonlyMap<string, string>;
  /** Every choice of an argument: `in_progress`, in GraphQL `IN_PROGRESS`. */
  readonly choices: ReadonlySet<string>;
}

export const vocabularyOf = (names: readonly string[], choices: readonly string[]): Vocabulary => ({
  arguments: new Map(names.map((name) => [camelCase(name), name])),
  choices: new Set(choices),
});

function camelCase(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** How GraphQL says that a scalar refused a value. */
const INVALID_VARIABLE = /^Variable "\$input" got invalid value .* at "input\.([^"]+)"; (.+)$/s;
/** How much of the caller's own words a message repeats, in UTF-16 units. */
const LONGEST_QUOTED = 200;

/** Stands before a word of GraphQL that no caller knows; no message can hold it. */
const FOREIGN = "\0";

/**
 * A message of the server in the words of a caller: GraphQL's names become those of arguments, and a further sentence
 * that is about anything else of GraphQL (`Create it with createProject`) is left out. What stands in quotes or among
 * the error's values is somebody's data and stays as it is, and so does an ID.
 */
export function wordedBy(
  { arguments: argumentOf, choices }: Vocabulary,
  message: string,
  values: Readonly<Record<string, unknown>> = {},
): string {
  const data = textsIn(values).filter((text) => /[a-z][A-Z]/.test(text));
  const kept = data
    .toSorted((a, b) => b.length - a.length)
    .map((text) => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  const words = new RegExp(
    `"(?:[^"\\\\]|\\\\.)*"|${[...kept, ""].join("|")}\\b(?:[a-z]+(?:[A-Z][a-z0-9]*)+|[A-Z]+(?:_[A-Z]+)*)\\b(?!-\\d)`,
    "g",
  );
  const said = message.replace(INVALID_VARIABLE, "$1: $2").replaceAll(words, (word) => {
    if (word.startsWith('"')) return word.length > LONGEST_QUOTED ? quoted(word.slice(1, -1)) : word;
    if (data.includes(word)) return word;
    if (word === word.toUpperCase()) return choices.has(word.toLowerCase()) ? word.toLowerCase() : word;
    return argumentOf.get(word) ?? `${FOREIGN}${word.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;
  });
  const [first = "", ...further] = said.split(/(?<=[.!?]) (?=[A-Z])/);
  return [first, ...further.filter((sentence) => !sentence.includes(FOREIGN))].join(" ").replaceAll(FOREIGN, "");
}

/** Values of an error that are sentences of the server itself. */
const SENTENCES = new Set(["faults", "remedy"]);

function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => (SENTENCES.has(name) ? [] : textsIn(member)));
}
