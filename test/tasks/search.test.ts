import { expect, it } from "vitest";
import type { Context } from "../../src/access/viewer.ts";
import { addTasks } from "../../src/tasks/add.ts";
import { MOST_RANKED, MOST_WORDS, type SearchTasks, searchTasks } from "../../src/tasks/search.ts";
import { startTestServer } from "../support/server.ts";
import { seedTasks, type VerbTest, verbTest } from "../support/verbs.ts";

const search = (ctx: Context, text: string, more: Partial<SearchTasks> = {}) =>
  searchTasks(ctx, { text, fields: [], ...more });
const found = async (ctx: Context, text: string, more?: Partial<SearchTasks>) =>
  (await search(ctx, text, more)).edges.map(({ node }) => node.taskId);

async function seedTexts(t: VerbTest, texts: readonly object[], projectId = "alpha") {
  await addTasks(t.as(), {
    projectId,
    createProject: true,
    tasks: texts.map((text) => ({ description: "x", ...text })),
  });
}

it("puts first what has the words in its title, as words of their own, and of equals the newest", async () => {
  const t = await verbTest();
  await seedTexts(t, [
    { contextNotes: "see login" },
    { title: "Form", description: "the login of users" },
    { title: "Relogins" },
    { title: "Fix (Login)" },
    { description: "Login is slow" },
    { title: "Other" },
  ]);
  expect(await found(t.as(), "LOGIN")).toEqual(["TASK-005", "TASK-004", "TASK-003", "TASK-002", "TASK-001"]);
});

it("asks for every word, and prefers them in a row", async () => {
  const t = await verbTest();
  await seedTexts(t, [
    { title: "Page after login" },
    { title: "login page" },
    { title: "page of login" },
    { title: "login" },
  ]);
  expect(await found(t.as(), " login  page ")).toEqual(["TASK-002", "TASK-003", "TASK-001"]);
  expect(await found(t.as(), "page log")).toHaveLength(3);
});

it("finds the task of an ID that is typed first, and that of an artifact", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 47);
  await seedTexts(t, [
    { title: "TASK-046 again" },
    { artifactId: "HLS-012" },
    { title: "hls-012", description: "HLS-012" },
  ]);
  expect(await found(t.as(), "task-046")).toEqual(["TASK-046", "TASK-048"]);
  expect(await found(t.as(), "hls-012")).toEqual(["TASK-049", "TASK-050"]);
});

it("takes words as they are, whatever signs stand in them", async () => {
  const t = await verbTest();
  await seedTexts(t, [{ title: "C++ (a|b)* 100%_\\" }, { title: "C" }]);
  for (const word of ["c++", "(a|b)*", "100%_\\", "\\", "%"])
    expect([word, await found(t.as(), word)]).toEqual([word, ["TASK-001"]]);
});

it("goes on page by page without skipping or repeating", async () => {
  const t = await verbTest();
  await seedTexts(
    t,
    Array.from({ length: 7 }, (_, i) => (i % 2 ? { title: "needle" } : { description: `a needle ${i}`, title: "y" })),
  );
  const all = await found(t.as(), "needle");
  expect(all).toEqual(["TASK-006", "TASK-004", "TASK-002", "TASK-007", "TASK-005", "TASK-003", "TASK-001"]);
  const paged: string[] = [];
  for (let after: string | null | undefined; after !== null; ) {
    const { edges, pageInfo } = await search(t.as(), "needle", { first: 2, after: after ?? null });
    paged.push(...edges.map(({ node }) => node.taskId));
    after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
  }
  expect(paged).toEqual(all);
  expect(await (await search(t.as(), "needle", { first: 1 })).totalCount()).toBe(7);
});

