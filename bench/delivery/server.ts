import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ScratchDatabase } from "../scratch-database.ts";
import { ServerProcess, WITHOUT_LIMITS } from "../server-process.ts";
import { STREAMS_PER_CLIENT } from "./own-log.ts";
import type { Memory } from "./usage.ts";

/** A server process of one row, so that no row finds what an earlier one left in memory. */
export interface Server extends AsyncDisposable {
  readonly url: string;
  readonly apiKey: string;
  memory(): Promise<Memory>;
  /** Processor time used so far, in milliseconds. */
  processorMs(): Promise<number>;
}

export async function startServer({ url: databaseUrl, home, docket }: ScratchDatabase): Promise<Server> {
  const server = new ServerProcess({
    databaseUrl,
    home,
    docket,
    environment: {
      ...WITHOUT_LIMITS,
      DOCKET_STREAMS_PER_CLIENT: String(STREAMS_PER_CLIENT),
      DOCKET_SOCKETS_PER_KEY: String(STREAMS_PER_CLIENT),
    },
    probe: new URL("./probe.ts", import.meta.url),
  });
  const killNow = () => server.killNow();
  process.once("exit", killNow);
  try {
    await server.start();
    const apiKey = (await readFile(join(home, "agent-key"), "utf8")).trim();
    return {
      url: server.url,
      apiKey,
      memory: async () => (await server.ask("memory")) as Memory,
      processorMs: async () => (await server.ask("processor time")) as number,
      async [Symbol.asyncDispose]() {
        await server.stop();
        process.off("exit", killNow);
      },
    };
  } catch (error) {
    await server.kill();
    throw error;
  }
}
