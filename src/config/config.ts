import { loadEnvFile } from "node:process";
import { z } from "zod";
import { database } from "./database.ts";
import { home } from "./home.ts";
import { http } from "./http.ts";
import { jobs } from "./jobs.ts";
import { jwt } from "./jwt.ts";
import { limits } from "./limits.ts";
import { log } from "./log.ts";
import { logger } from "./logger.ts";
import { metrics } from "./metrics.ts";
import { nats } from "./nats.ts";
import { aboutOf } from "./setting.ts";
import { tasks } from "./tasks.ts";
import { traces } from "./traces.ts";
import { trustedDocuments } from "./trusted-documents.ts";
import { webhooks } from "./webhooks.ts";

/** Each reads its own variables from the one environment, in the order in which faults and the README name them. */
const PARTS = {
  http,
  limits,
  database,
  home,
  logger,
  log,
  tasks,
  jobs,
  nats,
  webhooks,
  jwt,
  metrics,
  traces,
  trustedDocuments,
};

const Parts = z.object(PARTS).readonly();

/** Everything that can be set from outside, with its defaults filled in. */
export type Config = z.output<typeof Parts>;

/** Settings that cannot work; the message lists every fault, one per line. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** The configuration of this process, from its environment and an `.env` file in the current folder. */
export function loadConfig(): Config {
  try {
    loadEnvFile();
  } catch (error) {
    // No such file is the usual case.
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
  const config = readConfig(process.env);
  if (config.database.url === null) forgetOtherServers();
  return config;
}

/** PGSSLMODE, PGOPTIONS and their like are meant for other servers; every connection of ours would follow them. */
function forgetOtherServers(): void {
  for (const name of Object.keys(process.env)) if (name.startsWith("PG")) delete process.env[name];
}

/** @throws ConfigError naming every setting that cannot work. */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  // `NAME=` in a shell or a compose file means "not set".
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value?.trim()));
  const parsed = Parts.safeParse(Object.fromEntries(Object.keys(PARTS).map((part) => [part, given])));
  if (!parsed.success) throw new ConfigError(describeFaults(parsed.error, given));
  return parsed.data;
}

/** The schema of each environment variable, in the order of the parts. */
export const SETTINGS: ReadonlyMap<string, z.core.$ZodType> = new Map(
  Object.values(PARTS).flatMap((part) => Object.entries(part.unwrap().in.shape)),
);

function describeFaults(error: z.ZodError, given: Readonly<Record<string, string | undefined>>): string {
  const faults = error.issues.map(({ path: [, variable], message }) => {
    const name = String(variable);
    const schema = SETTINGS.get(name);
    const shown = schema && aboutOf(name, schema).shown;
    return `  ${name} ${message}${shown ? `, not ${JSON.stringify(given[name])}` : ""}.`;
  });
  return ["Docket cannot start with these settings:", ...faults].join("\n");
}