it("refuses a text without words or with too many, and projects that are not seen", async () => {
  const t = await verbTest();
  await seedTexts(t, [{ title: "needle" }]);
  await seedTexts(t, [{ title: "needle" }], "beta");
  const words = (count: number) => Array<string>(count).fill("needle").join(" ");
  expect(await found(t.as(), words(MOST_WORDS))).toHaveLength(2);
  for (const text of ["", " \t", words(MOST_WORDS + 1), "a\0b"])
    await expect(search(t.as(), text)).rejects.toMatchObject({ code: "BAD_USER_INPUT" });
  const limited = t.as({ projectIds: ["alpha"] });
  expect((await search(limited, "needle")).edges.map(({ node }) => node.projectId)).toEqual(["alpha"]);
  for (const projectId of ["beta", "gamma"]) {
    await expect(search(limited, "needle", { projects: [projectId] })).rejects.toMatchObject({
      code: "PROJECT_NOT_FOUND",
    });
    await expect(search(limited, "needle", { filter: { projects: [projectId] } })).rejects.toMatchObject({
      code: "PROJECT_NOT_FOUND",
    });
  }
  expect(await found(t.as(), "needle", { filter: { status: { eq: "completed" } } })).toEqual([]);
});

it("asks the index of texts, of 1,200 tasks", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1_200);
  await t.owner.query("UPDATE tasks SET title = 'needle' WHERE task_id IN ('TASK-600', 'TASK-1200')");
  await t.owner.query("VACUUM ANALYZE tasks, task_texts");
  const plans: string[] = [];
  const ctx = t.as();
  const explaining: Context = {
    ...ctx,
    db: {
      ...ctx.db,
      read: async (statement, values = []) => {
        const text = typeof statement === "string" ? statement : statement.text;
        const { rows } = await t.owner.query(`EXPLAIN ${text}`, [...values]);
        plans.push(JSON.stringify(rows));
        return ctx.db.read(statement, values);
      },
    },
  };
  expect(await found(explaining, "needle", { projects: ["alpha"] })).toHaveLength(2);
  expect(plans.filter((plan) => plan.includes("Bitmap Index Scan on idx_task_texts"))).toHaveLength(1);
  expect(plans.filter((plan) => /Seq Scan on task/.test(plan))).toEqual([]);
});

it("compares 5,000 of what is found, the newest, and reads no others, of 7,000 tasks", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 7_000);
  await t.owner.query("UPDATE tasks SET title = 'o r k w work' WHERE task_id IN ('TASK-2000', 'TASK-2001')");
  await t.owner.query("VACUUM ANALYZE tasks, task_texts");
  const read: number[] = [];
  const ctx = t.as();
  const explaining: Context = {
    ...ctx,
    db: {
      ...ctx.db,
      read: async (statement, values = []) => {
        const text = typeof statement === "string" ? statement : statement.text;
        const { rows } = await t.owner.query(`EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF) ${text}`, [...values]);
        read.push(
          ...JSON.stringify(rows)
            .matchAll(/ on tasks? t\S* .*?rows=([\d.]+) loops=(\d+)/g)
            .map(([, n, loops]) => Number(n) * Number(loops)),
        );
        return ctx.db.read(statement, values);
      },
    },
  };
  const [first, second] = await found(explaining, "work o r k w");
  expect([first, second]).toEqual(["TASK-2001", "TASK-7000"]);
  expect(Math.max(...read)).toBeLessThan(1.2 * MOST_RANKED);
});

it("is asked for by its names, and tells how well each fits", async () => {
  const server = await startTestServer();
  await server.ask(`mutation { addTasks(input: {projectId: "alpha", createProject: true, tasks: [
    {description: "the login"}, {title: "Login", description: "x"}]}) { taskIds } }`);
  const asked = `searchTasks(text: "login", projects: ["alpha"], first: 10)`;
  const { searchTasks: page } = await server.ask<{ searchTasks: { edges: { rank: number }[] } }>(
    `{ ${asked} { totalCount nodes { taskId } edges { rank cursor node { title } } pageInfo { endCursor } } }`,
  );
  expect(page).toMatchObject({ totalCount: 2, nodes: [{ taskId: "TASK-002" }, { taskId: "TASK-001" }] });
  expect(page.edges[0]?.rank).toBeGreaterThanOrEqual(page.edges[1]?.rank ?? Number.POSITIVE_INFINITY);
});
