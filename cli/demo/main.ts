import { setTimeout as delay } from "node:timers/promises";
import { NoAnswerError, ServerError } from "../../client/faults.ts";
import { ClientConfigError, readClientConfig } from "../../client/node/config.ts";
import { createRequest, type GraphQLRequest } from "../../client/request.ts";
import { followStream } from "../../client/stream.ts";
import { archiveDemo, unarchiveDemo } from "./archive.ts";
import { DemoEvents, runDemo } from "./run.ts";

/** Plays on the server of the surroundings until a signal. Throws what ended it, with a message for people. */
export async function play(): Promise<void> {
  const { url, apiKey } = readClientConfig({ besideServer: true });
  if (apiKey === undefined) throw new ClientConfigError(noKey("agent-key or api-key"));

  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  const { signal } = stop;
  // A pipe that closes (`npm run demo | head`) ends it like Ctrl-C.
  process.stdout.on("error", () => stop.abort());
  await bringBack();
  console.log(`Ten agents work on five projects at ${url}. Ctrl-C ends it; npx docket demo --clean archives them.`);

  const { events, missing } = await runDemo({
    request: createRequest({ url, apiKey }),
    signal,
    // Ten agents, each with a step every two to five seconds, make about three events a second.
    pace: () => delay(2_000 + Math.random() * 3_000, undefined, { signal }),
    print: (line) => console.log(line),
    follow: (projects) =>
      followStream({
        url,
        apiKey,
        // Each demo has a client id of its own: a key and client may have few streams.
        clientId: `demo-${process.pid}`,
        signal,
        document: DemoEvents,
        variables: { filter: { projects: [...projects] } },
      }),
  });
  console.log(`Stopped. ${events} events came live, ${missing === 0 ? "none" : missing} missing.`);
}

/** Archives what demos have made, and says so. Throws as `play`. */
export async function putAway(): Promise<void> {
  const admin = asAdmin();
  if (admin === undefined) throw new ClientConfigError(noKey("api-key, an admin's,"));
  const projects = await archiveDemo(admin);
  console.log(
    projects.length === 0
      ? "There are no projects of a demo."
      : `Archived ${projects.join(", ")}. They have left every overview, and nothing is deleted; npx docket demo brings them back.`,
  );
}

/** A key that may not do this, or a server that cannot yet, shows in the demo's own first calls. */
async function bringBack(): Promise<void> {
  const admin = asAdmin();
  try {
    if (admin) await unarchiveDemo(admin);
  } catch (error) {
    if (error instanceof NoAnswerError || error instanceof ServerError) return;
    throw error;
  }
}

function asAdmin(): GraphQLRequest | undefined {
  const { url, apiKey } = readClientConfig({ besideServer: true, asAdmin: true });
  return apiKey === undefined ? undefined : createRequest({ url, apiKey });
}

const noKey = (files: string) =>
  `No API key: run this in the folder where the server was started, with the same DOCKET_HOME (it reads ${files} there, ` +
  ".docket by default), or set DOCKET_API_KEY or DOCKET_API_KEY_FILE.";
