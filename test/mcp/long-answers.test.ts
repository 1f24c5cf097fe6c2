import { randomBytes } from "node:crypto";
import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fitTexts } from "../../mcp/fit.ts";
import { shortened } from "../../mcp/text.ts";
import { connectOverHttp } from "../support/mcp-client.ts";
import { connectOwner } from "../support/owner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { connectTools } from "./connect.ts";

const MOST_TOKENS = 20_000;
const FAMILY = "👨‍👩‍👧‍👦";

/** So many characters, each made from a random number below `size`. */
const random = (size: number, from: (n: number) => string, length = 40_000) =>
  Array.from({ length }, () => from(Math.floor(Math.random() * size))).join("");

const USUAL: Record<string, string> = {
  prose: "The quick brown fox jumps over the lazy dog; it did so twice.\n".repeat(1_600),
  code: 'if (a[i] !== b.c) {\n  throw new Error("no such thing: " + x_1);\n}\n'.repeat(1_600),
  Chinese: "他们在学校里学习数学和科学知识，今天天气很好。".repeat(2_000),
  Korean: "오늘은 날씨가 좋아서 공원에서 산책을 했습니다. ".repeat(2_000),
  Arabic: "ذهب الأولاد إلى المدرسة صباح اليوم. ".repeat(2_000),
  emoji: random(80, (n) => String.fromCodePoint(0x1f600 + n)),
  families: FAMILY.repeat(5_000),
  base64: randomBytes(75_000).toString("base64"),
  hexadecimal: randomBytes(50_000).toString("hex"),
};
const ODD: Record<string, string> = {
  "random letters": random(26, (n) => String.fromCharCode(0x61 + n)),
  "letters without pairs": "q j x z ".repeat(9_000).replaceAll(" ", ""),
  "signs of ASCII": random(94, (n) => String.fromCharCode(0x21 + n)),
  "control characters": random(32, (n) => String.fromCharCode(n + 1)),
  "rare ideographs": random(0x19b5, (n) => String.fromCharCode(0x3400 + n)),
  "private characters": random(6_400, (n) => String.fromCharCode(0xe000 + n)),
  "unused planes": random(0x30000, (n) => String.fromCodePoint(0x40000 + n)),
  marks: "e".concat("\u0301".repeat(90_000)),
};

describe("the room of an answer", () => {
  const answered = (text: string) => JSON.stringify(fitTexts((most) => ({ attempt: 1, text: shortened(text, most) })));

  test.each(Object.entries(USUAL))("holds %s in both its forms within 20,000 tokens", (_, text) => {
    const tokens = countTokens(answered(text));
    expect(2 * tokens).toBeLessThanOrEqual(MOST_TOKENS);
    expect(tokens).toBeGreaterThan(1_000);
  });

  test.each(Object.entries(ODD))("holds %s within 20,000 tokens", (_, text) => {
    expect(countTokens(answered(text))).toBeLessThanOrEqual(MOST_TOKENS);
  });
});

