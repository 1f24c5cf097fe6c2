import { below, burst, inSequence, type Measurement, openLoop } from "../measure.ts";
import { seedProject, type World } from "../world.ts";

const CALLS = 200;
const AT_ONCE = 100;
const PER_SECOND = 100;
/** Tasks that are claimed and not completed yet. */
const AHEAD = 50;
const PROJECTS = ["rest-a", "rest-b", "rest-c", "rest-d", "rest-e"];

/** The same by the REST URLs of the requirements: call by call, a hundred looks at once, and 100 requests a second. */
export async function restCalls(world: World, { seconds }: { seconds: number }): Promise<Measurement[]> {
  for (const projectId of PROJECTS) await seedProject(world, projectId, 2_000);
  const projectOf = (i: number) => PROJECTS[i % PROJECTS.length] ?? "";
  const look = (i: number) => ask(world, `GET /tasks/next?project=${projectOf(i)}&status=pending`);
  const list = (i: number) => ask(world, `GET /tasks?project=${projectOf(i)}&status=in_progress`);
  let claimed = 0;
  const set = (i: number, status: string) => {
    const taskId = `TASK-${String(Math.floor(i / PROJECTS.length) + 1).padStart(3, "0")}`;
    return ask(world, `PUT /tasks/${taskId}/status?project=${projectOf(i)}`, { status, completion_notes: "Done" });
  };
  const claim = () => set(claimed++, "in_progress");
  let completed = 0;
  const complete = () => set(completed++, "completed");
  const add = (i: number) =>
    ask(world, "POST /tasks/batch", {
      project_id: projectOf(i),
      tasks: Array.from({ length: 6 }, (_, n) => ({ description: `Generate HLS-${n}`, inputs: ["PRD-006"] })),
    });
  const nextId = (i: number) => ask(world, `GET /ids/next?type=US&project=${projectOf(i)}`);
  const reserve = (i: number) => ask(world, "POST /ids/reserve", { type: "SPEC", count: 6, project_id: projectOf(i) });

  for (const call of [look, list, claim, complete, add, nextId, reserve]) await inSequence(20, call);
  const singly = [
    below("GET /tasks/next", await inSequence(CALLS, look), 0.95, 100),
    below("GET /tasks", await inSequence(CALLS, list), 0.95, 100),
    below("PUT /tasks/{task_id}/status, in_progress", await inSequence(CALLS, claim), 0.95, 100),
    below("PUT /tasks/{task_id}/status, completed", await inSequence(CALLS, complete), 0.95, 100),
    below("POST /tasks/batch of 6", await inSequence(CALLS, add), 0.95, 100),
    below("GET /ids/next", await inSequence(CALLS, nextId), 0.95, 100),
    below("POST /ids/reserve of 6", await inSequence(CALLS, reserve), 0.95, 100),
    below(`${AT_ONCE} GET /tasks/next at once`, await burst(AT_ONCE, look), 0.99, 200),
  ];
  // So that each is claimed well before it is completed.
  await inSequence(AHEAD, claim);
  const mixed = [look, look, look, list, claim, complete, nextId, reserve, look, add];
  const steady = await openLoop(PER_SECOND, seconds, (i) => (mixed[Math.floor(i / PROJECTS.length) % 10] ?? look)(i));
  const load = `REST, ${PER_SECOND} requests/s for ${seconds} s`;
  return [...singly, below(load, steady, 0.95, 100), below(load, steady, 0.99, 200)];
}

/** Fails for whatever is not answered with success. */
async function ask({ url, apiKey }: World, asked: string, body?: object): Promise<void> {
  const [method = "", path = ""] = asked.split(" ");
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${apiKey}`, ...(body && { "content-type": "application/json" }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  const answer = await response.text();
  if (!response.ok) throw new Error(`${asked}: ${response.status} ${answer}`);
}
