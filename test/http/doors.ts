import { expect } from "vitest";
import { eventually } from "../support/eventually.ts";
import { shareServer } from "../support/server.ts";

export const ALLOWED = "https://board.example";

/** One request, as it is sent through each door. */
export interface Case {
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** What the log says of it. */
  readonly logged: Readonly<Record<string, unknown>>;
}

export const textOf = (body: unknown) => (typeof body === "string" ? body : JSON.stringify(body));

export interface Operation {
  readonly query: string;
  readonly variables?: object;
  readonly operationName?: string;
}

/** A server of the test file's own, and the ways into it. */
export function openDoors() {
  const shared = shareServer({ DOCKET_CORS_ORIGINS: ALLOWED });
  let requests = 0;

  /** All of an answer that is not new each time. */
  async function answered(path: string, { headers, ...init }: RequestInit & { headers: Record<string, string> }) {
    const { url, agentKey, logged } = shared.server;
    const requestId = `door-${++requests}`;
    const { authorization = `Bearer ${agentKey}`, ...others } = headers;
    const response = await fetch(url + path, {
      ...init,
      redirect: "manual",
      headers: { ...others, ...(authorization && { authorization }), "x-request-id": requestId },
    });
    const body = await response.text();
    const line = await eventually(() => {
      const found = logged.find((one) => one["request_id"] === requestId && "status_code" in one);
      expect(found).toBeDefined();
      return found;
    });
    const { date: _, "x-request-id": answeredId, ...rest } = Object.fromEntries(response.headers);
    expect(answeredId).toBe(requestId);
    const { time: _time, request_id: _id, duration_ms: _ms, remote_addr: _addr, ...said } = line ?? {};
    const answer: Answered = {
      status: response.status,
      headers: rest,
      body: body.replaceAll(requestId, "(request id)").replace(/^retry: \d+$/m, "retry: (some)"),
      logged: said,
    };
    return answer;
  }

  /** The way of all clients, which is read and answered by hand. */
  const short = ({ body, headers }: Case) =>
    answered("/graphql", {
      method: "POST",
      body: textOf(body),
      headers: { "content-type": "application/json", ...headers },
    });

  /** The way through Yoga, which judges requests of every kind. */
  const long = ({ body, headers }: Case) =>
    answered("/graphql", {
      method: "POST",
      body: textOf(body),
      headers: { ...headers, "content-type": "application/graphql+json" },
    });

  async function byGet({ body, headers }: Case): Promise<Answered> {
    const { query, variables, operationName } = body as Operation;
    const params = new URLSearchParams({
      query,
      ...(variables && { variables: JSON.stringify(variables) }),
      ...(operationName !== undefined && { operationName }),
    });
    const answer = await answered(`/graphql?${params}`, { headers: { ...headers } });
    return { ...answer, logged: { ...answer.logged, method: "POST", params: {} } };
  }

  return { shared, answered, short, long, byGet };
}
