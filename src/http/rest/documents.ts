import { DocketError } from "../../errors.ts";
import type { Authenticate } from "../../keys/authenticate.ts";
import { credentialsOf, type Exchange, type Handler, redirect, sendHtml, sendJson } from "../exchange.ts";
import { PLAIN_PAGE_POLICY } from "../page.ts";
import { identify } from "../request-scope.ts";
import { docsOf } from "./docs.ts";
import { openApi } from "./openapi.ts";

/** `/openapi.json` and `/docs`: what the REST API is, for programs and for people. A browser that has no key is sent to sign in. */
export function createDocumentRoutes(authenticate: Authenticate): Readonly<Record<"openapi" | "docs", Handler>> {
  const description = openApi();
  const page = Buffer.from(docsOf(description));

  /** Whether the caller may go on; else it was answered. */
  async function mayRead({ request, response, scope }: Exchange, toSignIn: boolean): Promise<boolean> {
    try {
      identify(scope, await authenticate(credentialsOf(request)));
      return true;
    } catch (error) {
      if (!(error instanceof DocketError) || error.code !== "UNAUTHENTICATED") throw error;
      const { code, message } = error;
      scope.code = code;
      const asked = { "WWW-Authenticate": "Bearer" };
      if (toSignIn && request.headers.authorization === undefined) redirect(response, "/sign-in");
      else sendJson(response, 401, { success: false, error: message, code }, asked);
      return false;
    }
  }

  return {
    async openapi(exchange) {
      if (await mayRead(exchange, false)) sendJson(exchange.response, 200, description);
    },
    async docs(exchange) {
      if (await mayRead(exchange, true)) sendHtml(exchange.response, 200, page, PLAIN_PAGE_POLICY);
    },
  };
}
