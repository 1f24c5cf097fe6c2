import { expect } from "vitest";
import type { TestServer } from "../support/server.ts";

export const TELL = { headers: { "docket-cost": "1" } };

/** What the server says that an operation costs, which it answers. */
export async function costOf(server: TestServer, document: string, variables?: object): Promise<number | undefined> {
  const answer = await server.gql<unknown>(document, variables, TELL);
  expect(answer.errors).toBeUndefined();
  return (answer as { extensions?: { cost: number } }).extensions?.cost;
}
