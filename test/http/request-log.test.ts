import { expect, test } from "vitest";
import { startTestServer } from "../support/server.ts";
import { connectSocket, openSocket } from "../support/socket.ts";

const SECRET = "hunter2hunter2";

test("the request log carries no secret, wherever it was put", async () => {
  const { url, wsUrl, agentKey: key, logged } = await startTestServer();
  const headers = { authorization: `Bearer ${key}` };
  const document = encodeURIComponent(`{ project(projectId: "${SECRET}") { name } }`);
  const asked = [
    `/graphql?apiKey=${SECRET}`,
    `/graphql?access_token=${SECRET}&query=${document}`,
    `/graphql?${SECRET}`,
    `/graphql?query={viewer{name}}&variables={"a":"${SECRET}"}&operationName=${SECRET}`,
    `/sign-in?token=${SECRET}&key=${SECRET}`,
    `/${SECRET}`,
    `/mcp/${SECRET}?apiKey=${SECRET}`,
    `/health?key=${SECRET}`,
    `//${SECRET}:${SECRET}@localhost/graphql`,
  ];
  for (const path of asked) await (await fetch(url + path, { headers })).text();
  await expect(
    openSocket(`${wsUrl}?apiKey=${SECRET}`, { headers: { cookie: `docket_session_${new URL(url).port}=x` } }),
  ).rejects.toThrow("403");
  await expect(openSocket(`${url.replace("http", "ws")}/${SECRET}`)).rejects.toThrow("404");
  await expect.poll(() => logged).toHaveLength(asked.length + 2);
  expect(JSON.stringify(logged)).not.toContain(SECRET);
  // What is left still tells what was asked.
  expect(logged[1]).toMatchObject({
    path: "/graphql",
    params: { "(other)": "(not logged)", query: "(not logged)" },
    operation: "query",
    code: "PROJECT_NOT_FOUND",
  });
  expect(logged[5]).toMatchObject({ path: "(none of this server)", status_code: 404 });
});

test("the name of an operation is logged up to a hundred characters", async () => {
  const { gql, wsUrl, agentKey, logged } = await startTestServer();
  const [fits, long] = ["a".repeat(100), "b".repeat(5_000)];
  const queries = [fits, long].map((name) => `query ${name} { viewer { name } }`);
  for (const query of queries) await gql(query);
  const socket = await connectSocket(wsUrl, { apiKey: agentKey });
  socket.send({ type: "subscribe", id: "1", payload: { query: queries[1] } });
  await expect
    .poll(() => logged.map(({ operation }) => operation))
    .toEqual([fits, long.slice(0, 100), long.slice(0, 100)]);
});
