import { expect, it } from "vitest";
import { makeProject, shareServer, type TestProject } from "../support/server.ts";

const shared = shareServer();
const start = () => makeProject(shared.server, []);

const FIELDS = "title description priority status targetQuarter requiresConstitutionalPrinciples createdBy version";
const create = (t: TestProject, input: object = {}) =>
  t.gql<{ createEnhancement: { enhancement: { enhancementId: string } } }>(
    `mutation ($input: CreateEnhancementInput!) { createEnhancement(input: $input) { enhancement { enhancementId ${FIELDS} } } }`,
    { input: { projectId: t.projectId, title: "OCR", description: "Read images", ...input } },
  );
const update = (t: TestProject, input: object) =>
  t.gql(
    `mutation ($input: UpdateEnhancementInput!) { updateEnhancement(input: $input) { enhancement { ${FIELDS} } } }`,
    { input: { projectId: t.projectId, ...input } },
  );

it("keeps what is wished for, and how far it has come", async () => {
  const t = await start();
  const { data } = await create(t, { requiresConstitutionalPrinciples: ["II", "II"] });
  const { enhancementId, ...made } = data.createEnhancement.enhancement;
  const first = {
    ...{ title: "OCR", description: "Read images", priority: 3, status: "PLANNED", targetQuarter: null },
    ...{ requiresConstitutionalPrinciples: ["II"], createdBy: "test", version: 1 },
  };
  expect(made).toEqual(first);
  const changed = { ...first, status: "APPROVED", priority: 1, targetQuarter: "2026-Q1", version: 2 };
  const given = { enhancementId, status: "APPROVED", priority: 1, targetQuarter: "2026-Q1" };
  for (let times = 0; times < 2; times++)
    expect(await update(t, given)).toEqual({ data: { updateEnhancement: { enhancement: changed } } });
  expect(
    await t.ask(`{ enhancement(enhancementId: "${enhancementId}") { ${FIELDS} history { events { type } } } }`),
  ).toEqual({
    enhancement: {
      ...changed,
      history: { events: [{ type: "enhancement.created" }, { type: "enhancement.updated" }] },
    },
  });
  expect(await update(t, { enhancementId, title: "Other", expectedVersion: 1 })).toMatchObject({
    errors: [{ message: "Enhancement was modified by another client (expected version 1, current version 2)" }],
  });
});

it("refuses what does not fit or is not there", async () => {
  const t = await start();
  for (const [input, message] of [
    [{ title: " " }, "title: must not be empty or blank"],
    [{ title: "x".repeat(201) }, "title: must have at most 200 characters"],
    [{ description: "x".repeat(10_001) }, "description: must have at most 10000 characters"],
    [{ priority: 0 }, "priority: must be at least 1"],
    [{ priority: 6 }, "priority: must be at most 5"],
    [{ targetQuarter: "2026-Q5" }, "targetQuarter: must be a quarter like 2026-Q1"],
  ] as const)
    expect(await create(t, input)).toMatchObject({ errors: [{ message, extensions: { code: "BAD_USER_INPUT" } }] });
  for (const input of [
    { priority: 1, title: "x".repeat(200) },
    { priority: 5, targetQuarter: "2026-Q4", description: "x".repeat(10_000) },
  ])
    expect(await create(t, input)).not.toHaveProperty("errors");
  const other = await start();
  const { data } = await create(other);
  for (const enhancementId of ["none", data.createEnhancement.enhancement.enhancementId])
    expect(await update(t, { enhancementId, priority: 1 })).toMatchObject({
      errors: [{ extensions: { code: "NOT_FOUND", kind: "Enhancement", id: enhancementId } }],
    });
});

it("lists enhancements by priority, or by what a filter asks for", async () => {
  const t = await start();
  for (const [title, more] of Object.entries({
    low: { priority: 5, status: "APPROVED" },
    high: { priority: 1, targetQuarter: "2026-Q1" },
    middle: { createdBy: "importer" },
  }))
    await create(t, { title, ...more });
  const titles = async (args: string) => {
    const { enhancements } = await t.ask<{ enhancements: { totalCount: number; nodes: { title: string }[] } }>(
      `{ enhancements(projectId: "${t.projectId}"${args}) { totalCount nodes { title } } }`,
    );
    return enhancements.nodes.map(({ title }) => title);
  };
  expect(await titles("")).toEqual(["high", "middle", "low"]);
  for (const [filter, found] of [
    ["status: {eq: APPROVED}", ["low"]],
    ["priority: {lte: 3}", ["high", "middle"]],
    ['targetQuarter: {null: false}, title: {contains: "IG"}', ["high"]],
    ['createdBy: {eq: "importer"}, createdAt: {gt: "-PT1H"}', ["middle"]],
    ['or: [{status: {eq: APPROVED}}, {targetQuarter: {eq: "2026-Q1"}}], updatedAt: {gt: "-PT1H"}', ["high", "low"]],
  ] as const)
    expect([filter, await titles(`, filter: {${filter}}`)]).toEqual([filter, found]);
});
