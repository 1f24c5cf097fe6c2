import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { expect, it, onTestFinished, vi } from "vitest";
import type { Statement } from "../../src/db/database.ts";
import { eventually } from "../support/eventually.ts";
import { testIssuer } from "../support/issuer.ts";
import { connectOwner } from "../support/owner.ts";
import { type GraphQLAnswer, startTestServer, type TestServer } from "../support/server.ts";

interface Asked {
  readonly query: string;
  readonly key: string;
}

/** Sends the requests in one piece, so that the server has them in one turn of its event loop; their answers, in order. */
async function askAtOnce({ url }: TestServer, asked: readonly Asked[]): Promise<GraphQLAnswer<unknown>[]> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  const sent = asked.map(({ query, key }, i) => {
    const body = JSON.stringify({ query });
    return `POST /graphql HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\n${i + 1 === asked.length ? "Connection: close\r\n" : ""}Content-Length: ${body.length}\r\n\r\n${body}`;
  });
  socket.write(sent.join(""));
  const answers = (await text(socket)).split(/HTTP\/1\.1 200 OK\r\n/).slice(1);
  return answers.map((answer) => JSON.parse(answer.slice(answer.indexOf("\r\n\r\n"))));
}

/** The names of the statements that are read from here on. */
function watchReads({ database }: TestServer): string[] {
  const names: string[] = [];
  const read = database.read;
  const watched = vi.spyOn(database, "read").mockImplementation((statement: Statement, values) => {
    names.push(typeof statement === "string" ? statement : `${statement.name} ${statement.text}`);
    return read(statement, values);
  });
  onTestFinished(() => watched.mockRestore());
  return names;
}

const ofTasks = (names: readonly string[]) => names.filter((name) => /(FROM|JOIN) tasks t\b/.test(name));

async function start(tasks = 3, env: Record<string, string> = {}): Promise<TestServer> {
  const server = await startTestServer({ env });
  // The first request of a key notes that it was used.
  for (const key of [server.agentKey, server.adminKey]) await server.ask("{ __typename }", {}, { key });
  const owner = await connectOwner(server.test);
  await owner.query("INSERT INTO namespaces (namespace, shared) VALUES ('alpha', false), ('beta', false)");
  await owner.query(
    "INSERT INTO projects (project_id, name, id_namespace) VALUES ('alpha', 'A', 'alpha'), ('beta', 'B', 'beta')",
  );
  await owner.query(
    `INSERT INTO tasks (project_id, task_id, description)
     SELECT p, 'TASK-' || lpad(n::text, 3, '0'), p || ' ' || n FROM unnest(ARRAY['alpha', 'beta']) p, generate_series(1, $1::int) n`,
    [tasks],
  );
  return server;
}

const taskOf = (projectId: string, n: number) =>
  `{ task(projectId: "${projectId}", taskId: "TASK-00${n}") { taskId description } }`;

it("reads what 32 requests of a key ask for in one turn by one statement", async () => {
  const server = await start();
  const reads = watchReads(server);
  const asked = Array.from({ length: 32 }, (_, i) => ({ n: (i % 3) + 1, projectId: i % 2 === 0 ? "alpha" : "beta" }));
  const answers = await askAtOnce(
    server,
    asked.map(({ projectId, n }) => ({ query: taskOf(projectId, n), key: server.agentKey })),
  );
  expect(answers).toEqual(
    asked.map(({ projectId, n }) => ({ data: { task: { taskId: `TASK-00${n}`, description: `${projectId} ${n}` } } })),
  );
  expect(ofTasks(reads)).toHaveLength(1);
});

it("reads for each key by itself what several ask for in one turn, so that none is charged for another", async () => {
  const server = await start();
  const reads = watchReads(server);
  const keys = [server.agentKey, server.adminKey, server.agentKey, server.adminKey];
  const answers = await askAtOnce(
    server,
    keys.map((key, i) => ({ query: taskOf("alpha", (i % 3) + 1), key })),
  );
  expect(answers.map(({ data }) => data)).toEqual(keys.map(() => ({ task: expect.anything() })));
  expect(ofTasks(reads)).toHaveLength(2);
});

