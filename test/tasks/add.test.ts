import { expect, it } from "vitest";
import { confirmReservation } from "../../src/ids/confirm.ts";
import { reserveIds } from "../../src/ids/reserve.ts";
import { takeId } from "../../src/ids/take-id.ts";
import { createProject } from "../../src/projects/create.ts";
import { addTasks } from "../../src/tasks/add.ts";
import { updateTaskStatus } from "../../src/tasks/update-status.ts";
import { given, seedTasks, type VerbTest, verbTest } from "../support/verbs.ts";

async function withProject(projectId = "alpha"): Promise<VerbTest> {
  const t = await verbTest();
  await seedTasks(t, projectId, 0);
  return t;
}

const ids = ({ tasks }: { tasks: readonly { taskId: string }[] }) => tasks.map(({ taskId }) => taskId);

it("allocates IDs in the order given and queues the tasks in it", async () => {
  const t = await withProject();
  const added = await addTasks(t.as(), { projectId: "alpha", tasks: [{ description: "a" }, { description: "b" }] });
  expect(ids(added)).toEqual(["TASK-001", "TASK-002"]);
  const { rows } = await t.owner.query("SELECT description, created_by FROM tasks ORDER BY queue_position");
  expect(rows).toEqual([
    { description: "a", created_by: "session-1" },
    { description: "b", created_by: "session-1" },
  ]);
});

it("registers given IDs, and allocates beyond them", async () => {
  const t = await withProject();
  await addTasks(t.as(), { projectId: "alpha", tasks: [{ taskId: "TASK-046", description: "a" }] });
  expect(ids(await addTasks(t.as(), { projectId: "alpha", tasks: [{ description: "b" }] }))).toEqual(["TASK-047"]);
  await expect(
    addTasks(t.as(), { projectId: "alpha", tasks: [{ taskId: "TASK-046", description: "again" }] }),
  ).rejects.toMatchObject({ code: "ID_TAKEN", details: { id: "TASK-046" } });
});

it("skips IDs that plain SQL has used", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 3);
  expect(ids(await addTasks(t.as(), { projectId: "alpha", tasks: [{ description: "b" }] }))).toEqual(["TASK-004"]);
});

it("understands the form of sub-artifacts", async () => {
  const t = await withProject();
  const tasks = ["HLS-006", "HLS-007"].map((artifactId) => ({
    artifactId,
    artifactType: "hls",
    generator: "hls-generator",
    parentId: "PRD-006",
  }));
  await addTasks(t.as(), { projectId: "alpha", tasks });
  const { rows } = await t.owner.query("SELECT * FROM tasks ORDER BY queue_position");
  expect(rows[0]).toMatchObject({
    description: "Generate HLS-006",
    generator_name: "hls-generator",
    inputs: ["PRD-006"],
    expected_outputs: ["HLS-006"],
    artifact_id: "HLS-006",
    artifact_type: "HLS",
    status: "pending",
  });
  expect(await takeId(t.as(), { projectId: "alpha", artifactType: "HLS" })).toMatchObject({ id: "HLS-008" });
});

it("takes artifact IDs that this project has reserved, and keeps them when the reservation is confirmed", async () => {
  const t = await withProject();
  const { reservationId, reservedIds } = await reserveIds(t.as(), {
    projectId: "alpha",
    artifactType: "HLS",
    count: 2,
  });
  await addTasks(t.as(), { projectId: "alpha", tasks: reservedIds.map((artifactId) => ({ artifactId })) });
  await t.pass(3600);
  await confirmReservation(t.as(), { reservationId });
  expect(await takeId(t.as(), { projectId: "alpha", artifactType: "HLS" })).toMatchObject({ id: "HLS-003" });
});

it("refuses an artifact that another project of the namespace holds, without naming that project", async () => {
  const t = await verbTest();
  for (const projectId of ["alpha", "beta"])
    await createProject(t.as({ role: "admin" }), { projectId, name: projectId, idNamespace: "together" });
  await addTasks(t.as(), { projectId: "alpha", tasks: [{ artifactId: "HLS-001" }] });
  const refused = addTasks(t.as({ projectIds: ["beta"] }), { projectId: "beta", tasks: [{ artifactId: "HLS-001" }] });
  await expect(refused).rejects.toMatchObject({ code: "ID_TAKEN", message: expect.not.stringContaining("alpha") });
});

