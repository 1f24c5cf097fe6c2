import { followStream } from "../client/stream.ts";
import { SmokeCursor, SmokeStream } from "./documents.ts";
import type { Ground } from "./path.ts";

/** A stream that hears what happens after a cursor, until it is told to end. */
type Listen = (ground: Ground, after: string, signal: AbortSignal) => AsyncIterable<string | object>;

export const hearOverSocket = (ground: Ground, add: () => Promise<string>) => hear(ground, add, overSocket);
export const hearOverEvents = (ground: Ground, add: () => Promise<string>) => hear(ground, add, overEvents);

const LONGEST_MESSAGE = 1_000_000;

/** Adds a task and waits until the stream tells of it. */
async function hear(ground: Ground, add: () => Promise<string>, listen: Listen): Promise<string> {
  const { logCursor } = await ground.request(SmokeCursor, {});
  const ending = new AbortController();
  const signal = AbortSignal.any([ending.signal, AbortSignal.timeout(ground.patienceMs)]);
  const frames = listen(ground, logCursor, signal);
  const taskId = await add();
  try {
    for await (const frame of frames) {
      const text = typeof frame === "string" ? frame : JSON.stringify(frame);
      if (text.includes(`"${taskId}"`)) return `heard of ${taskId}`;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    ending.abort();
  }
  throw new Error(
    `Nothing was heard of ${taskId} within ${ground.patienceMs / 1_000} s. Does a proxy hold the stream back?`,
  );
}

const overSocket: Listen = ({ url, apiKey, clientId, projectId }, after, signal) =>
  followStream({ url, apiKey, clientId, document: SmokeStream, variables: { projectId, after }, signal });

async function* overEvents({ url, apiKey, clientId, projectId }: Ground, after: string, signal: AbortSignal) {
  const query = { query: SmokeStream.toString(), variables: JSON.stringify({ projectId, after }) };
  const response = await fetch(`${url}/graphql?${new URLSearchParams(query)}`, {
    headers: { authorization: `Bearer ${apiKey}`, accept: "text/event-stream", "docket-client-id": clientId },
    signal,
  });
  if (!response.ok) throw new Error(`The stream is refused with ${response.status}.`);
  let text = "";
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    const messages = text.split("\n\n");
    text = messages.pop() ?? "";
    if (text.length > LONGEST_MESSAGE) throw new Error("The stream holds no events.");
    yield* messages;
  }
}
