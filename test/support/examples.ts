import { Kind, parse } from "graphql";
import { expect } from "vitest";
import { nextOf, subscribe } from "./event-stream.ts";
import type { TestServer } from "./server.ts";

/**
 * Runs every operation of a document as it stands, in its order, as GraphiQL would: by the name of the operation, with
 * the same variables. Fails for an error; of a subscription the first frame counts.
 * @param send what the page sends its requests with.
 */
export async function runExample(
  server: TestServer,
  query: string,
  variables: object = {},
  send = fetch,
): Promise<void> {
  const asking = { key: server.adminKey, client: "graphiql-test" };
  const operations = parse(query).definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION);
  expect(operations.length).toBeGreaterThan(0);
  for (const { name, operation } of operations) {
    if (operations.length > 1) expect([query, name?.value]).toEqual([query, expect.any(String)]);
    if (operation === "subscription") {
      const { events } = await subscribe(server.url, query, { key: server.adminKey });
      expect(JSON.parse((await nextOf(events)).data)).toMatchObject({ data: expect.anything() });
      continue;
    }
    const response = await send(`${server.url}/graphql`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${asking.key}`,
        "docket-client-id": asking.client,
      },
      body: JSON.stringify({ query, variables, operationName: name?.value }),
    });
    const answer = (await response.json()) as { data: Record<string, unknown>; errors?: unknown };
    expect([query, name?.value, answer.errors]).toEqual([query, name?.value, undefined]);
    // Nothing to do is no example of anything.
    expect(JSON.stringify(answer.data)).not.toMatch(/"idle":\{/);
  }
}
