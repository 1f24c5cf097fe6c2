import { graphql } from "../../client/gen/gql.ts";
import type { DemoEventsSubscription } from "../../client/gen/graphql.ts";
import { type DemoWorld, planTasks, workAsAgent } from "./agent.ts";
import { demoProjects } from "./projects.ts";

export const DemoEvents = graphql(`
  subscription DemoEvents($filter: EventFilter, $after: String) {
    taskEvents(filter: $filter, after: $after) {
      cursor
      events {
        projectId
        number
      }
    }
  }
`);

type Frame = NonNullable<DemoEventsSubscription["taskEvents"]>;

interface DemoSettings extends Omit<DemoWorld, "random"> {
  /** Ends the demo; `pace` must reject once it is aborted. */
  readonly signal: AbortSignal;
  readonly random?: () => number;
  /** The events of these projects as they come, to count that none is missing. */
  readonly follow?: (projectIds: readonly string[]) => AsyncIterable<Frame>;
}

/** How many events came live, and how many numbers between them did not. */
interface Tally {
  readonly events: number;
  readonly missing: number;
}

/**
 * Lets simulated agents work on five projects until the signal. Returns what came live. Throws a ServerError when the
 * key is refused; restarts of the server are waited out.
 */
export async function runDemo({ signal, follow, random = Math.random, ...rest }: DemoSettings): Promise<Tally> {
  const world: DemoWorld = { ...rest, random };
  const untilStopped = async <Value>(work: Promise<Value>): Promise<Value | undefined> => {
    try {
      return await work;
    } catch (error) {
      if (signal.aborted) return undefined;
      throw error;
    }
  };

  // A filter that names a project must find it, so all exist before anybody listens.
  const planned = demoProjects.map((project) => planTasks(world, project, project.agents[0]));
  await untilStopped(Promise.all(planned));
  const counting = follow && !signal.aborted && tally(follow(demoProjects.map(({ projectId }) => projectId)));
  const agents = demoProjects.flatMap((project) => project.agents.map((worker) => workAsAgent(world, project, worker)));
  const [counted] = await Promise.all([counting, untilStopped(Promise.all(agents))]);
  return counted || { events: 0, missing: 0 };
}

/** Numbers are dense within a project, so a gap between two that came is a lost event. */
async function tally(frames: AsyncIterable<Frame>): Promise<Tally> {
  const last = new Map<string, number>();
  let events = 0;
  let missing = 0;
  for await (const frame of frames) {
    for (const { projectId, number } of frame.events) {
      if (projectId === null) continue;
      events += 1;
      missing += number - (last.get(projectId) ?? number - 1) - 1;
      last.set(projectId, number);
    }
  }
  return { events, missing };
}