it.each([
  [
    "an artifact twice",
    [{ artifactId: "HLS-012" }, { artifactId: "HLS-012" }],
    "Duplicate artifact_id in batch: HLS-012",
  ],
  [
    "a task ID twice",
    [
      { taskId: "TASK-001", description: "a" },
      { taskId: "TASK-001", description: "b" },
    ],
    "Duplicate task_id in batch: TASK-001",
  ],
  ["an item without a description", [{ description: "a" }, {}], "tasks[1]: description is missing"],
  [
    "a task ID by another name",
    [{ taskId: "TASK-0001", description: "a" }],
    'tasks[0]: taskId "TASK-0001" is not an artifact ID',
  ],
  ["a type that does not fit", [{ artifactId: "HLS-001", artifactType: "US" }], "artifactType US does not fit HLS-001"],
  ["a bad priority", [{ description: "a", priority: 7 }], "tasks[0].priority: must be at most 4"],
  ["an empty description", [{ description: "" }], "tasks[0].description: must not be empty"],
  ["a long title", [{ description: "a", title: "t".repeat(201) }], "tasks[0].title: must have at most 200 characters"],
  [
    "too many labels",
    [{ description: "a", labels: Array.from({ length: 51 }, (_, n) => `l${n}`) }],
    "tasks[0].labels: must have at most 50 entries",
  ],
  ["an unknown type", [{ artifactId: "XYZ-001" }], "Invalid artifact_type: XYZ. Valid types: US, SPEC"],
  ["a due date that is past", [{ description: "a", dueDate: new Date(0) }], "Due date must be in the future"],
  ["nothing", [], "give 1 to 1000"],
  ["more than 1,000", Array.from({ length: 1001 }, () => ({ description: "a" })), "give 1 to 1000"],
])("refuses a batch with %s, and adds none of it", async (_what, tasks, message) => {
  const t = await withProject();
  await expect(addTasks(t.as(), { projectId: "alpha", tasks })).rejects.toMatchObject({
    code: "BAD_USER_INPUT",
    message: expect.stringContaining(message),
  });
  expect((await t.owner.query("SELECT count(*)::int AS n FROM tasks")).rows[0].n).toBe(0);
  expect((await t.owner.query("SELECT count(*)::int AS n FROM id_reservations")).rows[0].n).toBe(0);
});

it("names the item that has no project", async () => {
  const t = await withProject();
  await expect(addTasks(t.as(), { tasks: [{ description: "a" }] })).rejects.toThrow("tasks[0]: projectId is missing");
});

it("refuses an artifact that is queued already", async () => {
  const t = await withProject();
  await addTasks(t.as(), { projectId: "alpha", tasks: [{ artifactId: "HLS-012" }] });
  await expect(addTasks(t.as(), { projectId: "alpha", tasks: [{ artifactId: "HLS-012" }] })).rejects.toThrow(
    "artifact_id HLS-012 already exists in queue",
  );
});

it("adds to several projects at once, all or none", async () => {
  const t = await withProject("alpha");
  await seedTasks(t, "beta", 0);
  const tasks = [
    { projectId: "beta", description: "b" },
    { projectId: "alpha", description: "a" },
  ];
  expect((await addTasks(t.as(), { tasks })).tasks).toEqual([
    { projectId: "beta", taskId: "TASK-001" },
    { projectId: "alpha", taskId: "TASK-001" },
  ]);
  const mixed = addTasks(t.as(), { tasks: [...tasks, { projectId: "nowhere", description: "n" }] });
  await expect(mixed).rejects.toMatchObject({ code: "PROJECT_NOT_FOUND" });
  expect((await t.owner.query("SELECT count(*)::int AS n FROM tasks")).rows[0].n).toBe(2);
});

it("creates the project on request, once, when many ask at the same time", async () => {
  const t = await verbTest();
  const all = await Promise.all(
    Array.from({ length: 10 }, () =>
      addTasks(t.as(), { projectId: "fresh", createProject: true, tasks: [{ description: "a" }] }),
    ),
  );
  expect(new Set(all.flatMap(ids)).size).toBe(10);
  const limited = t.as({ projectIds: ["other"] });
  await expect(
    addTasks(limited, { projectId: "another", createProject: true, tasks: [{ description: "a" }] }),
  ).rejects.toMatchObject({ code: "PROJECT_NOT_FOUND" });
});

it("opens the caller's attempt for an item that comes in progress", async () => {
  const t = await withProject();
  const tasks = [{ description: "a", status: "in_progress" as const }];
  await addTasks(t.as(), { projectId: "alpha", worker: "anna", tasks });
  await updateTaskStatus(t.as(), { taskId: "TASK-001", status: "completed", attempt: await given(t, "TASK-001") });
  expect((await t.events()).map(({ type }) => type)).toEqual(["task.created", "task.claimed", "task.completed"]);
});

it("gives the first answer again for the same key, also when both ask at once, and adds nothing twice", async () => {
  const t = await withProject();
  const add = () =>
    addTasks(t.as(), { projectId: "alpha", tasks: [{ taskId: "TASK-009", description: "a" }], idempotencyKey: "k" });
  const answers = await Promise.all([add(), add(), add()]);
  expect(answers.map(ids)).toEqual([["TASK-009"], ["TASK-009"], ["TASK-009"]]);
  expect(answers.filter(({ replayed }) => replayed)).toHaveLength(2);
  expect((await t.owner.query("SELECT count(*)::int AS n FROM tasks")).rows[0].n).toBe(1);
});

it("stores nothing under the key of a request that failed", async () => {
  const t = await withProject();
  const add = (taskId: string) =>
    addTasks(t.as(), { projectId: "alpha", tasks: [{ taskId, description: "a" }], idempotencyKey: "k" });
  await expect(add("bad")).rejects.toMatchObject({ code: "BAD_USER_INPUT" });
  expect(ids(await add("TASK-001"))).toEqual(["TASK-001"]);
});

it("tells who comes second with the same artifact that it is queued, also when both come at once", async () => {
  const t = await withProject();
  const add = () => addTasks(t.as(), { projectId: "alpha", tasks: [{ artifactId: "HLS-012" }] });
  const outcomes = await Promise.allSettled([add(), add(), add()]);
  expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  for (const outcome of outcomes)
    if (outcome.status === "rejected")
      expect(outcome.reason.message).toBe("artifact_id HLS-012 already exists in queue");
});
