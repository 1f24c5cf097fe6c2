import { expect, it } from "vitest";
import { connectTools } from "../mcp/connect.ts";
import { makeProject, shareServer } from "../support/server.ts";

const shared = shareServer();

const nextOf = async (agent: Awaited<ReturnType<typeof connectTools>>) => {
  const { data, text } = await agent.call("get_next_task");
  return { ...(data as { task: { task_id: string } | null }), text };
};

it("lets an agent finish what it holds in a paused project, hands out nothing else and says why, until it is resumed", async () => {
  const project = await makeProject(shared.server, ["first", "second"]);
  const { projectId } = project;
  const asAdmin = { key: shared.server.adminKey };
  await using anna = await connectTools({ ...project, defaultProject: projectId, holds: true });
  expect((await nextOf(anna)).task).toMatchObject({ task_id: "TASK-001" });
  await shared.server.ask(
    `mutation ($id: ID!) { pauseProject(input: {projectId: $id, reason: "quota"}) { replayed } }`,
    { id: projectId },
    asAdmin,
  );

  const done = { task_id: "TASK-001", status: "completed", notes: "done" };
  expect(await anna.call("update_task_status", done)).toMatchObject({ failed: false });
  const idle = await nextOf(anna);
  expect(idle.task).toBeNull();
  expect(idle.text).toContain(`Project ${projectId} is paused (quota)`);
  const asked = await anna.call("update_task_status", { task_id: "TASK-002", status: "in_progress" });
  expect(asked).toMatchObject({ failed: true, text: expect.stringContaining("PROJECT_PAUSED") });
  expect(
    await project.ask(
      `query ($id: ID!) { project(projectId: $id) { pauseReason }
        task(projectId: $id, taskId: "TASK-002") { ready explainReady { reason message } } }`,
      { id: projectId },
    ),
  ).toEqual({
    project: { pauseReason: "quota" },
    task: { ready: true, explainReady: [{ reason: "PROJECT_PAUSED", message: expect.stringContaining("quota") }] },
  });

  await shared.server.ask(
    "mutation ($id: ID!) { resumeProject(input: {projectId: $id}) { replayed } }",
    { id: projectId },
    asAdmin,
  );
  expect((await nextOf(anna)).task).toMatchObject({ task_id: "TASK-002" });
});
