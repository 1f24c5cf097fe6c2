import type { GraphQLAnswer } from "../support/server.ts";
import { connectSocket } from "../support/socket.ts";
import { documentOf, type Walked } from "./schema-walk.ts";
import type { World } from "./world.ts";

export type Role = keyof World["limited"];
export const ROLES: readonly Role[] = ["admin", "agent", "reader"];
/** Those that are told different things: an agent reads what a reader reads, as test/access/roles shows. */
export const READING: readonly Role[] = ["admin", "reader"];

const documents = new Map<string, string>();

/** Those that may use the field: who may not is refused before anything is looked for, as test/access/roles shows. */
export const mayUse = ({ field }: Walked): readonly Role[] =>
  ROLES.slice(0, ROLES.indexOf((field.extensions["verb"]?.role ?? "reader") as Role) + 1);

/** Nouns within each other that are selected, where what they show is the question, and where only which they are. */
export const SHOWN = 2;
export const FOUND = 1;

function askingFor(walked: Walked, nouns: number): string {
  const of = `${walked.operation} ${walked.name} ${nouns}`;
  const document = documents.get(of) ?? documentOf(walked, nouns);
  documents.set(of, document);
  return document;
}

/** Follows a subscription: each call answers the next frame, or the errors. */
export async function follow({ server, limited }: World, role: Role, walked: Walked, variables: object, nouns = SHOWN) {
  const socket = await connectSocket(server.wsUrl, { apiKey: limited[role] });
  socket.send({ type: "subscribe", id: "1", payload: { query: askingFor(walked, nouns), variables } });
  return {
    async next() {
      const { type, payload } = await socket.next();
      return checked((type === "error" ? { data: null, errors: payload } : payload) as GraphQLAnswer<unknown>);
    },
    async close() {
      socket.close();
      await socket.closed;
    },
  };
}

/** Asks with a limited key: over HTTP, or over a WebSocket until the first frame or error of a subscription. */
export async function send(world: World, role: Role, walked: Walked, variables: object, nouns = SHOWN) {
  if (walked.operation !== "subscription")
    return checked(await world.server.gql(askingFor(walked, nouns), variables, { key: world.limited[role] }));
  const stream = await follow(world, role, walked, variables, nouns);
  const first = await stream.next();
  await stream.close();
  return first;
}

/** An answer to a valid document, in which at most a field was refused. */
function checked(answer: GraphQLAnswer<unknown>): GraphQLAnswer<unknown> {
  for (const error of answer.errors ?? [])
    if (error.path === undefined || error.extensions["code"] === "INTERNAL") throw new Error(JSON.stringify(error));
  return answer;
}
