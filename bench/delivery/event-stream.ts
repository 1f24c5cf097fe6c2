import { frameOf, type Result, type Subscription } from "./frame.ts";
import { headOf, onceForAll, openRawSocket, Pieces } from "./raw-socket.ts";

const LINE = "\r\n";
const END_OF_EVENT = "\n\n";
const DATA = /^data: (.*)$/m;

/** What an event brings; undefined for one without data, such as the time after which to come back. */
const resultIn = onceForAll((text) => {
  const [, data] = DATA.exec(text) ?? [];
  return data === undefined ? undefined : (JSON.parse(data) as Result);
});

/** Asks for one subscription as server-sent events. The answer cuts it off. */
export function openEventStream({ server, document, variables, index, onFrame, onFault }: Subscription): () => void {
  const asked = new URLSearchParams({ query: document, variables: JSON.stringify(variables) });
  const greeting = [
    `GET /graphql?${asked} HTTP/1.1`,
    "Host: 127.0.0.1",
    "Accept: text/event-stream",
    `Authorization: Bearer ${server.apiKey}`,
    "\r\n",
  ].join("\r\n");
  const events = new Pieces();
  let begun = false;
  const close = () => {
    socket.removeAllListeners("close").destroy();
  };
  const fault = (error: Error) => {
    close();
    onFault(error);
  };
  const take = (bytes: Buffer) => {
    if (begun) return takeChunk(bytes, (content) => events.add(content, takeEvent));
    const head = headOf(bytes, 200);
    begun = head > 0;
    return head;
  };
  const takeEvent = (content: Buffer) => {
    const end = content.indexOf(END_OF_EVENT);
    if (end < 0) return 0;
    const result = resultIn(content.subarray(0, end));
    if (result) onFrame(frameOf(result));
    return end + END_OF_EVENT.length;
  };
  const socket = openRawSocket({
    url: server.url,
    index,
    greeting,
    take,
    onFault: fault,
  });
  return close;
}

/** @returns the bytes of the first chunk; 0 while it is not whole. */
function takeChunk(bytes: Buffer, receive: (content: Buffer) => void): number {
  const line = bytes.indexOf(LINE);
  if (line < 0) return 0;
  const size = Number.parseInt(bytes.toString("latin1", 0, line), 16);
  const begin = line + LINE.length;
  if (bytes.length < begin + size + LINE.length) return 0;
  if (size === 0) throw new Error("The server ended a stream.");
  receive(bytes.subarray(begin, begin + size));
  return begin + size + LINE.length;
}
