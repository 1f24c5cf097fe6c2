import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Db, Statement } from "../../src/db/database.ts";
import { answerTo } from "./bare/answers.ts";
import { VIEWER } from "./bare/viewer.ts";
import type { Around, Burst, Done } from "./load/process.ts";
import { nameOf, operationNamed, PROJECTS } from "./operations.ts";
import { processorMsOf } from "./processor.ts";

/**
 * The operations that are one statement, whose parameters do not come from another. `counts` has a parameter that is
 * null, which pgbench cannot send.
 */
export const PGBENCH_OPERATIONS: ReadonlySet<string> = new Set(["task", "list"]);

export const hasPgbench = (): boolean => spawnSync("pgbench", ["--version"]).status === 0;

/** A statement as pgbench sends it, to the letter, and the variables that stand for its parameters. */
export interface Script {
  readonly text: string;
  readonly variables: readonly string[];
  /** Whether it is prepared once for each connection, as `pg` does with those that have a name. */
  readonly prepared: boolean;
}

/** @throws Error for a parameter that pgbench cannot send. */
export async function scriptOf(operation: string, number: number): Promise<Script> {
  const { value } = operationNamed(operation).turn({ connection: 0, connections: 1, number, key: "" }).next();
  if (!value) throw new Error(`${operation} asks nothing.`);
  const [statement, values] = await new Promise<[Statement, readonly unknown[]]>((resolve) => {
    // Nothing is answered: its statement is all that is wanted.
    const send = (statement: Statement, values: readonly unknown[] = []) => {
      resolve([statement, values]);
      return new Promise<never>(() => undefined);
    };
    const db: Db = { read: send, write: send, transaction: (work) => work(db) };
    void answerTo(nameOf(value.document))({ db, viewer: VIEWER, correlationId: "" }, value.variables as never);
  });
  const variable = (place: number) => `v${number}_${place}`;
  const text = typeof statement === "string" ? statement : statement.text;
  return {
    text: `${text.replaceAll(/\$(\d+)/g, (_, place) => `:${variable(Number(place))}`)};\n`,
    variables: values.map((value, i) => `${variable(i + 1)}=${textOf(value)}`),
    prepared: typeof statement !== "string",
  };
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return `{${value.map((item) => JSON.stringify(item)).join()}}`;
  if (typeof value === "string" || typeof value === "number") return String(value);
  throw new Error(`pgbench cannot send ${JSON.stringify(value)}.`);
}

/**
 * The same as a burst of the process that asks: `pgbench` with one thread asks for each project in turn of chance. It
 * tells its progress every second, and by that is measured: at least one second, after one to warm up.
 */
export async function runPgbench(
  { operation, connections, seconds }: Pick<Burst, "operation" | "connections" | "seconds">,
  databaseUrl: string,
  around: Around,
): Promise<Done> {
  const folder = await mkdtemp(join(tmpdir(), "docket-pgbench-"));
  try {
    const scripts = await Promise.all(PROJECTS.map((_, i) => scriptOf(operation, i)));
    const mode = scripts.every(({ prepared }) => prepared) ? "prepared" : "extended";
    const measured = Math.ceil(seconds);
    const options = ["--no-vacuum", `--protocol=${mode}`, `--client=${connections}`, "--log", "--progress=1"];
    for (const [i, { text, variables }] of scripts.entries()) {
      await writeFile(join(folder, `${i}.sql`), text);
      options.push(`--file=${i}.sql`, ...variables.map((variable) => `--define=${variable}`));
    }
    // One second to warm up, and the last one has no progress at its end; a machine that is late leaves out a line or two.
    const child = spawn("pgbench", [...options, `--time=${measured + 4}`, databaseUrl], {
      cwd: folder,
      env: { PATH: process.env["PATH"], PGOPTIONS: "-c timezone=UTC -c jit=off" },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const closed = once(child, "close");
    const now = async () => ({ at: Date.now(), processorMs: (await processorMsOf(child.pid ?? 0)) ?? 0 });
    const moments: Awaited<ReturnType<typeof now>>[] = [];
    const printed: string[] = [];
    for await (const line of createInterface(child.stderr)) {
      if (!line.startsWith("progress: ")) printed.push(line);
      else if (moments.push(await now()) === 1) await around.begun();
      else if (moments.length === measured + 1) await around.ended();
    }
    const [code] = await closed;
    const [begun, ended] = [moments[0], moments[measured]];
    if (code !== 0 || !begun || !ended)
      throw new Error(`pgbench ended with ${code} after ${moments.length} seconds:\n${printed.join("\n")}`);
    return {
      seconds: (ended.at - begun.at) / 1000,
      milliseconds: await transactionsIn(folder, begun.at, ended.at),
      errors: 0,
      firstError: undefined,
      processorMs: ended.processorMs - begun.processorMs,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** How long those took that ended between these moments. */
async function transactionsIn(folder: string, from: number, to: number): Promise<number[]> {
  const logs = (await readdir(folder)).filter((file) => file.startsWith("pgbench_log."));
  const lines = (await Promise.all(logs.map((log) => readFile(join(folder, log), "utf8")))).join("").trim().split("\n");
  return lines.flatMap((line) => {
    const [_client, _number, micros, _script, seconds, rest] = line.split(" ").map(Number);
    const endedAt = (seconds ?? 0) * 1000 + (rest ?? 0) / 1000;
    return endedAt > from && endedAt <= to ? [(micros ?? 0) / 1000] : [];
  });
}