it("reads a list once for all of a key that ask for the same, and another for those who ask otherwise", async () => {
  const server = await start();
  const reads = watchReads(server);
  const list = (first: number) =>
    `{ tasks(filter: {projects: ["alpha"]}, first: ${first}) { nodes { taskId } totalCount } }`;
  const sizes = Array.from({ length: 32 }, (_, i) => (i % 2) + 1);
  const answers = await askAtOnce(
    server,
    sizes.map((first) => ({ query: list(first), key: server.agentKey })),
  );
  const page = (first: number) => Array.from({ length: first }, (_, i) => ({ taskId: `TASK-00${i + 1}` }));
  expect(answers).toEqual(sizes.map((first) => ({ data: { tasks: { nodes: page(first), totalCount: 3 } } })));
  expect(ofTasks(reads).filter((text) => text.includes("LIMIT"))).toHaveLength(2);
});

it("shows each token of a subject the projects that it names, whatever another asks for in the same turn", async () => {
  const issuer = testIssuer();
  const server = await start(1, issuer.env);
  const tokenOf = (projectId: string) => issuer.token({ docket_role: "agent", docket_projects: [projectId] });
  const asked = await Promise.all(
    Array.from({ length: 16 }, async (_, i) => {
      const projectId = i % 2 === 0 ? "alpha" : "beta";
      return { projectId, query: "{ tasks { nodes { projectId } totalCount } }", key: await tokenOf(projectId) };
    }),
  );
  expect(await askAtOnce(server, asked)).toEqual(
    asked.map(({ projectId }) => ({ data: { tasks: { nodes: [{ projectId }], totalCount: 1 } } })),
  );
});

it("shows nobody what another key sees, whatever is asked for in the same turn", async () => {
  const server = await start();
  const limited = (await server.makeKey({ name: "limited", projectIds: ["beta"] })).secret;
  const reads = watchReads(server);
  const keys = [server.agentKey, limited, server.adminKey, limited];
  const tasks = await askAtOnce(
    server,
    keys.map((key) => ({ query: taskOf("alpha", 1), key })),
  );
  const [seen, hidden] = [{ data: { task: { taskId: "TASK-001", description: "alpha 1" } } }, { data: { task: null } }];
  expect(tasks).toMatchObject([seen, hidden, seen, hidden]);
  expect(tasks[1]?.errors?.[0]?.extensions["code"]).toBe("PROJECT_NOT_FOUND");
  // Each key takes a turn of its own.
  expect(ofTasks(reads)).toHaveLength(2);

  const lists = await askAtOnce(
    server,
    keys.map((key) => ({ query: "{ tasks { totalCount nodes { projectId } } }", key })),
  );
  const page = (...projects: string[]) => ({
    data: { tasks: { totalCount: projects.length, nodes: projects.map((projectId) => ({ projectId })) } },
  });
  const [all, own] = [page("alpha", "alpha", "alpha", "beta", "beta", "beta"), page("beta", "beta", "beta")];
  expect(lists).toEqual([all, own, all, own]);
});

it("lets requests that would together be too large be answered one by one", async () => {
  const server = await start(9);
  const owner = await connectOwner(server.test);
  // Each project has more than half of what one request may read.
  await owner.query("UPDATE tasks SET metadata = jsonb_build_object('x', repeat('x', 1000000))");
  const keyed = (projectId: string) => ({
    query: `{ project(projectId: "${projectId}") { tasks { nodes { metadata } } } }`,
    key: server.agentKey,
  });
  // So much takes a machine that has other work longer than a statement may: then it is asked again.
  await eventually(
    async () => {
      for (const { data, errors } of await askAtOnce(server, [keyed("alpha"), keyed("beta")])) {
        expect(errors).toBeUndefined();
        expect(data).toMatchObject({ project: { tasks: { nodes: { length: 9 } } } });
      }
    },
    { timeout: 120_000 },
  );
});
