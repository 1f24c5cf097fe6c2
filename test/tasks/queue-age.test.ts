import { expect, it } from "vitest";
import { taskTotals } from "../../src/tasks/totals.ts";
import { passTime } from "../support/owner.ts";
import { shareServer } from "../support/server.ts";

const shared = shareServer();
const HOUR = 3_600;

it("counts how long the oldest task has been ready: since it was added, it was given back, or what it waits for was done", async () => {
  const { server } = shared;
  const act = <Data>(mutation: string) => server.ask<{ done: Data }>(`mutation { done: ${mutation} }`);
  const pass = () => passTime(shared.owner, HOUR);
  const claim = async (projectId: string) => {
    const input = `{projectId: "${projectId}"}`;
    const { done } = await act<{ task: { taskId: string }; attempt: string }>(
      `claimNextTask(input: ${input}) { task { taskId } attempt }`,
    );
    return `{projectId: "${projectId}", taskId: "${done.task.taskId}", attempt: "${done.attempt}"`;
  };
  const ages = async () => {
    const totals = await taskTotals(server.database, 10);
    return Object.fromEntries(
      totals
        .filter(({ status }) => status === "pending")
        .map(({ project, queueSeconds }) => [project, Math.round(queueSeconds / HOUR)]),
    );
  };
  const add = async (projectId: string, tasks: string) => {
    await act(`createProject(input: {projectId: "${projectId}", name: "P"}) { replayed }`);
    await act(`addTasks(input: {projectId: "${projectId}", tasks: [${tasks}]}) { replayed }`);
  };
  await add("chain", '{key: "first", description: "first"}, {description: "second", dependsOn: ["first"]}');
  await add("whole", '{key: "whole", description: "whole"}, {description: "part", parentKey: "whole"}');
  await add("again", '{description: "again"}');
  await pass();
  expect(await ages()).toEqual({ chain: 1, whole: 1, again: 1 });
  const held = [await claim("chain"), await claim("whole"), await claim("again")];
  expect(await ages()).toEqual({ chain: 0, whole: 0 });
  await pass();
  const [first, part, again] = held;
  for (const done of [first, part]) await act(`updateTaskStatus(input: ${done}, status: COMPLETED}) { replayed }`);
  await act(`releaseTask(input: ${again}}) { replayed }`);
  expect(await ages()).toEqual({ chain: 0, whole: 0, again: 0 });
  await pass();
  await pass();
  expect(await ages()).toEqual({ chain: 2, whole: 2, again: 2 });
});
