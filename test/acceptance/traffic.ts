import { setTimeout as pause } from "node:timers/promises";
import { expect, onTestFinished } from "vitest";
import { TypedDocumentString } from "../../client/gen/graphql.ts";
import { followStream } from "../../client/stream.ts";
import type { ServerProcess } from "../support/server-process.ts";

/** What a client sees of an event. */
export interface SeenEvent {
  readonly eventId: string;
  readonly number: number;
  readonly type: string;
  readonly subjectId: string;
}

export type Address = Pick<ServerProcess, "url" | "agentKey">;

const FIELDS = "cursor events { eventId number type subjectId }";

/** @throws Error for any answer that is not a success. */
export async function ask<Data>({ url, agentKey }: Address, query: string): Promise<Data> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${agentKey}` },
    body: JSON.stringify({ query }),
  });
  const { data, errors } = (await response.json()) as { data: Data; errors?: unknown };
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

export async function health({ url }: Address): Promise<string> {
  const response = await fetch(`${url}/health`);
  const { status, dependencies } = (await response.json()) as { status: string; dependencies: { database: string } };
  return `${status}, ${dependencies.database}`;
}

/** The whole log of project alpha, by pages. */
async function history(server: Address): Promise<SeenEvent[]> {
  const events: SeenEvent[] = [];
  for (let after = "", caughtUp = false; !caughtUp; ) {
    const page = await ask<{ events: { cursor: string; caughtUp: boolean; events: SeenEvent[] } }>(
      server,
      `{ events(filter: {projects: ["alpha"]}, first: 100${after && `, after: "${after}"`}) { caughtUp ${FIELDS} } }`,
    );
    events.push(...page.events.events);
    ({ cursor: after, caughtUp } = page.events);
  }
  return events;
}

/** Pause of a writer between its tasks, in milliseconds, while the test waits for what they write, as before each outage. */
const BUSY_PAUSE_MS = 50;
/** The same at other times: outages last long, and a log of thousands proves no more. */
const PAUSE_MS = 1_500;

/** Agents at work: each adds a task, claims one and completes it, again and again, whatever fails. */
export class Writers {
  /** Type and task of everything the server said was done. */
  readonly acknowledged: string[] = [];
  failures = 0;
  #stopped = false;
  #busy = false;
  /** Ends the pauses of now. */
  #hurry = new AbortController();
  readonly #running: Promise<unknown>;

  /** Needs project alpha. Stops with the test. */
  constructor(servers: readonly Address[], count: number) {
    this.#running = Promise.all(
      Array.from({ length: count }, (_, i) => this.#work(servers[i % servers.length] as Address, i)),
    );
    onTestFinished(() => this.stop());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#hurry.abort();
    await this.#running;
  }

  /** When so much more has been done than now. */
  async more(count: number): Promise<void> {
    const enough = this.acknowledged.length + count;
    this.#busy = true;
    this.#hurry.abort();
    await expect.poll(() => this.acknowledged.length).toBeGreaterThanOrEqual(enough);
    this.#hurry = new AbortController();
    this.#busy = false;
  }

  async #work(server: Address, writer: number): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#step(server, writer);
      } catch {
        this.failures++;
      }
      if (this.#busy) await pause(BUSY_PAUSE_MS);
      else await pause(PAUSE_MS, undefined, { signal: this.#hurry.signal }).catch(() => undefined);
    }
  }

  async #step(server: Address, writer: number): Promise<void> {
    const { addTasks } = await ask<{ addTasks: { taskIds: string[] } }>(
      server,
      'mutation { addTasks(input: {projectId: "alpha", tasks: [{description: "work"}]}) { taskIds } }',
    );
    this.#done("task.created", addTasks.taskIds[0]);
    const { claimNextTask } = await ask<{ claimNextTask: { attempt: string; task: { taskId: string } | null } }>(
      server,
      `mutation { claimNextTask(input: {projectId: "alpha", worker: "w${writer}"}) { attempt task { taskId } } }`,
    );
    const { attempt, task } = claimNextTask;
    if (!task) return;
    this.#done("task.claimed", task.taskId);
    await ask(
      server,
      `mutation { updateTaskStatus(input: {projectId: "alpha", taskId: "${task.taskId}", status: COMPLETED, attempt: "${attempt}"}) {
        task { taskId } } }`,
    );
    this.#done("task.completed", task.taskId);
  }

  #done(type: string, taskId = ""): void {
    this.acknowledged.push(`${type} ${taskId}`);
  }
}

/** Everything a subscriber was given, over all its connections. */
export interface Follower {
  readonly events: readonly SeenEvent[];
  /** Connections so far, where it makes them itself. */
  connections: number;
}

const document = new TypedDocumentString<{ taskEvents: Frame | null }, { after?: string }>(
  `subscription ($after: String) { taskEvents(filter: {projects: ["alpha"]}, after: $after) { ${FIELDS} } }`,
);

interface Frame {
  readonly cursor: string;
  readonly events: readonly SeenEvent[];
}

let followers = 0;

/** Follows project alpha with the client of the command line and of MCP, from now until the test ends. */
export async function followByClient({ url, agentKey }: Address): Promise<Follower> {
  const stop = new AbortController();
  const clientId = `follower-${++followers}`;
  const frames = followStream({ url, apiKey: agentKey, clientId, document, variables: {}, signal: stop.signal });
  return collect(frames, stop, { events: [], connections: 1 });
}

/**
 * Follows project alpha as server-sent events, as a simple program would: when the connection breaks it makes another,
 * to the next of `servers`, after the last cursor.
 */
export async function followBySse(servers: readonly Address[]): Promise<Follower> {
  const stop = new AbortController();
  const clientId = `follower-${++followers}`;
  const follower = { events: [] as SeenEvent[], connections: 0 };
  async function* frames() {
    let after: string | null = null;
    while (!stop.signal.aborted) {
      const server = servers[follower.connections++ % servers.length] as Address;
      try {
        for await (const frame of sseFrames(server, clientId, after, stop.signal)) {
          after = frame.cursor;
          yield frame;
        }
      } catch {
        await pause(50);
      }
    }
  }
  return collect(frames(), stop, follower);
}

async function* sseFrames({ url, agentKey }: Address, clientId: string, after: string | null, signal: AbortSignal) {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${agentKey}`,
      "content-type": "application/json",
      "docket-client-id": clientId,
      accept: "text/event-stream",
    },
    body: JSON.stringify({ query: document.toString(), variables: { after } }),
    signal,
  });
  let text = "";
  for await (const chunk of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const data = /^data: ?(.+)$/m.exec(text.slice(0, end))?.[1];
      text = text.slice(end + 2);
      if (data) yield (JSON.parse(data) as { data: { taskEvents: Frame } }).data.taskEvents;
    }
  }
}

