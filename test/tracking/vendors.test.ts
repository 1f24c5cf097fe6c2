import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { makeProject, shareServer, type TestProject } from "../support/server.ts";
import { seedTasks, verbTest } from "../support/verbs.ts";

const shared = shareServer();
const start = () => makeProject(shared.server, []);

const CREATE = "mutation ($input: CreateVendorInput!) { createVendor(input: $input) { vendor { vendorId version } } }";
const UPDATE = "mutation ($input: UpdateVendorInput!) { updateVendor(input: $input) { vendor { version status } } }";

const create = (t: TestProject, input: object) =>
  t.gql(CREATE, { input: { projectId: t.projectId, status: "OPERATIONAL", ...input } });
const update = (t: TestProject, input: object) => t.gql(UPDATE, { input: { projectId: t.projectId, ...input } });
const refused = (message: string, code = "BAD_USER_INPUT") => ({
  errors: [{ message, extensions: { code } }],
});

const ACME = {
  name: "Acme",
  extractorVersion: "1.2.3",
  formatSupport: { excel: true, csv: true, pdf: false, ocr: false },
  testResults: { passing: 10, total: 12, skipped: 2 },
  manifestCompliant: true,
};

it("keeps all that is said of a vendor, and finds it whatever the case of its name", async () => {
  const t = await start();
  expect(await create(t, ACME)).toMatchObject({ data: { createVendor: { vendor: { version: 1 } } } });
  const fields =
    "name status extractorVersion formatSupport { excel csv pdf ocr } testResults { passing total skipped } manifestCompliant createdBy version";
  const document = `query ($p: ID!, $name: String!) { vendor(projectId: $p, name: $name) { ${fields} } }`;
  for (const name of ["Acme", "acme", "ACME"])
    expect(await t.ask(document, { p: t.projectId, name })).toEqual({
      vendor: { ...ACME, status: "OPERATIONAL", createdBy: "test", version: 1 },
    });
  await create(t, { name: "Bare", status: "BROKEN", createdBy: "claude-code" });
  expect(await t.ask(document, { p: t.projectId, name: "bare" })).toEqual({
    vendor: {
      ...{ name: "Bare", status: "BROKEN", createdBy: "claude-code", version: 1 },
      ...{ extractorVersion: null, formatSupport: null, testResults: null, manifestCompliant: null },
    },
  });
});

it("has one vendor of a name, whatever its case, also when two add it at once", async () => {
  const t = await start();
  const answers = await Promise.all(["Acme", "ACME", "acme"].map((name) => create(t, { name })));
  expect(answers.filter(({ errors }) => errors === undefined)).toHaveLength(1);
  for (const { errors } of answers) if (errors) expect(errors[0]?.message).toMatch(/^Vendor already exists: acme$/i);
  const other = await start();
  expect(await create(other, { name: "Acme" })).not.toHaveProperty("errors");
});

