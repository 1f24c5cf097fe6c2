import { Command } from "commander";
import { allCommand } from "./all.ts";
import { compareCommand } from "./compare/command.ts";
import { crashLoopCommand } from "./crash-loop/command.ts";
import { deliveryCommand } from "./delivery/command.ts";
import { fairnessCommand } from "./fairness/command.ts";
import { flowCommand } from "./flow/command.ts";
import { peersCommand } from "./peers/command.ts";
import { recurrencesCommand } from "./recurrences/command.ts";
import { seedsCommand } from "./seeds/command.ts";
import { startCommand } from "./start/command.ts";
import { statisticsCommand } from "./statistics/command.ts";
import { tokensCommand } from "./tokens/command.ts";
import { wrongKeysCommand } from "./wrong-keys/command.ts";

const COMMANDS = [
  allCommand,
  compareCommand,
  peersCommand,
  seedsCommand,
  deliveryCommand,
  fairnessCommand,
  wrongKeysCommand,
  flowCommand,
  crashLoopCommand,
  statisticsCommand,
  recurrencesCommand,
  startCommand,
  tokensCommand,
];

const DATABASE = `
DATABASE_URL names a PostgreSQL to use instead of an embedded one; a database of the run's own is made there and dropped.`;

try {
  const bench = new Command("npm run bench --");
  for (const command of COMMANDS) bench.addCommand(command.addHelpText("after", DATABASE));
  await bench.parseAsync();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
// Connections that are kept alive would delay the end.
process.exit();
