import { nextOf, type ServerSentEvent } from "../support/event-stream.ts";
import type { TestServer } from "../support/server.ts";

const ALPHA = `taskEvents(filter: {projects: ["alpha"]})`;
/** Follows the numbers of project alpha, which its events carry. */
export const NUMBERS = `subscription { ${ALPHA} { events { number } } }`;

/** Event n of project alpha; the first makes the project. */
export async function happen({ ask }: TestServer, n: number): Promise<void> {
  if (n === 1) await ask('mutation { createProject(input: {projectId: "alpha", name: "Alpha"}) { replayed } }');
  else await ask('mutation { addTasks(input: {projectId: "alpha", tasks: [{description: "work"}]}) { tasksAdded } }');
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
