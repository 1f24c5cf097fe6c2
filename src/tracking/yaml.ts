/** A text that YAML reads as this very text, without quotes; everything else is quoted. */
const PLAIN = /^[A-Za-z][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*$/;
/** Words that YAML 1.1 or 1.2 reads as something else. */
const MEANS_ELSE = /^(?:true|false|yes|no|on|off|y|n|null)$/i;
/** What JSON leaves as it is, and YAML does not allow in a text. */
const UNPRINTABLE = /[\u007f-\u009f\u2028\u2029\ufeff]/g;

/** What JSON can hold as YAML, in its block style, a member or entry on a line of its own. */
export const toYaml = (value: unknown): string => lines(value).join("\n");

function lines(value: unknown): string[] {
  if (Array.isArray(value) && value.length > 0) return value.flatMap((entry) => under("-", entry, isNested(entry)));
  if (isNested(value))
    return Object.entries(value).flatMap(([name, member]) => under(`${scalar(name)}:`, member, false));
  return [scalar(value)];
}

/** @param beside whether what has lines of its own begins on the line of its mark. */
function under(mark: string, value: unknown, beside: boolean): string[] {
  if (!isNested(value)) return [`${mark} ${scalar(value)}`];
  const [first = "", ...rest] = lines(value).map((line) => `  ${line}`);
  return beside ? [`${mark} ${first.slice(2)}`, ...rest] : [mark, first, ...rest];
}

const isNested = (value: unknown): value is object =>
  typeof value === "object" && value !== null && Object.keys(value).length > 0;

/** JSON is YAML: so are its numbers, texts in quotes, and what is empty. */
function scalar(value: unknown): string {
  if (typeof value === "string" && PLAIN.test(value) && !MEANS_ELSE.test(value)) return value;
  return JSON.stringify(value).replaceAll(UNPRINTABLE, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
