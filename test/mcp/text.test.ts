import { expect, test } from "vitest";
import { boundary, shortened, workerName } from "../../mcp/text.ts";

const FAMILY = "👨‍👩‍👧‍👦";

test("a text is cut between characters, never within an emoji, a flag or an accent", () => {
  const text = `ab${FAMILY}🇩🇪🇫🇷e\u0301!`;
  const characters = [..."ab"].concat(FAMILY, "🇩🇪", "🇫🇷", "e\u0301", "!");
  const starts = characters.map((_, index) => characters.slice(0, index).join("").length);
  for (let most = 0; most <= text.length; most += 1) {
    const expected = [...starts, text.length].findLast((start) => start <= most);
    expect([most, boundary(text, most)]).toEqual([most, expected]);
  }
});

test("a stack of marks that never ends is cut all the same, and a pair of surrogates is not", () => {
  expect(boundary(`e${"\u0301".repeat(5_000)}`, 1_000)).toBe(1_000);
  const pairs = `a${"\u{e0100}".repeat(5_000)}`;
  expect([boundary(pairs, 1_000), boundary(pairs, 1_001)]).toEqual([999, 1_001]);
});

test("a text that fits stays whole, one that does not gets an ellipsis", () => {
  expect([shortened("abc", 3), shortened("abcd", 3), shortened(`a${FAMILY}`, 3)]).toEqual(["abc", "abc…", "a…"]);
});

test("a worker's name is cut to what the server takes", () => {
  expect(workerName("n".repeat(100))).toBe("n".repeat(100));
  expect(workerName("n".repeat(101))).toBe("n".repeat(100));
  expect(workerName(`${"n".repeat(99)}🚀`)).toBe("n".repeat(99));
  expect([workerName(undefined), workerName(" \0\ud83d "), workerName("a\0b")]).toEqual([undefined, undefined, "ab"]);
});
