import { afterAll, beforeAll, expect, it } from "vitest";
import { schema } from "../../schema/index.ts";
import { REACHED } from "../access/cases.ts";
import {
  documentOf,
  type Json,
  leastArguments,
  leavesOf,
  type Walked,
  walk,
  withValue,
} from "../access/schema-walk.ts";
import { type GraphQLAnswer, startTestServer, type TestServer } from "../support/server.ts";
import { connectSocket } from "../support/socket.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ keepOpen: true });
  await server.ask('mutation { createProject(input: {projectId: "alpha", name: "Alpha"}) { replayed } }');
});
afterAll(() => server.close());

const fields = [...walk("query", REACHED), ...walk("subscription", {})];

/** Every place in an argument of a field that reads which takes a text; 0 is the first of a list. */
const places = fields.flatMap((walked) =>
  leavesOf(walked.field.args).map(({ path }) => ({ walked, path, shown: `${walked.name}: ${path.join(".")}` })),
);
const inLists = places.filter(({ path }) => path.at(-1) === 0);

/** What the field is told with this value; subscriptions over a WebSocket. */
async function errorsOf({ operation, field, parent, name }: Walked, path: readonly (string | 0)[], value: Json) {
  const least = leastArguments(field.args, () => "x", {});
  const variables = withValue(least, path, value) as object;
  const query = documentOf({ operation, field, name, ...(parent && { parent }) }, 1);
  if (operation === "query") return (await server.gql(query, variables, { key: server.adminKey })).errors;
  const socket = await connectSocket(server.wsUrl, { apiKey: server.adminKey });
  socket.send({ type: "subscribe", id: "1", payload: { query, variables } });
  return ((await socket.next()).payload as GraphQLAnswer<unknown>).errors;
}

const texts = (count: number) => Array.from({ length: count }, (_, i) => `x${i}`);
const refused = (field: string, fault: string) => [
  { message: expect.stringMatching(`^${field}\\(\\w+\\) has ${fault}`), extensions: { code: "BAD_USER_INPUT" } },
];

it("knows the texts and lists that fields take", () => {
  expect(places.map(({ shown }) => shown)).toEqual(
    expect.arrayContaining([
      "tasks: filter.text",
      "tasks: filter.or.0.labels.in.0",
      "Task.history: after",
      "events: after",
    ]),
  );
  expect(inLists.length).toBeGreaterThan(10);
});

it.each(places)("refuses a text of more than 1,000 characters as $shown", async ({ walked, path }) => {
  expect(await errorsOf(walked, path, "x".repeat(1_001))).toMatchObject(
    refused(walked.field.name, "a text of 1001 characters; 1000 at most\\."),
  );
});

it.each(inLists)("refuses more than 1,000 entries in $shown", async ({ walked, path }) => {
  expect(await errorsOf(walked, path.slice(0, -1), texts(1_001))).toMatchObject(
    refused(walked.field.name, "more than 1000 entries in its lists"),
  );
});

it("counts the entries of all lists of an argument, of any kind, wherever it stands and however it is written", async () => {
  const fault = (document: string, variables?: object) =>
    server.gql(document, variables, { key: server.adminKey }).then(({ errors }) => errors);
  const numbers = (count: number) => JSON.stringify(Array.from({ length: count }, () => 1));
  const filter = (count: number) => `{or: [{priority: {in: ${numbers(count)}}}, {priority: {in: ${numbers(499)}}}]}`;
  const tooMany = refused("tasks", "more than 1000 entries");
  const byVariable = "query ($n: [Int!]) { tasks(filter: {priority: {in: $n}}) { totalCount } }";
  expect(await fault(`{ tasks(filter: ${filter(499)}) { totalCount } }`)).toBeUndefined();
  expect(await fault(`{ tasks(filter: ${filter(500)}) { totalCount } }`)).toMatchObject(tooMany);
  expect(await fault(byVariable, { n: JSON.parse(numbers(1_000)) })).toBeUndefined();
  expect(await fault(byVariable, { n: JSON.parse(numbers(1_001)) })).toMatchObject(tooMany);
  expect(await fault(byVariable.replace("[Int!]", `[Int!] = ${numbers(1_001)}`))).toMatchObject(tooMany);
  const answered = `mutation { updateProject(input: {projectId: "alpha", name: "B"}) { project { name ... on Project { tasks(filter: ${filter(500)}) { totalCount } } } } }`;
  expect(await fault(answered)).toMatchObject(tooMany);
  expect(await server.ask('{ project(projectId: "alpha") { name } }')).toEqual({ project: { name: "Alpha" } });
});

it("takes a text of 1,000 characters, and longer ones where something is written", async () => {
  const search = "query ($text: String) { tasks(filter: {text: $text}) { totalCount } }";
  expect(await server.ask(search, { text: "x".repeat(1_000) })).toEqual({ tasks: { totalCount: 0 } });
  const add =
    'mutation ($text: String!) { addTasks(input: {projectId: "alpha", tasks: [{description: $text}]}) { tasksAdded } }';
  expect(await server.ask(add, { text: "x".repeat(1_001) })).toEqual({ addTasks: { tasksAdded: 1 } });
});

it("says so to whoever reads the schema", () => {
  for (const type of [schema.getQueryType(), schema.getSubscriptionType()])
    expect(type?.description).toMatch(/a text has at most 1000 characters.* 1000 entries together/);
});
