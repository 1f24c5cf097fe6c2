import { parseArgs } from "node:util";
import type { Measurement } from "./measure.ts";
import { type BenchOptions, seeds } from "./seeds.ts";
import { table } from "./table.ts";

const HELP = `npm run bench -- <name> [--seconds N] [--profile FOLDER]

  seeds              the times that the requirements name

  --seconds N        how long a steady load lasts (60)
  --profile FOLDER   where the server leaves a CPU profile when it ends

DATABASE_URL names a PostgreSQL to use instead of an embedded one; a database of the run's own is made there and dropped.
`;

const SUITES: Readonly<Record<string, (options: BenchOptions) => Promise<Measurement[]>>> = { seeds };

const print = (line: string) => console.log(line);

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seconds: { type: "string", default: "60" },
      profile: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return print(HELP);
  const suite = SUITES[positionals[0] ?? ""];
  const seconds = Number(values.seconds);
  if (!suite || positionals.length > 1) throw new Error(HELP);
  if (!Number.isInteger(seconds) || seconds < 1) throw new Error("--seconds must be a whole number from 1.");

  const measurements = await suite({ seconds, profile: values.profile, print });
  print(`\n${table(measurements)}`);
  if (!measurements.every(({ ok }) => ok)) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
// Connections that are kept alive would delay the end.
process.exit();
