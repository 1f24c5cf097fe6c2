import { randomUUID } from "node:crypto";
import type { Db } from "../../../src/db/database.ts";
import { answerTo } from "../bare/answers.ts";
import { openBareDb } from "../bare/bare-db.ts";
import { VIEWER } from "../bare/viewer.ts";
import { nameOf, type Question } from "../operations.ts";
import { Connection } from "./connection.ts";

/** Whom the process asks. */
export type Target =
  | { readonly kind: "docket"; readonly port: number; readonly apiKey: string }
  | { readonly kind: "bare"; readonly port: number; readonly prefix: string }
  | { readonly kind: "statements"; readonly databaseUrl: string };

/** One connection, on which one question at a time is asked. */
export interface Asker {
  /** The data of the answer where it is wanted. @throws Error for an answer that is an error. */
  ask(question: Question): Promise<unknown>;
  close(): void;
}

/** @param client the session that asks. */
export async function openAsker(target: Target, client: string): Promise<Asker> {
  if (target.kind === "statements") return askPostgres(target.databaseUrl, client);
  const connection = await Connection.open(target.port);
  return {
    async ask(question) {
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

function requestFor(
  { document, variables }: Question,
  target: Exclude<Target, { kind: "statements" }>,
  client: string,
): string {
  const { name, query } = textsOf(document);
  const given = JSON.stringify(variables);
  const [path, body, authorization] =
    target.kind === "bare"
      ? [`${target.prefix}${name}`, given, ""]
      : ["/graphql", `{"query":${query},"variables":${given}}`, `authorization: Bearer ${target.apiKey}\r\n`];
  return (
    `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n${authorization}docket-client-id: ${client}\r\n` +
    `content-type: application/json\r\naccept: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  );
}
