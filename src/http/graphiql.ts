import { createHash } from "node:crypto";
import type { OutgoingHttpHeaders } from "node:http";
import { gzipSync } from "node:zlib";
import { DocketError } from "../errors.ts";
import type { Authenticate } from "../keys/authenticate.ts";
import { credentialsOf, type Exchange, type Handler, redirect, sendHtml } from "./exchange.ts";
import { fillingClaims, frameKeeper, openingTab, waitToRetry } from "./graphiql-page.ts";
import { TABS } from "./graphiql-tabs.ts";
import { identify } from "./request-scope.ts";

/** The page talks to this server only. */
const POLICY = [
  "default-src 'self'",
  "script-src 'self' blob:",
  "worker-src blob:",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self' data:",
].join("; ");

/** Megabytes, sent compressed. */
interface Sent {
  readonly plain: Buffer;
  readonly gzip: Buffer;
}

/**
 * Made once, when the first person asks for it. The script stands by itself: browsers keep what they compiled of it,
 * while one within the page takes them seconds each time that the page is loaded.
 */
let made: Promise<{ readonly page: Sent; readonly script: Sent }> | undefined;
export const SCRIPT_PATH = "/graphiql.js";

/**
 * Whether a browser wants to see the page, not a program the data. GraphiQL keeps the tab's document in the address, so
 * a reload or a shared link comes with a query as well.
 */
export function wantsGraphiQL({ request }: Exchange): boolean {
  return request.method === "GET" && (request.headers.accept ?? "").toLowerCase().includes("text/html");
}

/** GraphiQL for a browser that is signed in; the way to the sign-in page for any other. */
export async function sendGraphiQL(exchange: Exchange, authenticate: Authenticate): Promise<void> {
  const { page } = (await signedIn(exchange, authenticate)) ?? {};
  if (page) sendHtml(exchange.response, 200, compressed(exchange, page), POLICY);
}

/** The script of its page. Another one has another address, so a browser may keep it for good. */
export function createGraphiQLScriptRoute(authenticate: Authenticate): Handler {
  return async (exchange) => {
    const { script } = (await signedIn(exchange, authenticate)) ?? {};
    if (!script) return;
    const content = compressed(exchange, script);
    const headers: OutgoingHttpHeaders = {
      "Content-Type": "text/javascript; charset=utf-8",
      "Content-Length": content.length,
      "Cache-Control": "private, max-age=31536000, immutable",
    };
    exchange.response.writeHead(200, headers).end(content);
  };
}

async function signedIn({ request, response, scope }: Exchange, authenticate: Authenticate) {
  try {
    identify(scope, await authenticate(credentialsOf(request)));
  } catch (error) {
    if (!(error instanceof DocketError) || error.code !== "UNAUTHENTICATED") throw error;
    redirect(response, "/sign-in");
    return undefined;
  }
  made ??= makePage();
  return await made;
}

function compressed({ request, response }: Exchange, { plain, gzip }: Sent): Buffer {
  response.setHeader("Vary", "Accept-Encoding");
  if (!String(request.headers["accept-encoding"] ?? "").includes("gzip")) return plain;
  response.setHeader("Content-Encoding", "gzip");
  return gzip;
}

/** Frames that a subscription's tab keeps in sight, and characters of them. */
const MOST_FRAMES = 50;
const MOST_CHARACTERS = 200_000;

/** What GraphiQL says to Play where there is nothing to run. */
const EMPTY = JSON.stringify({
  errors: [
    {
      message:
        "There is nothing to run here: this document is empty. Write a query such as { projects { nodes { projectId } } }, or choose one of the tabs above.",
    },
  ],
});

/**
 * The page goes to everyone as it is, so it names itself when it is loaded. A browser is one client, for what it claimed
 * it may complete after a reload; for streams each load is one, as a client may have only so many of them.
 */
const SCRIPT = `
const storage = window.localStorage;
const random = () => Math.random().toString(36).slice(2);
if (storage.getItem("docket:browser") === null) storage.setItem("docket:browser", "graphiql-" + random());
globalThis.fetch = (${fillingClaims.toString()})(globalThis.fetch.bind(globalThis), storage);
const keepFrames = ${frameKeeper.toString()};
globalThis.WebSocket = class extends WebSocket {
  set onmessage(handler) {
    const kept = (this.kept ??= keepFrames(${MOST_FRAMES}, ${MOST_CHARACTERS}));
    super.onmessage = handler && ((event) => handler({ data: kept(event.data) }));
  }
};
const asked = new URL(location.href).searchParams.get("query");
const options = {
  ...(${openingTab.toString()})(${JSON.stringify(TABS)}, storage, asked),
  additionalHeaders: { "Docket-Client-Id": storage.getItem("docket:browser") },
  connectionParams: { clientId: "graphiql-" + random() },
};
`;

/** The beginning of the page's script, an option that becomes those of the script above, and the start of a run. */
const BEGIN = "function prepareBlob(";
const OPTIONS = { docket: "options" };
const RUN = /return function\((\w+),\w+\)\{(?=const \w+=\w+\(\w+\(\1\.query\),\1\.operationName)/;
/** A tab, which can be dragged; for that it moves at a press, and would be elsewhere when the button is let go. */
const TAB = /dragElastic:!1,role:"tab"/;
/** What its WebSocket client does after the connection broke: by itself it gives up when nobody answers for a moment. */
const RETRY = /retryAttempts:(\w+)=5,retryWait:(\w+)=async function.*?(?=shouldRetry:)/s;
const SHOULD_RETRY = /shouldRetry:(\w+)=\w+,/;

async function makePage() {
  // Its scripts are half of what a server would load at its start.
  const { renderGraphiQL } = await import("@graphql-yoga/render-graphiql");
  const html = renderGraphiQL({
    title: "Docket GraphiQL",
    defaultTabs: [...TABS],
    // Frames come over a WebSocket, which the cookie opens as well: a browser has only six connections for SSE.
    subscriptionsProtocol: "WS",
    defaultEditorToolsVisibility: "variables",
    ...OPTIONS,
  })
    .replace(BEGIN, (begin) => SCRIPT + begin)
    .replace(JSON.stringify(OPTIONS).slice(1, -1), () => "...options")
    .replace(TAB, (tab) => `drag:!1,layout:!1,${tab}`)
    .replace(RETRY, (_, attempts, wait) => `retryAttempts:${attempts}=1/0,retryWait:${wait}=${waitToRetry.toString()},`)
    .replace(SHOULD_RETRY, (_, should) => `shouldRetry:${should}=()=>!0,`)
    .replace(
      RUN,
      (begin, params) =>
        `${begin}if(!/[^\\s,]/.test(${params}.query.replace(/#.*/g,"")))return ${EMPTY};` +
        // For a moment after another tab was chosen, GraphiQL still names the operation of the one before.
        `if(!RegExp("\\\\b(query|mutation|subscription)\\\\s+"+${params}.operationName+"\\\\b").test(${params}.query))${params}={...${params},operationName:void 0};`,
    );
  const [before = "", script = "", after = ""] = html.split(/<script>(.*)(?=<\/script>)/s);
  const version = createHash("sha256").update(script).digest("hex").slice(0, 16);
  const page = `${before}<script src="${SCRIPT_PATH}?${version}">${after}`;
  return { page: sent(page), script: sent(script) };
}

function sent(text: string): Sent {
  const plain = Buffer.from(text);
  return { plain, gzip: gzipSync(plain, { level: 4 }) };
}
