import { Command } from "commander";

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
      const { url, apiKey } = readClientConfig({ besideServer: true });
      if (apiKey === undefined) throw new Error(NO_KEY);

      const stop = new AbortController();
      for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
      const { signal } = stop;
      // A pipe that closes (`npm run demo | head`) ends it like Ctrl-C.
      process.stdout.on("error", () => stop.abort());
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
            // Every demo by itself: a key and client may have few streams.
            clientId: `demo-${process.pid}`,
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

const NO_KEY =
  "No API key: run this in the folder where the server was started, with the same DOCKET_HOME (it reads agent-key or " +
  "api-key there, .docket by default), or set DOCKET_API_KEY or DOCKET_API_KEY_FILE.";