describe("a task of any size", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ keepOpen: true });
  });
  afterAll(() => server.close());

  /** Calls a tool and holds what a model gets to the limit. */
  async function connect(defaultProject: string) {
    const tools = await connectTools({ ...server, defaultProject, holds: true });
    return {
      [Symbol.asyncDispose]: () => tools[Symbol.asyncDispose](),
      async call<Data>(tool: string, args: Record<string, unknown> = {}) {
        const { failed, text, data } = await tools.call(tool, args);
        expect(failed && text).toBe(false);
        expect(countTokens(text)).toBeLessThanOrEqual(MOST_TOKENS);
        expect(text.isWellFormed()).toBe(true);
        return { text, data: data as Data };
      },
    };
  }

  interface Part {
    readonly text: string;
    readonly next_offset?: number;
  }

  /** A member of a task, read to its end with get_task. */
  async function readWhole(tools: Awaited<ReturnType<typeof connect>>, field: string): Promise<string> {
    const parts: string[] = [];
    let offset: number | undefined = 0;
    while (offset !== undefined) {
      const part: { data: Part } = await tools.call<Part>("get_task", { task_id: "TASK-001", field, offset });
      parts.push(part.data.text);
      offset = part.data.next_offset;
    }
    expect(parts.every((part) => part.isWellFormed() && !/^[\u200d\ufe0f]|\u200d$/u.test(part))).toBe(true);
    expect(parts.length).toBeGreaterThan(1);
    return parts.join("");
  }

  test("with six checkpoints of 64 kB is claimed, read to the last character and completed", async () => {
    await using tools = await connect("large");
    const description = `${FAMILY}日本`.repeat(7_692).slice(0, 99_996);
    const long = {
      context_notes: "n".repeat(100_000),
      inputs: Array.from({ length: 100 }, (_, n) => `${n}`.padEnd(500, "i")),
    };
    await tools.call("add_task", { tasks: [{ description, ...long, labels: ["l".repeat(100)] }] });
    for (let attempt = 1; attempt <= 6; attempt += 1) {
      await tools.call("get_next_task");
      await tools.call("renew_task_lease", { task_id: "TASK-001", checkpoint: { attempt, log: "🚀".repeat(16_000) } });
      // Each part of them is cut from all of them, so that ten times the notes would take a hundred times as long to read.
      const notes = `${attempt} ${"because ".repeat(attempt === 1 ? 12_000 : 1_200)}`;
      await tools.call("update_task_status", { task_id: "TASK-001", status: "pending", notes });
    }

    const { text, data } = await tools.call<{ attempt: unknown; read_on: string[] }>("get_next_task");
    expect(text.indexOf('"attempt"')).toBeLessThan(100);
    expect(text.indexOf('"read_on"')).toBeLessThan(text.indexOf('"description"'));
    expect(data.read_on.map((hint) => hint.split(":")[0])).toEqual([
      ...["inputs", "description", "context_notes", "checkpoint", "attempts"],
    ]);
    expect(data.read_on[1]).toMatch(
      /^description: \d+ of 99996 characters are here; get_task with project_id large, field description and /,
    );

    expect(await readWhole(tools, "description")).toBe(description);
    expect(JSON.parse(await readWhole(tools, "inputs"))).toEqual(long.inputs);
    expect(JSON.parse(await readWhole(tools, "checkpoint"))).toEqual({ attempt: 6, log: "🚀".repeat(16_000) });
    const attempts = JSON.parse(await readWhole(tools, "attempts")) as { notes?: string }[];
    expect(attempts.map(({ notes }) => Number(notes?.split(" ")[0]))).toEqual(
      [...Array(6).keys()].map((n) => n + 1).concat(Number.NaN),
    );

    const overview = await tools.call<{ task: object }>("get_task", { task_id: "TASK-001" });
    expect(overview.data.task).toMatchObject({ task_id: "TASK-001", status: "in_progress", labels: ["l".repeat(100)] });
    const done = { task_id: "TASK-001", status: "completed", notes: "done ".repeat(20_000) };
    expect((await tools.call("update_task_status", done)).data).toMatchObject({
      updated_task: { status: "completed" },
    });
  });

  test("tells the last checkpoint of its latest hundred attempts, and looks no further", async () => {
    await server.ask(`mutation { createProject(input: {projectId: "tried", name: "Tried"}) { replayed } }`);
    const owner = await connectOwner(server.test);
    await owner.query(
      `INSERT INTO tasks (project_id, task_id, description, attempts) VALUES ('tried', 'TASK-001', 'a', 130)`,
    );
    await owner.query(
      `INSERT INTO task_attempts (project_id, task_id, attempt, actor, lease_expires_at, ended_at, outcome, checkpoint)
       SELECT 'tried', 'TASK-001', n, 'a', now(), now(), 'released', CASE WHEN n <= 31 THEN jsonb_build_object('n', n) END
       FROM generate_series(1, 130) n`,
    );
    await using tools = await connect("tried");
    const read = async (field: object) =>
      (await tools.call<{ text?: string; checkpoint?: object }>("get_task", { task_id: "TASK-001", ...field })).data;
    const checkpoint = async () => [(await read({})).checkpoint, (await read({ field: "checkpoint" })).text];
    expect(await checkpoint()).toEqual([{ n: 31 }, '{"n":31}']);
    await owner.query("UPDATE task_attempts SET checkpoint = NULL WHERE project_id = 'tried' AND attempt = 31");
    expect(await checkpoint()).toEqual([undefined, ""]);
  });

  test("is one of many in a list that is read to its end, each task once", async () => {
    await server.ask(`mutation { createProject(input: {projectId: "many", name: "Many"}) { replayed } }`);
    const owner = await connectOwner(server.test);
    await owner.query(
      `INSERT INTO tasks (project_id, task_id, title, description, labels)
       SELECT 'many', 'TASK-' || lpad(n::text, 3, '0'), 'Title ' || n, repeat('語🚀 words', 5000), array_fill('label'::text, ARRAY[50])
       FROM generate_series(1, 45) n`,
    );
    await using tools = await connect("many");
    for (const detail of ["concise", "full"]) {
      const seen: string[] = [];
      let pages = 0;
      for (let cursor: string | undefined, more = true; more; pages++) {
        const { data } = await tools.call<{ tasks: Record<string, string>[]; next_cursor?: string; read_on: string }>(
          "list_tasks",
          { detail, limit: 100, cursor: cursor ?? null },
        );
        expect(data.read_on).toContain("get_task");
        for (const task of data.tasks) {
          seen.push(task["task_id"] ?? "");
          expect(task["title"]).toMatch(/^Title/);
          expect(task["description"]).toMatch(/^語🚀 words.*…$/u);
        }
        cursor = data.next_cursor;
        more = cursor !== undefined;
      }
      expect(pages).toBeGreaterThan(1);
      expect(seen).toEqual(Array.from({ length: 45 }, (_, n) => `TASK-${String(n + 1).padStart(3, "0")}`));
    }
  });

  test("is listed and read on in over HTTP too where one call has to read more than one request may", async () => {
    await server.ask(`mutation { createProject(input: {projectId: "heavy", name: "Heavy"}) { replayed } }`);
    const owner = await connectOwner(server.test);
    await owner.query(`INSERT INTO tasks (project_id, task_id, description, context_notes, attempts)
       SELECT 'heavy', 'TASK-' || lpad(n::text, 3, '0'), 'work', repeat('x', 900000), 102 FROM generate_series(1, 20) n`);
    await owner.query(`INSERT INTO task_attempts
        (project_id, task_id, attempt, actor, claimed_at, lease_expires_at, ended_at, outcome, notes)
      SELECT 'heavy', 'TASK-001', n, 'x', now(), now(), now(), 'released', n || repeat('🚀', 50000)
      FROM generate_series(1, 102) n`);
    const client = await connectOverHttp(server);
    const call = async (name: string, args: object) => {
      const answer = await client.callTool({ name, arguments: { ...args, project_id: "heavy" } });
      expect(answer.isError === true && answer.content).toBe(false);
      return answer.structuredContent as Record<string, unknown>;
    };
    const seen: unknown[] = [];
    for (let cursor: unknown = null; cursor !== undefined; ) {
      const { tasks, next_cursor } = await call("list_tasks", { detail: "full", limit: 100, cursor });
      seen.push(...(tasks as { task_id: string }[]).map(({ task_id }) => task_id));
      cursor = next_cursor;
    }
    expect(new Set(seen).size).toBe(20);
    expect(seen).toHaveLength(20);
    // The latest hundred of them are 20 MB.
    const attempts = await call("get_task", { task_id: "TASK-001", field: "attempts" });
    expect(attempts["text"]).toMatch(/^\[\{"number":3,/);
    expect(attempts["characters"]).toBeGreaterThan(100 * 100_000);
  });

  test("leaves events that are all seen, page by page", async () => {
    await using tools = await connect("busy");
    const { data: start } = await tools.call<{ cursor: string }>("wait_for_changes", {
      wait_seconds: 0,
      all_projects: true,
    });
    const tasks = Array.from({ length: 100 }, (_, n) => ({ description: `${n}` }));
    for (const _ of [1, 2]) await tools.call("add_task", { tasks });
    const numbers: number[] = [];
    for (let cursor = start.cursor, caughtUp = false; !caughtUp; ) {
      const args = { cursor, limit: 100, wait_seconds: 0 };
      const { data } = await tools.call<{ cursor: string; caught_up: boolean; events: { number: number }[] }>(
        "wait_for_changes",
        args,
      );
      numbers.push(...data.events.map(({ number }) => number));
      ({ cursor, caught_up: caughtUp } = data);
    }
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
    expect(numbers.length).toBeGreaterThanOrEqual(201);
  });

  test("is no matter of how many projects one call made", async () => {
    await using tools = await connect("alpha");
    const names = Array.from({ length: 100 }, (_, n) => `${"m".repeat(96)}-${n + 100}`);
    const tasks = names.map((project_id) => ({ description: "x", project_id, status: "in_progress" }));
    const { data } = await tools.call<{ next: string }>("add_task", { tasks });
    expect(data).toMatchObject({ project_ids: names, created: true, tasks_added: 100 });
    expect(data.next).toContain("and 97 more");
  });
});
