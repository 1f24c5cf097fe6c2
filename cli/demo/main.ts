import { setTimeout as delay } from "node:timers/promises";
import { NoAnswerError, ServerError } from "../../client/faults.ts";
import { chooseServer, type ServerChoice } from "../../client/node/choose-server.ts";
import { ClientConfigError, environment } from "../../client/node/config.ts";
import { createRequest, type GraphQLRequest } from "../../client/request.ts";
import { followStream } from "../../client/stream.ts";
import { archiveDemo, unarchiveDemo } from "./archive.ts";
import { DemoEvents, runDemo } from "./run.ts";

/** `--server` and `--key-file`. */
type Asked = Pick<ServerChoice, "server" | "keyFile">;

/** Plays on the chosen server until a signal. Throws what ended it, with a message for people. */
export async function play(asked: Asked): Promise<void> {
  const { url, apiKey } = chosen(asked);
  if (apiKey === undefined) throw new ClientConfigError(noKey("agent-key or api-key"));

  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  const { signal } = stop;
  // A pipe that closes (`npm run demo | head`) ends it like Ctrl-C.
  process.stdout.on("error", () => stop.abort());
  await bringBack(asked);
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
export async function putAway(asked: Asked): Promise<void> {
  const admin = asAdmin(asked);
  if (admin === undefined) throw new ClientConfigError(noKey("api-key, an admin's,"));
  const projects = await archiveDemo(admin);
  console.log(
    projects.length === 0
      ? "There are no projects of a demo."
      : `Archived ${projects.join(", ")}. They have left every overview, and nothing is deleted; npx docket demo brings them back.`,
  );
}

/** A key that may not do this, or a server that cannot yet, shows in the demo's own first calls. */
async function bringBack(asked: Asked): Promise<void> {
  const admin = asAdmin(asked);
  try {
    if (admin) await unarchiveDemo(admin);
  } catch (error) {
    if (error instanceof NoAnswerError || error instanceof ServerError) return;
    throw error;
  }
}

function asAdmin(asked: Asked): GraphQLRequest | undefined {
  const { url, apiKey } = chosen({ ...asked, asAdmin: true });
  return apiKey === undefined ? undefined : createRequest({ url, apiKey });
}

function chosen(asked: Pick<ServerChoice, "server" | "keyFile" | "asAdmin">) {
  const { url, key } = chooseServer({ env: environment, cwd: process.cwd(), ...asked });
  return { url: url.value, apiKey: key?.value };
}

const noKey = (files: string) =>
  `No API key: run this in the folder where the server was started, with the same DOCKET_HOME (it reads ${files} there, ` +
  ".docket by default), run `docket login`, or set DOCKET_API_KEY or DOCKET_API_KEY_FILE.";
