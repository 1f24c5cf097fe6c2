declare global {
  interface JSON {
    /** A value that is written as this text. */
    rawJSON(text: string): object;
    isRawJSON(value: unknown): boolean;
  }
}

/** Only such texts can hold a number that is beyond double precision; most hold none and are parsed at full speed. */
const SUSPICIOUS = /[\d.]{16}|\d[eE]/;

/** Like JSON.parse, but for `keepExactly`. @throws SyntaxError */
export function parseExactly(text: string): unknown {
  return SUSPICIOUS.test(text) ? JSON.parse(text, keepExactly) : JSON.parse(text);
}

/** For JSON.parse: a number that JavaScript would change stays the text it came as, for `unkept` to find. */
export function keepExactly(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const { source } = context ?? {};
  return typeof value === "number" && source !== undefined && !isExact(source) ? JSON.rawJSON(source) : value;
}

/** Whether JavaScript writes the number that it reads: 1.50 it does, 12345678901234567890 it does not. */
export function isExact(number: string): boolean {
  return digitsOf(number) === digitsOf(String(Number(number)));
}

/** The digits of a number without zeros at their ends, and the place of the last. */
function digitsOf(number: string): string {
  const [, whole = "", part = "", power = "0"] = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(number) ?? [];
  const digits = (whole + part).replace(/^0+/, "");
  // Looking behind keeps the expression from starting anew at each zero of a long row.
  const kept = digits.replace(/(?<!0)0+$/, "");
  return kept === "" ? whole : `${kept}e${Number(power) - part.length + digits.length - kept.length}`;
}

export const inexact = (number: string) =>
  `the number ${number.length > 60 ? `${number.slice(0, 60)}…` : number}, which is beyond double precision: send it as text.`;

export const UNSAFE_NAME = "a member named __proto__, which would not be kept: give it another name.";

/** What a value contains that would not stay as it came, and what to do; undefined when there is nothing such. */
export function unkept(value: unknown): string | undefined {
  const left = [value];
  while (left.length > 0) {
    const part = left.pop();
    if (part === null || typeof part !== "object") continue;
    if (JSON.isRawJSON(part)) return inexact(JSON.stringify(part));
    if (Object.hasOwn(part, "__proto__")) return UNSAFE_NAME;
    for (const inner of Object.values(part)) left.push(inner);
  }
  return undefined;
}
