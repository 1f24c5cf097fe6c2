import { expect, test } from "vitest";
import type { Role } from "../../src/access/viewer.ts";
import { tableOf } from "../../src/config/readme.ts";
import { nextOf, subscribe } from "../support/event-stream.ts";
import type { GraphQLAnswer, TestServer } from "../support/server.ts";
import { ownArguments, REACHED } from "./cases.ts";
import { documentOf, type Operation, type Walked, walk } from "./schema-walk.ts";
import { startWorld } from "./world.ts";

/** From the lowest on. */
const ROLES: readonly Role[] = ["reader", "agent", "admin"];

async function ask({ gql, url }: TestServer, walked: Walked, variables: object, key: string) {
  if (walked.operation !== "subscription") return gql(documentOf(walked, 0), variables, { key });
  const { events, leave } = await subscribe(url, documentOf(walked, 0), { key, variables });
  const frame: GraphQLAnswer<unknown> = JSON.parse((await nextOf(events)).data);
  leave();
  return frame;
}

/** Whether the caller was refused the field itself. */
const isForbidden = ({ errors = [] }: GraphQLAnswer<unknown>) =>
  errors.some(({ path, extensions }) => path?.length === 1 && extensions["code"] === "FORBIDDEN");

const rootFields = (operation: Operation) => walk(operation, REACHED).filter(({ parent }) => parent === undefined);

test("each role may do what docs/permissions.md says, and nothing more", async () => {
  const world = await startWorld();
  const { server } = world;
  const keys: Readonly<Record<Role, string>> = {
    reader: (await server.makeKey({ name: "reader", role: "reader" })).secret,
    agent: server.agentKey,
    admin: server.adminKey,
  };
  const rows: string[][] = [];
  for (const operation of ["query", "mutation", "subscription"] as const)
    for (const walked of rootFields(operation)) {
      const allowed: Role[] = [];
      for (const role of ROLES)
        if (!isForbidden(await ask(server, walked, ownArguments(world, walked), keys[role]))) allowed.push(role);
      const lowest = allowed[0];
      expect([walked.name, allowed]).toEqual([walked.name, lowest && ROLES.slice(ROLES.indexOf(lowest))]);
      const { verb } = walked.field.extensions;
      if (operation === "mutation") expect([walked.name, lowest]).toEqual([walked.name, verb?.role]);
      else expect([walked.name, verb]).toEqual([walked.name, undefined]);
      rows.push([operation, `\`${walked.name}\``, lowest ?? "", verb?.effect ?? ""]);
    }
  expect(
    (await server.gql("{ projects { totalCount } tasks { totalCount } }", {}, { key: keys.reader })).errors,
  ).toBeUndefined();
  await expect(
    `# Who may ask what

The lowest role of a key that may use each field; every role may also do what the roles before it may: reader, agent,
admin. What lies outside a key's projects does not exist for it, whatever its role. \`ends\`: it may take something away
for good. Programs read the same of mutations in \`schema/verbs.json\`.

${tableOf([["", "field", "role", "effect"], ...rows.sort()])}
`,
  ).toMatchFileSnapshot("../../docs/permissions.md");
});
