import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { instantOrSpan, listed, seconds, whole } from "../../cli/shell/options.ts";
import { readPlan } from "../../cli/shell/plan-file.ts";
import type { Shell } from "../../cli/shell/shell.ts";
import { table } from "../../cli/shell/table.ts";
import { cut, fromNow, plain, widthOf, wrap } from "../../cli/shell/text.ts";
import { readUsage } from "../../cli/work/usage.ts";
import { makeTemporaryFolder } from "../support/temporary-folder.ts";

const shell = (columns: number, colours = false) =>
  ({ columns, colours, now: () => Date.parse("2026-11-28T12:00:00Z") }) as Shell;

describe("what is printed", () => {
  test("fits into the columns of a terminal, also where a letter takes two", () => {
    expect([widthOf("abc"), widthOf("日本"), widthOf("é"), widthOf("👩‍💻x"), widthOf("")]).toEqual([3, 4, 1, 3, 0]);
    expect([cut("abcdef", 6), cut("abcdef", 5), cut("日本語", 5), cut("ab cd", 4)]).toEqual([
      "abcdef",
      "abcd…",
      "日本…",
      "ab…",
    ]);
    const rows = [
      { name: "日本語のプロジェクト", note: "x".repeat(50) },
      { name: "b", note: "" },
    ];
    const columns = [
      { head: "NAME", cell: (row: { name: string }) => row.name, style: () => "green" as const },
      { head: "N", cell: () => 7, right: true },
      { head: "NOTE", cell: (row: { note: string }) => row.note, shrinks: true },
    ];
    const lines = table(shell(40), columns, rows).trimEnd().split("\n");
    expect(lines).toEqual([
      "NAME                  N  NOTE",
      `日本語のプロジェクト  7  ${"x".repeat(14)}…`,
      "b                     7",
    ]);
    expect(table(shell(40, true), columns, rows)).toContain("\u001b[32mb\u001b[39m");
    expect(wrap("one two three\n\nfour", 8)).toEqual(["one two", "three", "", "four"]);
  });

  test("is on one line, without what a terminal obeys", () => {
    expect(plain(" a\u001b[31mb\r\nc\u202ed\u0000 ")).toBe("a [31mb c d");
    const ago = (instant: string) => fromNow(shell(80), instant);
    expect(["12:00:03", "11:59:30", "11:30:00", "14:00:00"].map((time) => ago(`2026-11-28T${time}Z`))).toEqual([
      "now",
      "30 s ago",
      "30 min ago",
      "in 2 h",
    ]);
    expect(ago("2026-11-25T12:00:00Z")).toBe("3 d ago");
  });
});

describe("what is typed", () => {
  test("is understood as spans, instants, numbers and lists, or refused", () => {
    expect(["90", "90s", "15m", "15min", "2h", "1d"].map(seconds)).toEqual([90, 90, 900, 900, 7_200, 86_400]);
    for (const bad of ["0", "", "-1s", "1w", "soon"]) expect(() => seconds(bad)).toThrow("must be a span");
    expect(["30s", "2h", "5min", "1d", "-P1W", "2026-11-28"].map(instantOrSpan)).toEqual([
      "-PT30S",
      "-PT2H",
      "-PT5M",
      "-P1D",
      "-P1W",
      "2026-11-28T00:00:00.000Z",
    ]);
    expect(() => instantOrSpan("yesterday")).toThrow("must be a span");
    expect([whole(1, 3)("1"), whole(1, 3)("3")]).toEqual([1, 3]);
    for (const bad of ["0", "4", "1.5", "", "two"]) expect(() => whole(1, 3)(bad)).toThrow("from 1 to 3");
    expect(listed("c, d,", listed("a"))).toEqual(["a", "c", "d"]);
  });

  test("is a plan in JSON or in Markdown", () => {
    const tasks = [{ description: "a" }];
    expect(readPlan(JSON.stringify(tasks), "f")).toEqual(tasks);
    expect(readPlan(JSON.stringify({ tasks }), "f")).toEqual(tasks);
    const markdown =
      "Intro\n\n1. First\n   * Part {#p} (depends on first-of-all)\n\t\t- [X] ticked\n\t\t\t- below it\n+ Second (after: p)";
    expect(readPlan(markdown, "f")).toEqual([
      { key: "item-1", description: "First" },
      { key: "p", description: "Part", parentKey: "item-1", dependsOn: ["first-of-all"] },
      { key: "item-3", description: "below it" },
      { key: "item-4", description: "Second", dependsOn: ["p"] },
    ]);
    expect(() => readPlan("[{]", "plan.json")).toThrow(/^plan.json is not valid JSON/);
    expect(() => readPlan("[1]", "f")).toThrow("item 0 must be an object");
    expect(() => readPlan("words", "f")).toThrow("holds no task");
  });

  test("is usage as Docket names it, or as an agent reports it", async () => {
    const file = join(await makeTemporaryFolder("usage"), "usage.json");
    const read = async (content: string) => {
      await writeFile(file, content);
      return readUsage(file);
    };
    expect(readUsage(file)).toBeUndefined();
    expect(await read(" ")).toBeUndefined();
    expect(await read('{"inputTokens": 1, "costUsd": 0.5, "model": "m"}')).toEqual({
      inputTokens: 1,
      costUsd: 0.5,
      model: "m",
    });
    expect(await read('{"usage": {"input_tokens": 1, "output_tokens": 2}, "total_cost_usd": 3}')).toEqual({
      inputTokens: 1,
      outputTokens: 2,
      costUsd: 3,
    });
    for (const bad of ["no", "1", "{}", '{"costUsd": -1}', '{"inputTokens": "1"}'])
      await expect(read(bad)).rejects.toThrow();
  });
});
