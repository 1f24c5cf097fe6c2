import { timingSafeEqual } from "node:crypto";
import { Networks } from "../../config/networks.ts";
import { bearer } from "../../keys/authenticate.ts";
import { hashOf } from "../../keys/secret.ts";
import { callerOf } from "../caller.ts";
import { type Handler, HttpRefusal } from "../exchange.ts";
import type { OpenMetrics } from "./open.ts";

/** `/metrics`, for who has its key or comes from an address that needs none. API keys are not for a Prometheus. */
export function createMetricsRoute({ metrics, config }: OpenMetrics): Handler {
  const from = new Networks(config.from);
  const key = config.key === null ? null : hashOf(config.key);
  return async ({ request, response, scope }) => {
    const given = bearer(request.headers.authorization ?? null);
    const hasKey = key !== null && given !== undefined && timingSafeEqual(key, hashOf(given));
    const { address = "", passedOn } = callerOf(request);
    if (!hasKey && (passedOn || !from.has(address))) {
      scope.code = "UNAUTHENTICATED";
      throw new HttpRefusal(
        401,
        "This needs the key that DOCKET_METRICS_KEY sets, as Authorization: Bearer, or an address of DOCKET_METRICS_FROM.",
        { "WWW-Authenticate": "Bearer" },
      );
    }
    const text = await metrics.text();
    response.writeHead(200, {
      "Content-Type": metrics.contentType,
      "Content-Length": Buffer.byteLength(text),
      "Cache-Control": "no-store",
    });
    response.end(text);
  };
}