/** @returns once the first frame said from where on it is live. */
async function collect<F extends { events: readonly SeenEvent[]; connections: number }>(
  frames: AsyncGenerator<Frame>,
  stop: AbortController,
  follower: F,
): Promise<F> {
  const live = Promise.withResolvers<void>();
  const events = follower.events as SeenEvent[];
  const running = (async () => {
    for await (const frame of frames) {
      events.push(...frame.events);
      live.resolve();
    }
  })();
  // A refusal fails the test at its end.
  running.catch(live.reject);
  onTestFinished(async () => {
    stop.abort();
    await running;
  });
  await live.promise;
  return follower;
}

const LIFE_OF_A_TASK = ["task.created", "task.claimed", "task.completed"];

/** Ends the traffic; then holds what the server said and what it delivered against its log. */
export async function expectNothingMissing(server: Address, writers: Writers, ...followers: Follower[]): Promise<void> {
  await writers.stop();
  const log = await history(server);
  expect(log.map(({ number }) => number)).toEqual(log.map((_, i) => i + 1));
  expect(writers.acknowledged.length).toBeGreaterThan(0);
  const written = new Set(log.map(({ type, subjectId }) => `${type} ${subjectId}`));
  expect(writers.acknowledged.filter((done) => !written.has(done))).toEqual([]);
  for (const of of Map.groupBy(log.slice(1), ({ subjectId }) => subjectId).values())
    expect(of.map(({ type }) => type)).toEqual(LIFE_OF_A_TASK.slice(0, of.length));
  for (const { events } of followers) {
    await expect.poll(() => events.at(-1)?.number).toBe(log.length);
    // Its stream began when only the project was there.
    expect(events).toEqual(log.slice(1));
  }
}
