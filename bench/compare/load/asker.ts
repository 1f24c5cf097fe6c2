import { randomUUID } from "node:crypto";
import type { Db } from "../../../src/db/database.ts";
import { askedOfPostGraphile } from "../../peers/questions.ts";
import { answerTo } from "../bare/answers.ts";
import { openBareDb } from "../bare/bare-db.ts";
import { VIEWER } from "../bare/viewer.ts";
import { nameOf, type Question } from "../operations.ts";
import { Connection } from "./connection.ts";

/** Whom the process asks. */
export type Target =
  | { readonly kind: "graphql"; readonly port: number; readonly apiKey?: string }
  | { readonly kind: "postgraphile"; readonly port: number }
  | { readonly kind: "bare"; readonly port: number; readonly prefix: string }
  | { readonly kind: "statements"; readonly databaseUrl: string };

type HttpTarget = Exclude<Target, { kind: "statements" }>;

/** One connection, on which one question at a time is asked. */
export interface Asker {
  /** The data of the answer where it is wanted. @throws Error for an answer that is an error. */
  ask(question: Question): Promise<unknown>;
  close(): void;
}

/** @param client the session that asks. */
export async function openAsker(target: Target, client: string): Promise<Asker> {
  if (target.kind === "statements") return askPostgres(target.databaseUrl, client);
  let connection = await Connection.open(target.port);
  return {
    async ask(question) {
      // A server closes what has been idle for some seconds, such as while slower ones end their warming up.
      if (connection.closed) connection = await Connection.open(target.port);
      const answer = await connection.send(requestFor(question, target, client));
      if (answer.failed) throw new Error(answer.text.slice(0, 500));
      return question.wanted ? (JSON.parse(answer.text) as { data: unknown }).data : undefined;
    },
    close: () => connection.close(),
  };
}

/** Connections to PostgreSQL by the session that asks. They stay, as a server's would: a new one has to plan everything. */
const kept = new Map<string, Db>();

/** The statements without a server before them. */
function askPostgres(databaseUrl: string, client: string): Asker {
  const db = kept.get(client) ?? openBareDb(databaseUrl, 1);
  kept.set(client, db);
  return {
    ask: ({ document, variables }) =>
      answerTo(textsOf(document).name)({ db, viewer: VIEWER, correlationId: randomUUID() }, variables as never),
    close: () => undefined,
  };
}

const texts = new Map<Question["document"], { readonly name: string; readonly query: string }>();

function textsOf(document: Question["document"]) {
  const known = texts.get(document) ?? { name: nameOf(document), query: JSON.stringify(document.toString()) };
  texts.set(document, known);
  return known;
}

function requestFor(question: Question, target: HttpTarget, client: string): string {
  const [path, body] = pathAndBody(question, target);
  const authorization =
    target.kind === "graphql" && target.apiKey !== undefined ? `authorization: Bearer ${target.apiKey}\r\n` : "";
  return (
    `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n${authorization}docket-client-id: ${client}\r\n` +
    `content-type: application/json\r\naccept: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  );
}

function pathAndBody({ document, variables }: Question, target: HttpTarget): [path: string, body: string] {
  const { name, query } = textsOf(document);
  switch (target.kind) {
    case "bare":
      return [`${target.prefix}${name}`, JSON.stringify(variables)];
    case "graphql":
      return ["/graphql", `{"query":${query},"variables":${JSON.stringify(variables)}}`];
    case "postgraphile":
      return ["/graphql", askedOfPostGraphile(name, variables)];
  }
}
