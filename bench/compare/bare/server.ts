import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Db } from "../../../src/db/database.ts";
import { answerTo } from "./answers.ts";
import { openBareDb } from "./bare-db.ts";
import { VIEWER } from "./viewer.ts";

/**
 * A server that `node:http` and `pg` alone would make: `POST /<name of the document>` with the variables as JSON. It runs
 * the verbs of Docket, so that its statements are the same to the letter, without all that stands around them there:
 * GraphQL, authentication, limits, turns, the log line, the move of events into the log.
 * `POST /combined/<name>` combines requests where Docket does; otherwise each is a transaction of its own.
 */
const [url, size] = process.argv.slice(2);
if (url === undefined || size === undefined) throw new Error("Give the URL of the database and how many connections.");

const COMBINED = "/combined/";
const db = openBareDb(url, Number(size));

/** Requests are combined by database: with one of its own a request is alone. */
const ownDb = (): Db => ({ ...db });

function serve(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    answer(request.url ?? "/", Buffer.concat(chunks).toString()).then(
      (data) => end(response, 200, { data }),
      (error: unknown) => end(response, 500, { errors: [{ message: String(error) }] }),
    );
  });
}

function answer(path: string, body: string): Promise<object> {
  const combined = path.startsWith(COMBINED);
  const name = path.slice(combined ? COMBINED.length : 1);
  const ctx = { db: combined ? db : ownDb(), viewer: VIEWER, correlationId: randomUUID() };
  return answerTo(name)(ctx, JSON.parse(body) as never);
}

function end(response: ServerResponse, status: number, content: object): void {
  const text = JSON.stringify(content);
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  response.end(text);
}

const server = createServer(serve).listen(0, "127.0.0.1", () => {
  process.send?.((server.address() as AddressInfo).port);
});
process.on("disconnect", () => process.exit());
