import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import { Webhook as Signer } from "standardwebhooks";
import packageJson from "../../../package.json" with { type: "json" };
import type { Clock } from "../../log/clock.ts";
import { CLOUD_EVENT_MEDIA_TYPE, toCloudEvent } from "../cloud-event.ts";
import type { ClaimedDelivery } from "./claim.ts";
import { type Guard, refusal } from "./guard.ts";

/** For the whole exchange, in milliseconds. */
const EXCHANGE_MS = 10_000;
/** How much of an answer's body is read, in bytes, … */
const MOST_READ = 4_096;
/** … and how much of it is kept, in characters. */
const MOST_KEPT = 1_000;
const LONGEST_ERROR = 500;

/** What came of one attempt. */
export interface EndpointAnswer {
  /** null: none came. */
  readonly statusCode: number | null;
  /** Why it was no success; null when it was one. */
  readonly error: string | null;
  /** The beginning of the body. */
  readonly response: string | null;
  /** The pause that the endpoint asks for, in seconds; 0 when it does not. */
  readonly retryAfter: number;
  readonly durationMs: number;
}

interface Way {
  readonly guard: Guard;
  readonly clock: Clock;
  /** Ends the attempt: at its deadline, or earlier by the caller. */
  readonly stop: AbortController;
}

/** Makes one attempt. The status decides, whatever becomes of the body. Never throws. */
export async function send(delivery: ClaimedDelivery, { guard, clock, stop }: Way): Promise<EndpointAnswer> {
  const startedAt = clock.now();
  const duration = () => ({ durationMs: Math.round(clock.now() - startedAt) });
  const cancel = clock.after(EXCHANGE_MS, () =>
    stop.abort(new Error(`The endpoint did not answer within ${EXCHANGE_MS / 1000} s.`)),
  );
  try {
    const response = await Promise.race([open(delivery, guard, stop.signal), rejection(stop.signal)]);
    const status = response.statusCode ?? 0;
    const answer = {
      statusCode: status,
      error: status >= 200 && status < 300 ? null : explainStatus(status),
      retryAfter: status === 429 || status === 503 ? retryAfter(response) : 0,
    };
    return { ...answer, response: await beginning(response), ...duration() };
  } catch (error) {
    return { statusCode: null, error: explain(error), response: null, retryAfter: 0, ...duration() };
  } finally {
    cancel();
  }
}

async function open(delivery: ClaimedDelivery, guard: Guard, signal: AbortSignal): Promise<IncomingMessage> {
  const { event, eventId, startedAt, secrets } = delivery;
  if (!event) throw new Error("The event is no longer in the log.");
  const body = JSON.stringify(toCloudEvent(event));
  const url = new URL(delivery.url);
  const route = await guard.route(url);
  signal.throwIfAborted();
  return await new Promise((resolve, reject) => {
    const request = (url.protocol === "https:" ? https : http).request(url, {
      ...route,
      signal,
      method: "POST",
      headers: {
        "content-type": CLOUD_EVENT_MEDIA_TYPE,
        "content-length": Buffer.byteLength(body),
        "user-agent": `Docket/${packageJson.version}`,
        "webhook-id": eventId,
        "webhook-timestamp": Math.floor(startedAt.getTime() / 1000),
        "webhook-signature": secrets.map((secret) => new Signer(secret).sign(eventId, startedAt, body)).join(" "),
      },
    });
    request.on("response", resolve);
    request.on("error", reject);
    // Any other event may end the request, such as an upgrade that nobody asked for.
    request.on("close", () => reject(new Error("The endpoint closed the connection without an answer.")));
    request.end(body);
  });
}

function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** Reads no further than needed; the connection then ends, whatever the endpoint still has to say. */
async function beginning(response: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= MOST_READ) break;
    }
  } catch {
    // It was cut off: what came is kept.
  }
  const text = Buffer.concat(chunks).toString().replaceAll("\0", "\uFFFD");
  return [...text].slice(0, MOST_KEPT).join("") || null;
}

function explainStatus(status: number): string {
  if (status >= 300 && status < 400)
    return `The endpoint redirects (${status}), and redirects are not followed. Make a webhook for its final address.`;
  if (status === 410) return "The endpoint is gone for good (410).";
  return `The endpoint answered ${status}${http.STATUS_CODES[status] ? ` ${http.STATUS_CODES[status]}` : ""}.`;
}

/** Seconds, or an instant: that one is compared with the endpoint's own clock. */
function retryAfter({ headers }: IncomingMessage): number {
  const asked = headers["retry-after"] ?? "";
  const seconds = /^\d+$/.test(asked) ? Number(asked) : (Date.parse(asked) - Date.parse(headers.date ?? "")) / 1000;
  return Math.max(seconds || 0, 0);
}

/** The error of a failed connection; Node's texts name the host or its address, never the path. */
function explain(error: unknown): string {
  // One failure per address that was tried.
  const first = error instanceof AggregateError ? error.errors[0] : error;
  if (!(first instanceof Error)) return "The endpoint could not be reached.";
  return (refusal(first) ?? first.message).slice(0, LONGEST_ERROR);
}
