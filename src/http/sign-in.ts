import type { Db } from "../db/database.ts";
import { DocketError, type ErrorCode } from "../errors.ts";
import type { Authenticate } from "../keys/authenticate.ts";
import { closeSession, openSession } from "../keys/sign-in.ts";
import { callerOf } from "./caller.ts";
import { signInCookie, signOutCookie } from "./cookies.ts";
import { credentialsOf, type Exchange, type Handler, HttpRefusal, readBody, redirect, sendHtml } from "./exchange.ts";
import { isOwnOrigin } from "./origin.ts";
import { escapeHtml, PLAIN_PAGE_POLICY, renderPage } from "./page.ts";
import { retryAfter } from "./rate-limits.ts";
import type { SignInGuard } from "./sign-in-guard.ts";

/** The largest form that is read, in bytes: a token or a key is far shorter. */
const LONGEST_FORM = 8 * 1024;

/**
 * `/sign-in`: the page that the link in the banner opens. Looking at it changes nothing, so the preview of a chat or
 * mail program does not spend the link; its button does. Without a link it takes an API key.
 */
export function createSignInRoute(db: Db, guard: SignInGuard): Handler {
  return async (exchange) => {
    const { request, response, url, scope } = exchange;
    if (request.method !== "POST") return sendPage(exchange, 200, form(url.searchParams.get("token")));
    refuseForeignPage(exchange);
    const fields = new URLSearchParams((await readBody(exchange, LONGEST_FORM)).toString());
    try {
      const secret = (fields.get("token") ?? fields.get("key") ?? "").trim();
      const session = await guard.judge(callerOf(request).address, secret, () =>
        openSession(db, secret, scope.requestId),
      );
      redirect(response, "/graphql", { "Set-Cookie": signInCookie(request, session) });
    } catch (error) {
      if (!(error instanceof DocketError)) throw error;
      scope.code = error.code;
      const status = SIGN_IN_STATUSES[error.code] ?? 500;
      if (status === 429)
        response.setHeader("Retry-After", retryAfter(Number(error.details["retryAfterMs"]))["Retry-After"]);
      sendPage(exchange, status, `<p class="fault">${escapeHtml(error.message)}</p>${form(null)}`);
    }
  };
}

const SIGN_IN_STATUSES: Partial<Record<ErrorCode, number>> = { UNAUTHENTICATED: 401, RATE_LIMITED: 429 };

/** `/sign-out`: ends the browser's session, with its streams, and forgets the cookie. */
export function createSignOutRoute(db: Db, authenticate: Authenticate): Handler {
  return async (exchange) => {
    const { request, response, scope } = exchange;
    if (request.method !== "POST") return sendPage(exchange, 200, SIGN_OUT_FORM, "Sign out");
    refuseForeignPage(exchange);
    try {
      const { viewer } = await authenticate({ ...credentialsOf(request), authorization: null });
      await closeSession({ db, viewer, correlationId: scope.requestId });
    } catch (error) {
      // A session that has ended already is signed out as well.
      if (!(error instanceof DocketError) || error.code !== "UNAUTHENTICATED") throw error;
    }
    redirect(response, "/sign-in", { "Set-Cookie": signOutCookie(request) });
  };
}

/** The page of another site could sign this browser in with a key of its own, and watch what is done with it. */
function refuseForeignPage({ request }: Exchange): void {
  if (request.headers.origin !== undefined && !isOwnOrigin(request))
    throw new HttpRefusal(403, "This form works on this server's own page only.");
}

function sendPage({ response }: Exchange, status: number, body: string, title = "Sign in") {
  sendHtml(response, status, renderPage(title, body), PLAIN_PAGE_POLICY);
}

function form(token: string | null): string {
  if (token !== null)
    return `<p>This link signs this browser in for 12 hours. It works once.</p>
<form method="post" action="/sign-in">
<input type="hidden" name="token" value="${escapeHtml(token)}">
<button autofocus>Sign in</button>
</form>`;
  return `<p>Enter an API key; this browser then acts in its name for 12 hours. The first one is in the file <code>api-key</code> of the folder where the server keeps its data (<code>.docket</code>).</p>
<form method="post" action="/sign-in">
<input type="password" name="key" aria-label="API key" placeholder="dk_…" autocomplete="current-password" required autofocus>
<button>Sign in</button>
</form>`;
}

const SIGN_OUT_FORM = `<form method="post" action="/sign-out"><button autofocus>Sign out</button></form>`;
