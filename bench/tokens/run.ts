import type { World } from "../world.ts";
import { type CallCost, connectAgent, type DefinitionCost } from "./agent.ts";
import { tokensIn, tokensInJson } from "./count.ts";
import { TokensOverview } from "./documents.ts";
import { fillProject } from "./fill.ts";
import { lookAround, workCycles } from "./session.ts";
import { makeTasks, todoFile } from "./todo.ts";

/** Tasks that others hold, in each project. */
const UNDER_WAY = 3;
const PROJECTS = 7;
const SMALL = 50;

export interface TokensOptions {
  /** Tasks of the files, each of which a project holds, too. */
  readonly sizes: readonly number[];
  /** Work cycles of a session. */
  readonly cycles: number;
}

/** A session of work on the tasks that a file of this size holds. */
interface Session {
  readonly tasks: number;
  /** In tokens. */
  readonly file: number;
  readonly calls: readonly CallCost[];
}

export interface TokensResult extends TokensOptions {
  readonly definitions: DefinitionCost;
  readonly sessions: readonly Session[];
  /** Of all projects; files and calls in tokens. */
  readonly overview: {
    readonly projects: number;
    readonly tasks: number;
    readonly files: number;
    readonly calls: readonly CallCost[];
    /** One document and its data. */
    readonly graphql: number;
  };
}

/** Counts what agents of a server without projects pay, by doing their work. */
export async function countAll(
  world: Pick<World, "url" | "apiKey" | "owner" | "request">,
  { sizes, cycles }: TokensOptions,
): Promise<TokensResult> {
  const all = [...sizes, ...Array.from({ length: PROJECTS - sizes.length }, () => SMALL)];
  const projects = all.map((size, index) => {
    const tasks = makeTasks(size, UNDER_WAY);
    return { name: `shop-${index + 1}`, tasks, file: tokensIn(todoFile(tasks)) };
  });
  for (const { name, tasks } of projects) await fillProject(world, name, tasks);

  await using agent = await connectAgent(world, "shop-1");
  const definitions = await agent.definitions();
  await lookAround(
    agent,
    projects.map(({ name }) => name),
  );
  const overview = {
    projects: projects.length,
    tasks: projects.reduce((sum, { tasks }) => sum + tasks.length, 0),
    files: projects.reduce((sum, { file }) => sum + file, 0),
    calls: agent.paid,
    graphql: tokensIn(TokensOverview.toString()) + tokensInJson(await world.request(TokensOverview, {})),
  };

  const sessions: Session[] = [];
  for (const { name, tasks, file } of projects.slice(0, sizes.length)) {
    await using worker = await connectAgent(world, name);
    await workCycles(worker, cycles);
    sessions.push({ tasks: tasks.length, file, calls: worker.paid });
  }
  return { sizes, cycles, definitions, sessions, overview };
}
