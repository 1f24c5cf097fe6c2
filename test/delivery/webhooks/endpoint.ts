import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { onTestFinished } from "vitest";
import type { CloudEvent } from "../../../src/delivery/cloud-event.ts";

/** A request as the endpoint got it. */
export interface Received {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly event: CloudEvent;
}

export type Answering = (
  response: ServerResponse,
  received: Received,
  request: IncomingMessage,
) => void | Promise<void>;

export interface Endpoint {
  readonly url: string;
  readonly port: number;
  /** In the order in which they came, repetitions too. */
  readonly received: readonly Received[];
  /** Ids of events that came while another of the same subject was being answered. */
  readonly overlaps: readonly string[];
  answer: Answering;
}

export const ok: Answering = (response) => void response.writeHead(204).end();

/** Answers with a status and nothing else. */
export const status =
  (code: number, headers: Record<string, string> = {}): Answering =>
  (response) =>
    void response.writeHead(code, headers).end();

/** A real HTTP server that receives webhooks until the test ends. */
export async function startEndpoint(answer: Answering = ok, host = "127.0.0.1"): Promise<Endpoint> {
  const received: Received[] = [];
  const overlaps: string[] = [];
  const answering = new Map<string, number>();
  const server = createServer(async (request, response) => {
    const body = await text(request);
    const event: CloudEvent = JSON.parse(body);
    const one = { path: request.url ?? "", headers: request.headers as Record<string, string>, body, event };
    received.push(one);
    const subject = `${event.source} ${event.subject}`;
    const others = answering.get(subject) ?? 0;
    if (others > 0) overlaps.push(event.id);
    answering.set(subject, others + 1);
    response.on("close", () => answering.set(subject, (answering.get(subject) ?? 0) - 1));
    await endpoint.answer(response, one, request);
  });
  server.listen(0, host);
  await once(server, "listening");
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  const { port } = server.address() as AddressInfo;
  const name = host.includes(":") ? `[${host}]` : host;
  const endpoint: Endpoint = { url: `http://${name}:${port}/hook`, port, received, overlaps, answer };
  return endpoint;
}

/** By subject the numbers of its events in the order in which they came first: what is left after leaving out repetitions. */
export function numbersBySubject(received: readonly Received[]): Map<string, number[]> {
  const seen = new Set<string>();
  const first = received.filter(({ event }) => !seen.has(event.id) && seen.add(event.id));
  const bySubject = Map.groupBy(first, ({ event }) => `${event.source} ${event.subject}`);
  return new Map([...bySubject].map(([subject, of]) => [subject, of.map(({ event }) => event.data.number)]));
}
