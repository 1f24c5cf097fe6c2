import { parseArgs } from "node:util";
import { makeScratchDatabase } from "../scratch-database.ts";
import { print } from "../tell.ts";
import { printResult } from "./report.ts";
import { type RaceOptions, runRace } from "./run.ts";

const HELP = `npm run race -- [options]

Several servers on one database and many clients at once. Connections break in the middle, servers and PostgreSQL are
killed with SIGKILL while they answer, hostile readers ask for all they can, and workers that lost their task try to
write it. Prints how many tasks two workers held at once, IDs that were given twice, answers that were lost, holes in
the log and writes that passed the fence, and how long claims took with and without the hostile readers.

  --clients N       clients that work at once (100)
  --tasks N         tasks they add, claim and complete (2000)
  --reservations N  reservations of 1 to 6 IDs they make (2000)
  --servers N       server processes (3)
  --kills N         servers killed, each started again at once (10)
  --database-kills N  kills of the embedded PostgreSQL, which the servers start again (2)
  --hostile N       readers that ask for as much as they can, on and off (20)
  --seed N          for the random choices (of now)

DATABASE_URL names a PostgreSQL to use instead of an embedded one, and not to kill; a database of the race's own is made
there and dropped.
`;

const DEFAULTS: RaceOptions = {
  clients: 100,
  tasks: 2000,
  reservations: 2000,
  servers: 3,
  kills: 10,
  databaseKills: 2,
  hostile: 20,
  seed: 0,
};

function readOptions(): RaceOptions | undefined {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    options: {
      help: { type: "boolean", short: "h" },
      clients: text,
      tasks: text,
      reservations: text,
      servers: text,
      kills: text,
      "database-kills": text,
      hostile: text,
      seed: text,
    },
  });
  if (values.help) return undefined;
  const whole = (name: keyof typeof values, fallback: number, least: number) => {
    const value = Number(values[name] ?? fallback);
    if (!Number.isSafeInteger(value) || value < least)
      throw new Error(`--${name} must be a whole number from ${least}.`);
    return value;
  };
  return {
    clients: whole("clients", DEFAULTS.clients, 1),
    tasks: whole("tasks", DEFAULTS.tasks, 0),
    reservations: whole("reservations", DEFAULTS.reservations, 0),
    servers: whole("servers", DEFAULTS.servers, 1),
    kills: whole("kills", DEFAULTS.kills, 0),
    databaseKills: whole("database-kills", DEFAULTS.databaseKills, 0),
    hostile: whole("hostile", DEFAULTS.hostile, 0),
    seed: whole("seed", Date.now() % 1_000_000, 0),
  };
}

async function main(): Promise<void> {
  const options = readOptions();
  if (!options) return print(HELP);
  print(`Seed ${options.seed}.`);
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => interrupted.abort());
  const database = await makeScratchDatabase(process.env["DATABASE_URL"]);
  try {
    const result = await runRace(options, { database, print, interrupted: interrupted.signal });
    printResult(result, print);
    if (result.findings.length + result.failures.length > 0) process.exitCode = 1;
  } finally {
    await database.drop();
  }
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
// A request that was given up may still hold a socket.
process.exit();
