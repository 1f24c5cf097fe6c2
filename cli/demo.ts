import { Command } from "commander";

/** Where a server started in this folder keeps its first keys; the agent's comes first. */
const LOCAL_KEY_FILES = [".docket/agent-key", ".docket/api-key"];

export const demoCommand = new Command("demo")
  .description("let simulated agents work on five projects of a running server until Ctrl-C")
  .action(async () => {
    const [{ readClientConfig }, { createRequest }, { followStream }, { DemoEvents, runDemo }] = await Promise.all([
      import("../client/config.ts"),
      import("../client/request.ts"),
      import("../client/stream.ts"),
      import("./demo/run.ts"),
    ]);
    const { setTimeout: delay } = await import("node:timers/promises");
    try {
      const { url, apiKey } = readClientConfig({ fallbackKeyFiles: LOCAL_KEY_FILES });
      if (apiKey === undefined) throw new Error(NO_KEY);

      const stop = new AbortController();
      for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
      const { signal } = stop;
      console.log(`Ten agents work on five projects at ${url}. Ctrl-C ends it.`);

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
            signal,
            document: DemoEvents,
            variables: { filter: { projects: [...projects] } },
          }),
      });
      console.log(`Stopped. ${events} events came live, ${missing === 0 ? "none" : missing} missing.`);
    } catch (error) {
      console.error(error instanceof Error ? error.message : String(error));
      process.exitCode = 1;
    }
    // Agents that were waiting when another one failed would keep the process alive.
    process.exit();
  });

const NO_KEY = `No API key: run this in the folder where the server was started (it reads ${LOCAL_KEY_FILES.join(" or ")}), or set DOCKET_API_KEY or DOCKET_API_KEY_FILE.`;
