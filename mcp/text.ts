/** Made when the first text is cut: that takes about as long as all else of this folder. */
let segmenter: Intl.Segmenter | undefined;
const graphemes = (text: string) => {
  segmenter ??= new Intl.Segmenter("en", { granularity: "grapheme" });
  return segmenter.segment(text);
};

/** A character longer than this (in UTF-16 units) is a stack of marks, of which any part is worth showing. */
const LONGEST_CHARACTER = 64;

/**
 * The last place at or before `most` (in UTF-16 units) where the text may be cut: between characters as people see
 * them, so that neither an emoji of several code points nor a surrogate pair is halved.
 */
export function boundary(text: string, most: number): number {
  if (most >= text.length) return text.length;
  if (most <= 0) return 0;
  const start = graphemes(text.slice(0, most + LONGEST_CHARACTER)).containing(most)?.index ?? most;
  if (most - start <= LONGEST_CHARACTER) return start;
  const splitsPair = isHighSurrogate(text.charCodeAt(most - 1)) && isLowSurrogate(text.charCodeAt(most));
  return splitsPair && most > 1 ? most - 1 : most;
}

const isHighSurrogate = (unit: number) => unit >= 0xd800 && unit < 0xdc00;
const isLowSurrogate = (unit: number) => unit >= 0xdc00 && unit < 0xe000;

/** The text with at most so many UTF-16 units, and an ellipsis if something was cut. */
export function shortened(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, boundary(text, most))}…`;
}

/** For messages that repeat what a caller wrote. */
export function quoted(value: unknown): string {
  return shortened(JSON.stringify(value) ?? String(value), 60);
}

/** The server's limit for the name of a worker, in UTF-16 units. */
const LONGEST_NAME = 100;

/** A name of any length and content as the server takes it; undefined when nothing is left. */
export function workerName(name: string | undefined): string | undefined {
  const storable = name?.replaceAll(/[\0\p{Cs}]/gu, "").trim();
  return storable?.slice(0, boundary(storable, LONGEST_NAME)) || undefined;
}
