import { gzipSync } from "node:zlib";
import { renderGraphiQL } from "@graphql-yoga/render-graphiql";
import { DocketError } from "../errors.ts";
import type { Authenticate } from "../keys/authenticate.ts";
import { credentialsOf, type Exchange, redirect, sendHtml } from "./exchange.ts";
import { TABS } from "./graphiql-tabs.ts";
import { identify } from "./request-scope.ts";

/** The page brings its scripts along and talks to this server only. */
const POLICY = [
  "default-src 'self'",
  "script-src 'self' 'unsafe-inline' blob:",
  "worker-src blob:",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self' data:",
].join("; ");

/** Nine megabytes of page: made once, when the first person asks for it, and sent compressed. */
let page: { readonly plain: Buffer; readonly gzip: Buffer } | undefined;

/**
 * Whether a browser wants to see the page, not a program the data. GraphiQL keeps the tab's document in the address, so
 * a reload or a shared link comes with a query as well.
 */
export function wantsGraphiQL({ request }: Exchange): boolean {
  return request.method === "GET" && (request.headers.accept ?? "").includes("text/html");
}

/** GraphiQL for a browser that is signed in; the way to the sign-in page for any other. */
export async function sendGraphiQL({ request, response, scope }: Exchange, authenticate: Authenticate): Promise<void> {
  try {
    identify(scope, await authenticate(credentialsOf(request)));
  } catch (error) {
    if (!(error instanceof DocketError) || error.code !== "UNAUTHENTICATED") throw error;
    return redirect(response, "/sign-in");
  }
  page ??= makePage();
  response.setHeader("Vary", "Accept-Encoding");
  const compressed = String(request.headers["accept-encoding"] ?? "").includes("gzip");
  if (compressed) response.setHeader("Content-Encoding", "gzip");
  sendHtml(response, 200, compressed ? page.gzip : page.plain, POLICY);
}

/**
 * The page goes to everyone as it is, so each load of it names itself: several tabs are several clients, each with as
 * many streams as it may have. Only streams: what one load of the page has claimed, the next may complete.
 */
const LOAD = "graphiql-load";
const NAME_OF_LOAD = '"graphiql-" + Math.random().toString(36).slice(2)';
/** GraphiQL passes it on to its WebSockets, though its types do not tell. */
const STREAMS = { connectionParams: { clientId: LOAD } };

function makePage() {
  const html = renderGraphiQL({
    ...STREAMS,
    title: "Docket GraphiQL",
    defaultTabs: [...TABS],
    // Frames come over a WebSocket, which the cookie opens as well: a browser has only six connections for SSE.
    subscriptionsProtocol: "WS",
    defaultEditorToolsVisibility: "variables",
  });
  const plain = Buffer.from(html.replace(JSON.stringify(LOAD), NAME_OF_LOAD));
  return { plain, gzip: gzipSync(plain, { level: 4 }) };
}
