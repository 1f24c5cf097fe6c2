import { expect, it } from "vitest";
import { makeProject, shareServer, type TestProject } from "../support/server.ts";

const shared = shareServer();
const start = () => makeProject(shared.server, []);

const FIELDS = "activeContextType currentSession gitBranch gitHeadCommit defaultTokenBudget version updatedBy";
const read = async (t: TestProject) => {
  const document = `{ projectConfiguration(projectId: "${t.projectId}") { ${FIELDS} } }`;
  return (await t.ask<{ projectConfiguration: unknown }>(document)).projectConfiguration;
};
const update = (t: TestProject, input: object) =>
  t.gql(
    `mutation ($input: UpdateProjectConfigurationInput!) { updateProjectConfiguration(input: $input) { configuration { ${FIELDS} } } }`,
    { input: { projectId: t.projectId, ...input } },
  );

const FIRST = {
  ...{ activeContextType: "FEATURE", currentSession: null, gitBranch: null, gitHeadCommit: null },
  ...{ defaultTokenBudget: 200_000, version: 1, updatedBy: null },
};

it("is there from the start, also of a project that plain SQL or an older server makes", async () => {
  const t = await start();
  expect(await read(t)).toEqual(FIRST);
  expect(await t.ask(`{ project(projectId: "${t.projectId}") { configuration { version } } }`)).toEqual({
    project: { configuration: { version: 1 } },
  });
  const { owner, server } = shared;
  await owner.query("INSERT INTO namespaces (namespace, shared) VALUES ('by-sql', false)");
  // As the role of a server, which knows nothing of configurations.
  await owner.query("SET ROLE docket_app");
  await owner.query("INSERT INTO projects (project_id, name, id_namespace) VALUES ('by-sql', 'P', 'by-sql')");
  await owner.query("RESET ROLE");
  expect(await read({ ...server, projectId: "by-sql" })).toEqual(FIRST);
});

it("changes what is given, counts it and says by whom, and changes nothing where nothing differs", async () => {
  const t = await start();
  const gitHeadCommit = "0123456789abcdef".repeat(3).slice(0, 40);
  const given = { activeContextType: "MAINTENANCE", currentSession: "TASK-001", gitBranch: "main", gitHeadCommit };
  const changed = { ...given, defaultTokenBudget: 1_000, version: 2, updatedBy: "test" };
  for (let times = 0; times < 2; times++)
    expect(await update(t, { ...given, defaultTokenBudget: 1_000 })).toEqual({
      data: { updateProjectConfiguration: { configuration: changed } },
    });
  await update(t, { gitBranch: null, updatedBy: "claude-code", expectedVersion: 2 });
  expect(await read(t)).toEqual({ ...changed, gitBranch: null, version: 3, updatedBy: "claude-code" });
  const { projectConfiguration } = await t.ask<{ projectConfiguration: { history: { events: unknown[] } } }>(
    `{ projectConfiguration(projectId: "${t.projectId}") { history { events { type changes { field old new } } } } }`,
  );
  expect(projectConfiguration.history.events).toEqual([
    {
      type: "configuration.updated",
      changes: expect.arrayContaining([{ field: "activeContextType", old: "FEATURE", new: "MAINTENANCE" }]),
    },
    { type: "configuration.updated", changes: [{ field: "gitBranch", old: "main", new: null }] },
  ]);
});

it("refuses what does not fit, and a change of a version that somebody else has changed", async () => {
  const t = await start();
  for (const [input, message] of [
    [{ gitHeadCommit: "ABC" }, "git_head_commit must be 40 lowercase hex characters"],
    [{ defaultTokenBudget: 999 }, "defaultTokenBudget: must be at least 1000"],
    [{ defaultTokenBudget: 1_000_001 }, "defaultTokenBudget: must be at most 1000000"],
    [{ gitBranch: " " }, "gitBranch: must not be empty or blank"],
    [{ currentSession: "x".repeat(101) }, "currentSession: must have at most 100 characters"],
    [{ updatedBy: "" }, "updatedBy: must not be empty or blank"],
  ] as const)
    expect(await update(t, input)).toMatchObject({ errors: [{ message, extensions: { code: "BAD_USER_INPUT" } }] });
  expect(await update(t, { defaultTokenBudget: 1_000_000 })).not.toHaveProperty("errors");
  expect(await update(t, { gitBranch: "main", expectedVersion: 1 })).toMatchObject({
    errors: [
      {
        message: "Configuration was modified by another client (expected version 1, current version 2)",
        extensions: { code: "VERSION_CONFLICT", currentVersion: 2 },
      },
    ],
  });
  for (const document of [
    '{ projectConfiguration(projectId: "absent") { version } }',
    'mutation { updateProjectConfiguration(input: {projectId: "absent", gitBranch: "x"}) { replayed } }',
  ])
    expect(await shared.server.gql(document)).toMatchObject({
      errors: [{ extensions: { code: "PROJECT_NOT_FOUND" } }],
    });
});

it("lets one of fifty writers of a version win, and names the current one to all others, round after round", async () => {
  const t = await start();
  for (let version = 1; version <= 2; version++) {
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        update(t, { gitBranch: `branch-${version}-${i}`, expectedVersion: version }),
      ),
    );
    const lost = answers.flatMap(({ errors }) => errors ?? []);
    expect(lost).toHaveLength(49);
    for (const { extensions } of lost)
      expect(extensions).toMatchObject({ code: "VERSION_CONFLICT", currentVersion: version + 1 });
  }
});
