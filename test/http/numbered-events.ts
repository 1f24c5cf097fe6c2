import { nextOf, type ServerSentEvent } from "../support/event-stream.ts";
import type { TestServer } from "../support/server.ts";

/** Follows the numbers of a project, which its events carry. */
export const numbersOf = (projectId: string) =>
  `subscription { taskEvents(filter: {projects: ["${projectId}"]}) { events { number } } }`;
export const NUMBERS = numbersOf("alpha");

/** Event n of the project; the first makes the project. */
export async function happen({ ask }: Pick<TestServer, "ask">, n: number, projectId = "alpha"): Promise<void> {
  if (n === 1) await ask(`mutation { createProject(input: {projectId: "${projectId}", name: "P"}) { replayed } }`);
  else
    await ask(
      `mutation { addTasks(input: {projectId: "${projectId}", tasks: [{description: "work"}]}) { tasksAdded } }`,
    );
}

export const numbersIn = ({ data }: Pick<ServerSentEvent, "data">): number[] =>
  JSON.parse(data).data.taskEvents.events.map(({ number }: { number: number }) => number);

/** The numbers of all events up to number `last`, and the id of the frame that brought it. */
export async function upTo(last: number, events: AsyncGenerator<ServerSentEvent>) {
  const numbers: number[] = [];
  for (;;) {
    const frame = await nextOf(events);
    numbers.push(...numbersIn(frame));
    if (numbers.includes(last)) return { numbers, id: frame.id };
  }
}
