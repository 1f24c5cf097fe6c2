import { boundary } from "./text.ts";

/**
 * What an answer may cost by the rule below, a little less than half of 20,000: a note may come on top. A token of o200k
 * is never less than a byte, and no weight is less than half of its character's bytes, so whatever the text is it stays
 * below 20,000 tokens; usual texts, with base64 among them, stay below 10,000, so that clients that show a model both
 * forms of an answer keep to 20,000 too.
 */
const MOST_COST = 9_500;

const SPACE = 0x20;
const A = 0x61;
const Z = 0x7a;

/** Whether the text costs at most `most`; it does not read on beyond that. */
function costsAtMost(text: string, most = MOST_COST): boolean {
  let cost = 0;
  for (let at = 0; at < text.length && cost <= most; at += 1) {
    const unit = text.charCodeAt(at);
    // Words are few tokens for their letters; capitals, digits and signs are many.
    if (unit < 0x80) cost += unit === SPACE || (unit >= A && unit <= Z) ? 0.55 : 0.9;
    else if (unit < 0x800) cost += 1;
    // Each half of a surrogate pair, of four bytes together, counts for itself.
    else cost += unit >= 0xd800 && unit < 0xe000 ? 1 : 1.5;
  }
  return cost <= most;
}

/** Whether an answer is short enough to be given. */
export const fits = (answer: object): boolean => costsAtMost(JSON.stringify(answer));

/**
 * The largest number of a range for which this holds, if it holds for all below; the smallest if it holds for none.
 * Upwards in doubled steps, as an answer is the dearer to look at the more there is in it.
 */
function largest(least: number, most: number, holds: (value: number) => boolean): number {
  let low = least;
  let high = most;
  for (let step = least; low < high; step *= 2) {
    const next = Math.min(low + step, most);
    if (!holds(next)) {
      high = next - 1;
      break;
    }
    low = next;
  }
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (holds(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The shortest that a text is cut to, and the longest that fits, in UTF-16 units. */
export const LEAST_TEXT = 100;
const MOST_TEXT = 20_000;

/** The answer with its texts as long as fits: `build` cuts each to `most` UTF-16 units. */
export function fitTexts<Built extends object>(build: (most: number) => Built): Built {
  // No text that is longer fits.
  return build(largest(LEAST_TEXT, MOST_TEXT, (most) => fits(build(most))));
}

/** The answer with as many of the items as fit, and at least one. */
export function fitItems<Item, Built extends object>(
  items: readonly Item[],
  build: (shown: readonly Item[]) => Built,
): Built {
  return build(
    items.slice(
      0,
      largest(1, Math.max(items.length, 1), (count) => fits(build(items.slice(0, count)))),
    ),
  );
}

/** What a member says as text: itself, or as JSON what is none. Offsets count in this. */
export function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const known = texts.get(value);
  if (known !== undefined) return known;
  const text = JSON.stringify(value);
  texts.set(value, text);
  return text;
}

/** An answer is built several times until it fits, of the same values. */
const texts = new WeakMap<object, string>();

/** What an answer cuts from a task. */
export interface Cuts {
  /** Its name may be another project's too. */
  readonly project_id: string;
  /** A sentence for each member, on how to read on. */
  readonly sentences: string[];
}

/** The members, each with at most `most` UTF-16 units as text. */
export function shortMembers<Card extends object>(card: Card, most: number, cuts: Cuts): Shown<Card> {
  const members = Object.entries(card).map(([field, value]) => {
    const text = textOf(value);
    const shown = boundary(text, most);
    if (shown === text.length) return [field, value];
    cuts.sentences.push(
      `${field}: ${shown} of ${text.length} characters are here; get_task with project_id ${cuts.project_id}, field ${field} and offset ${shown} reads on.`,
    );
    return [field, `${text.slice(0, shown)}…`];
  });
  return Object.fromEntries(members) as Shown<Card>;
}

type Shown<Card> = { readonly [Member in keyof Card]: Card[Member] | string };
