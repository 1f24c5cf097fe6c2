import { styleText } from "node:util";
import type { Shell } from "./shell.ts";

type Style = Parameters<typeof styleText>[0];

/** Colours it where that is wanted. */
export const paint = ({ colours }: Pick<Shell, "colours">, style: Style, text: string): string =>
  colours ? styleText(style, text, { validateStream: false }) : text;

const CONTROL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu;

/** A text of somebody else's on one line: without what would move the cursor, colour the terminal or turn the writing round. */
export const plain = (text: string): string => text.replaceAll(CONTROL, " ").trim();

/** The same for several lines. */
export const plainLines = (text: string): string =>
  text
    .split(/\r?\n/)
    .map((line) => line.replaceAll(CONTROL, " ").trimEnd())
    .join("\n")
    .trim();

const graphemes = new Intl.Segmenter();
const WIDE =
  /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/u;

/** How many columns a terminal takes for it. */
export function widthOf(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += WIDE.test(segment) ? 2 : 1;
  return width;
}

/** As much of it as fits into so many columns, with an ellipsis where something is missing. */
export function cut(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let kept = "";
  let width = 0;
  for (const { segment } of graphemes.segment(text)) {
    width += widthOf(segment);
    if (width > columns - 1) break;
    kept += segment;
  }
  return `${kept.trimEnd()}…`;
}

/** Lines of at most so many columns, broken between words. */
export function wrap(text: string, columns: number): string[] {
  return text.split("\n").flatMap((paragraph) => {
    const lines: string[] = [];
    let line = "";
    for (const word of paragraph.split(" ")) {
      if (line !== "" && widthOf(line) + 1 + widthOf(word) > columns) {
        lines.push(line);
        line = word;
      } else line = line === "" ? word : `${line} ${word}`;
    }
    return [...lines, line];
  });
}

const UNITS: readonly (readonly [seconds: number, name: string])[] = [
  [86_400, "d"],
  [3_600, "h"],
  [60, "min"],
  [1, "s"],
];

/** Like `3 min ago` or `in 2 h`, from an instant of the server's. Clocks differ a little, so what is about now is so called. */
export function fromNow({ now }: Pick<Shell, "now">, instant: string): string {
  const seconds = Math.round((Date.parse(instant) - now()) / 1000);
  if (Math.abs(seconds) < 5) return "now";
  const [unit, name] = UNITS.find(([length]) => Math.abs(seconds) >= length) ?? [1, "s"];
  const span = `${Math.round(Math.abs(seconds) / unit)} ${name}`;
  return seconds < 0 ? `${span} ago` : `in ${span}`;
}

export const count = (number: number, one: string, many = `${one}s`): string =>
  `${number} ${number === 1 ? one : many}`;

/** A status as people write it. */
export const inWords = (value: string): string => value.toLowerCase().replaceAll("_", " ");
