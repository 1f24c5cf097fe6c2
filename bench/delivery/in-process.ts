import type { Subscribe } from "./audience.ts";
import { type OwnLog, VIEWER } from "./own-log.ts";

/** Subscribers without any socket: what is left of a delivery is the log's own part. */
export const followersOf =
  ({ log }: OwnLog, projectId: string): Subscribe =>
  async (_index, { receive, fail }) => {
    const stream = await log.follow(VIEWER, { filter: { projects: [projectId] }, after: null });
    let ended = false;
    const first = await stream.next();
    if (first.done) throw new Error("The log ended a stream.");
    const listen = async () => {
      for await (const { events } of stream) receive(events);
      if (!ended) throw new Error("The log ended a stream.");
    };
    receive(first.value.events);
    listen().catch(fail);
    return () => {
      ended = true;
      void stream.return?.();
    };
  };
