import { expect, it, onTestFinished } from "vitest";
import { idsFrom } from "../ids/projects.ts";
import { createTestDatabase } from "../support/database.ts";
import { type ServerProcess, startServerProcess } from "../support/server-process.ts";
import { connectSocket } from "../support/socket.ts";
import { makeTemporaryFolder } from "../support/temporary-folder.ts";
import { ask } from "./traffic.ts";

/** Two servers as processes of their own, on one database and with the same first keys. */
async function startTwo(): Promise<[ServerProcess, ServerProcess]> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const home = await makeTemporaryFolder("two-processes");
  return [await startServerProcess(database, home), await startServerProcess(database, home)];
}

interface Event {
  readonly number: number;
  readonly type: string;
  readonly subjectId: string;
}

/** Follows a project live. The answer is called for all events so far, once there are that many. */
async function watch({ url, agentKey }: ServerProcess): Promise<(count: number) => Promise<Event[]>> {
  const socket = await connectSocket(`${url.replace("http", "ws")}/graphql`, { apiKey: agentKey });
  const query = 'subscription { taskEvents(filter: {projects: ["alpha"]}) { events { number type subjectId } } }';
  socket.send({ type: "subscribe", id: "1", payload: { query } });
  const events: Event[] = [];
  const read = async () => {
    const { payload } = await socket.next();
    const { data } = payload as { data: { taskEvents: { events: Event[] } } };
    events.push(...data.taskEvents.events);
  };
  // The first frame says from where on it is live.
  await read();
  return async (count) => {
    while (events.length < count) await read();
    return events;
  };
}

const reserve = async (server: ServerProcess): Promise<string[]> => {
  const { reserveIds } = await ask<{ reserveIds: { reservedIds: string[] } }>(
    server,
    'mutation { reserveIds(input: {projectId: "alpha", artifactType: "US", count: 3}) { reservedIds } }',
  );
  return reserveIds.reservedIds;
};

it("two server processes on one database never give an ID or a task twice, and deliver each other's events", async () => {
  const servers = await startTwo();
  const [first, second] = servers;
  expect(first.url).not.toBe(second.url);
  await ask(first, 'mutation { createProject(input: {projectId: "alpha", name: "Alpha"}) { replayed } }');
  const tasks = Array.from({ length: 20 }, () => '{description: "work"}').join(", ");
  await ask(second, `mutation { addTasks(input: {projectId: "alpha", tasks: [${tasks}]}) { taskIds } }`);
  const watches = await Promise.all(servers.map(watch));

  const both = <T>(make: (server: ServerProcess) => Promise<T>) =>
    Promise.all(Array.from({ length: 20 }, (_, i) => make(i % 2 === 0 ? first : second)));
  const claim = async (server: ServerProcess) => {
    const { claimNextTask } = await ask<{ claimNextTask: { task: { taskId: string } } }>(
      server,
      'mutation { claimNextTask(input: {projectId: "alpha"}) { task { taskId } } }',
    );
    return claimNextTask.task.taskId;
  };
  const [reserved, claimed] = await Promise.all([both(reserve), both(claim)]);
  expect(reserved.flat().toSorted()).toEqual(idsFrom("US", 1, 60));
  expect(claimed.toSorted()).toEqual(idsFrom("TASK", 1, 20));

  const [seenByFirst = [], seenBySecond = []] = await Promise.all(watches.map((seen) => seen(40)));
  expect(seenByFirst).toEqual(seenBySecond);
  // One of the project and 20 of new tasks came before.
  expect(seenByFirst.map(({ number }) => number)).toEqual(Array.from({ length: 40 }, (_, i) => i + 22));
  expect(new Set(seenByFirst.map(({ subjectId }) => subjectId)).size).toBe(40);
});
