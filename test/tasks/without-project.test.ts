import { getNamedType, isInputObjectType, isNonNullType } from "graphql";
import { expect, it } from "vitest";
import { schema } from "../../schema/index.ts";
import { connectOwner } from "../support/owner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { COMPLETE, codeOf, NONE } from "./holding-calls.ts";

const addTasks = (server: TestServer, projectId: string, count: number) =>
  server.ask(`mutation ($input: AddTasksInput!) { addTasks(input: $input) { tasksAdded } }`, {
    input: { projectId, createProject: true, tasks: Array.from({ length: count }, () => ({ description: "work" })) },
  });

it("never acts without a project on one in which its caller does not hold the task, also on repeat", async () => {
  const server = await startTestServer();
  await addTasks(server, "home", 1);
  await addTasks(server, "other", 1);
  const take = (projectId: string, client: string) =>
    server.ask<{ claimNextTask: { attempt: string } }>(
      "mutation ($projectId: ID!) { claimNextTask(input: {projectId: $projectId}) { attempt } }",
      { projectId },
      { client },
    );
  const { claimNextTask } = await take("other", "mine");
  const done = (input: object, asking: object) =>
    server.gql<{ updateTaskStatus: { task: { projectId: string } } }>(
      COMPLETE,
      { input: { taskId: "TASK-001", status: "COMPLETED", ...input } },
      asking,
    );
  const mine = { client: "mine" };
  const { attempt } = claimNextTask;
  expect((await done({}, mine)).data.updateTaskStatus.task.projectId).toBe("other");
  await take("home", "twin");
  // Repeated by its session, and by its attempt from anywhere: it is the same task.
  expect((await done({}, mine)).data.updateTaskStatus.task.projectId).toBe("other");
  expect((await done({ attempt }, NONE)).data.updateTaskStatus.task.projectId).toBe("other");
  // Nobody else's task is meant by a caller that is not known, or by a wrong attempt, not even for an admin.
  for (const [input, asking] of [
    [{}, NONE],
    [{}, { client: "third" }],
    [{ attempt: "1" }, NONE],
    [{}, { key: server.adminKey }],
  ] as const)
    expect(codeOf(await done(input, asking))).toBe("AMBIGUOUS_TASK_ID");
  // What it completed it does not hold: only the repetition means it.
  for (const field of [
    'updateTaskStatus(input: {taskId: "TASK-001", status: PENDING, reset: true}) { replayed }',
    'deleteTask(input: {taskId: "TASK-001"}) { replayed }',
    'updateTask(input: {taskId: "TASK-001", title: "x"}) { replayed }',
  ])
    expect(codeOf(await server.gql(`mutation { ${field} }`, {}, mine)), field).toBe("AMBIGUOUS_TASK_ID");
  const { tasks } = await server.ask<{ tasks: unknown }>("{ tasks { nodes { projectId status title } } }");
  expect(tasks).toEqual({
    nodes: [
      { projectId: "home", status: "IN_PROGRESS", title: null },
      { projectId: "other", status: "COMPLETED", title: null },
    ],
  });

  // A session that holds one and has just completed the other may mean either: it is asked which.
  await addTasks(server, "third", 1);
  await take("third", "mine");
  expect(codeOf(await done({}, mine))).toBe("AMBIGUOUS_TASK_ID");
});

/** Every mutation that may be sent a task without its project, with what else it needs. */
const WITHOUT_PROJECT = Object.values(schema.getMutationType()?.getFields() ?? {}).flatMap(({ name, args }) => {
  const input = args[0] && getNamedType(args[0].type);
  if (!isInputObjectType(input)) return [];
  const { taskId, projectId, status, reason, first } = input.getFields();
  if (!taskId || !projectId || isNonNullType(projectId.type)) return [];
  return [
    {
      name,
      document: `mutation ($input: ${input.name}!) { ${name}(input: $input) { replayed } }`,
      status,
      reason,
      first,
    },
  ];
});

it("does not act without a project on a task that the caller does not hold, also when its name is the only one", async () => {
  const server = await startTestServer();
  await addTasks(server, "home", 1);
  await addTasks(server, "other", 3);
  const held = { projectId: "other", taskId: "TASK-003", status: "IN_PROGRESS" };
  await server.ask(COMPLETE, { input: held }, { client: "holder" });
  const direct = await connectOwner(server.test);
  const state = async () =>
    (await direct.query("SELECT * FROM tasks LEFT JOIN task_attempts USING (project_id, task_id) ORDER BY task_id"))
      .rows;
  const before = await state();
  expect(WITHOUT_PROJECT.length).toBeGreaterThan(5);
  for (const { name, document, status, reason, first } of WITHOUT_PROJECT)
    for (const taskId of ["TASK-002", "TASK-003"])
      for (const asking of [NONE, { client: "mine" }, { key: server.adminKey }])
        for (const given of status ? ["IN_PROGRESS", "COMPLETED", "PENDING"] : [undefined]) {
          const more = { ...(reason && { reason: "to be decided" }), ...(first && { first: true }) };
          const input = { taskId, ...(given && { status: given }), ...more };
          const { errors } = await server.gql(document, { input }, asking);
          expect(errors?.[0], `${name} ${JSON.stringify({ input, asking })}`).toMatchObject({
            message: `Task ${taskId} of project other is not held by this caller. Say that it is meant with projectId, or pass attempt as the claim returned it.`,
            extensions: { code: "AMBIGUOUS_TASK_ID", projectIds: ["other"] },
          });
        }
  expect(await state()).toEqual(before);
  // A key that sees one project can mean no other.
  const { secret: key } = await server.makeKey({ projectIds: ["other"] });
  const update = 'mutation { updateTask(input: {taskId: "TASK-002", title: "x"}) { task { title } } }';
  expect(await server.ask(update, {}, { key })).toEqual({ updateTask: { task: { title: "x" } } });
});

it("names twenty projects to choose from, however many there are", async () => {
  const server = await startTestServer();
  for (let n = 1; n <= 21; n += 1) await addTasks(server, `p${n}`, 1);
  const { errors } = await server.gql('mutation { deleteTask(input: {taskId: "TASK-001"}) { replayed } }');
  expect(errors?.[0]?.message).toMatch(/several projects: p1, p10, .*, p8 and 1 more\. Say which/);
  expect(errors?.[0]?.extensions["projectIds"]).toHaveLength(20);
});