it("refuses what does not fit, saying what would, and in the database too", async () => {
  const t = await start();
  for (const [input, message] of [
    [{ name: "Acme & Co" }, "name: must be letters a-z, digits, spaces, - and _"],
    [{ name: "Acme " }, "name: must not begin or end with a space"],
    [{ name: " Acme" }, "name: must not begin or end with a space"],
    [{ name: "   " }, "name: must not be empty or blank"],
    [{ name: "x".repeat(101) }, "name: must have at most 100 characters"],
    [{ name: "A", extractorVersion: "1".repeat(51) }, "extractorVersion: must have at most 50 characters"],
    [{ name: "A", testResults: { passing: 11, total: 12, skipped: 2 } }, "passing + skipped must not exceed total"],
    [{ name: "A", testResults: { passing: -1, total: 1, skipped: 0 } }, "testResults.passing: must be at least 0"],
  ] as const)
    expect(await create(t, input)).toMatchObject(refused(message));
  for (const [name, more] of [
    ["x".repeat(100), {}],
    ["a-B_9 z", { extractorVersion: "1".repeat(50), testResults: { passing: 10, total: 12, skipped: 2 } }],
  ] as const)
    expect(await create(t, { name, ...more })).not.toHaveProperty("errors");

  const { owner } = shared;
  const row = (column: string, value: string) =>
    owner.query(`INSERT INTO vendors (project_id, name, status, created_by${column === "name" ? "" : `, ${column}`})
      VALUES ('${t.projectId}', ${column === "name" ? value : "'SQL'"}, 'broken', 'x'${column === "name" ? "" : `, ${value}`})`);
  for (const [column, value] of [
    ["name", "'Acme & Co'"],
    ["name", "'  '"],
    ["name", "'Acme '"],
    ["name", "' Acme'"],
    ["extractor_version", "''"],
    ["format_support", `'{"excel": true}'`],
    ["format_support", `'{"excel": true, "csv": true, "pdf": true, "ocr": 1}'`],
    ["test_results", `'{"passing": 2, "total": 2, "skipped": 1}'`],
    ["test_results", `'{"passing": "2", "total": 2, "skipped": 0}'`],
    ["test_results", `'{"passing": 0.5, "total": 2, "skipped": 0}'`],
    ["test_results", `'{"passing": 1, "total": 2}'`],
  ] as const)
    await expect(row(column, value)).rejects.toThrow("violates check constraint");
});

it("changes what is given, counts the change and tells it, and nothing where nothing differs", async () => {
  const t = await start();
  await create(t, ACME);
  expect(await update(t, { name: "ACME", status: "BROKEN", extractorVersion: null, expectedVersion: 1 })).toEqual({
    data: { updateVendor: { vendor: { version: 2, status: "BROKEN" } } },
  });
  expect(await update(t, { name: "acme", status: "BROKEN" })).toMatchObject({
    data: { updateVendor: { vendor: { version: 2 } } },
  });
  const { vendor } = await t.ask<{ vendor: { history: { events: unknown[] } } }>(
    `query ($p: ID!) { vendor(projectId: $p, name: "acme") { history { events { type changes { field old new } } } } }`,
    { p: t.projectId },
  );
  expect(vendor.history.events).toEqual([
    { type: "vendor.created", changes: [] },
    {
      type: "vendor.updated",
      changes: expect.arrayContaining([
        { field: "status", old: "OPERATIONAL", new: "BROKEN" },
        { field: "extractorVersion", old: "1.2.3", new: null },
      ]),
    },
  ]);
});

it("refuses a change of a version that somebody else has changed, and of what is not there", async () => {
  const t = await start();
  await create(t, ACME);
  await update(t, { name: "Acme", status: "BROKEN" });
  expect(await update(t, { name: "Acme", status: "OPERATIONAL", expectedVersion: 1 })).toMatchObject({
    errors: [
      {
        message: "Vendor was modified by another client (expected version 1, current version 2)",
        extensions: { code: "VERSION_CONFLICT", expectedVersion: 1, currentVersion: 2 },
      },
    ],
  });
  expect(await update(t, { name: "Nobody", status: "BROKEN" })).toMatchObject(
    refused("Vendor not found: Nobody", "NOT_FOUND"),
  );
  for (const name of ["Nobody", "\u0000", "a & b"])
    expect(
      await t.gql(`query ($p: ID!, $name: String!) { vendor(projectId: $p, name: $name) { name } }`, {
        ...{ p: t.projectId, name },
      }),
    ).toMatchObject({ errors: [{ extensions: { code: "NOT_FOUND", kind: "Vendor", id: name } }] });
  expect(await t.gql(`{ vendor(projectId: "absent", name: "Acme") { name } }`)).toMatchObject({
    errors: [{ extensions: { code: "PROJECT_NOT_FOUND" } }],
  });
  const input = { projectId: "absent", name: "Acme", status: "BROKEN" };
  for (const document of [CREATE, UPDATE])
    expect(await shared.server.gql(document, { input })).toMatchObject({
      errors: [{ extensions: { code: "PROJECT_NOT_FOUND" } }],
    });
});

