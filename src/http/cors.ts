import type { Plugin } from "graphql-yoga";
import type { HttpConfig } from "../config/http.ts";
import type { Exchange } from "./exchange.ts";

type Headers = Readonly<Record<string, string>>;

/** The headers that let a page of another origin read an answer; none for origins that are not let in. */
export type Cors = (origin: string | null | undefined) => Headers;

const NONE: Headers = {};

/** Pages of other origins are let in by the configuration only, and never with cookies. */
export function createCors({ corsOrigins }: HttpConfig): Cors {
  return (origin) => {
    if (origin == null || !corsOrigins.includes(origin)) return NONE;
    return {
      "Access-Control-Allow-Origin": origin,
      "Access-Control-Allow-Methods": "GET, POST",
      "Access-Control-Allow-Headers":
        "Authorization, Content-Type, Docket-Client-Id, Docket-Cost, Idempotency-Key, If-Match, Last-Event-ID, Traceparent, Tracestate, X-MCP-Toolsets, X-Request-Id",
      "Access-Control-Expose-Headers": "ETag, Retry-After, X-Request-Id",
    };
  };
}

/** Lets a page of another origin read the answer, if it is let in. */
export function allowOrigin({ request, response }: Exchange, cors: Cors): void {
  for (const [name, value] of Object.entries(cors(request.headers.origin))) response.setHeader(name, value);
}

/** The same for what Yoga answers, and its answer to a preflight where there are origins to let in. */
export function useCors(cors: Cors, { corsOrigins }: HttpConfig): Plugin {
  return {
    onRequest({ request, endResponse, fetchAPI }) {
      if (request.method === "OPTIONS" && corsOrigins.length > 0)
        endResponse(new fetchAPI.Response(null, { status: 204, headers: { "Content-Length": "0" } }));
    },
    onResponse({ request, response }) {
      for (const [name, value] of Object.entries(cors(request.headers.get("origin"))))
        response.headers.set(name, value);
    },
  };
}