it("lists vendors of a project, and of all that are seen and in use, by what a filter asks for", async () => {
  const [t, other] = [await start(), await start()];
  for (const [name, more] of Object.entries({
    Acme: { manifestCompliant: true, extractorVersion: "2.0" },
    beta: { status: "BROKEN", manifestCompliant: false },
    Gamma: { createdBy: "importer" },
  }))
    await create(t, { name, ...more });
  await create(other, { name: "Acme" });
  const names = async (args: string, asking: Pick<TestProject, "ask"> = t) => {
    const document = `{ vendors(${args}) { totalCount nodes { name } } }`;
    const { vendors } = await asking.ask<{ vendors: { totalCount: number; nodes: { name: string }[] } }>(document);
    expect(vendors.totalCount).toBe(vendors.nodes.length);
    return vendors.nodes.map(({ name }) => name);
  };
  const of = `projectId: "${t.projectId}"`;
  expect(await names(of)).toEqual(["Acme", "beta", "Gamma"]);
  for (const [filter, found] of [
    ['name: {eq: "ACME"}', ["Acme"]],
    ['name: {in: ["BETA", "gamma"]}', ["beta", "Gamma"]],
    ['name: {contains: "A"}, not: {name: {eq: "beta"}}', ["Acme", "Gamma"]],
    ["status: {eq: BROKEN}", ["beta"]],
    ["manifestCompliant: false", ["beta"]],
    ['extractorVersion: {gte: "2"}', ["Acme"]],
    ['or: [{createdBy: {eq: "importer"}}, {status: {eq: BROKEN}}]', ["beta", "Gamma"]],
    ['createdAt: {gt: "-PT1H"}, updatedAt: {gt: "-PT1H"}', ["Acme", "beta", "Gamma"]],
    ['updatedAt: {lt: "-PT1H"}', []],
  ] as const)
    expect([filter, await names(`${of}, filter: {${filter}}`)]).toEqual([filter, found]);
  const both = `filter: {projects: ["${t.projectId}", "${other.projectId}"]}`;
  expect(await names(both, shared.server)).toEqual(["Acme", "Acme", "beta", "Gamma"]);
  expect((await t.gql(`{ vendors(${both}) { totalCount } }`)).errors?.[0]?.extensions["code"]).toBe(
    "PROJECT_NOT_FOUND",
  );

  await shared.server.ask(
    `mutation { archiveProject(input: {projectId: "${other.projectId}"}) { replayed } }`,
    {},
    { key: shared.server.adminKey },
  );
  expect(await names("first: 50", other)).toEqual([]);
  expect(await names(`projectId: "${other.projectId}"`, other)).toEqual(["Acme"]);
  expect(await names(`filter: {or: [{projects: ["${other.projectId}"]}]}`, other)).toEqual(["Acme"]);
});

it("takes the space from the ends of the names that an older version kept, and tells apart what is alike then", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  await t.owner.query("ALTER TABLE vendors DROP CONSTRAINT chk_vendor_name_ends");
  for (const name of ["Acme", "acme ", " Other ", "x".repeat(99).concat(" "), " ".concat("X".repeat(99))])
    await t.owner.query(
      "INSERT INTO vendors (project_id, name, status, created_by) VALUES ('alpha', $1, 'broken', 'x')",
      [name],
    );
  await t.owner.query(await readFile("prisma/migrations/20261128000760_vendor_name_ends/migration.sql", "utf8"));
  const { rows } = await t.owner.query<{ name: string; id: string }>(
    "SELECT name, left(vendor_id::text, 8) AS id FROM vendors ORDER BY created_at, name",
  );
  const ids = new Set(rows.map(({ id }) => id));
  expect(
    new Set(rows.map(({ name }) => name.replace(/-[0-9a-f]{8}$/, (end) => (ids.has(end.slice(1)) ? "-id" : end)))),
  ).toEqual(new Set(["Acme", "acme-id", "Other", `${"x".repeat(91)}-id`, `${"X".repeat(91)}-id`]));
});
