import type { FrameClient } from "./live/frame-client.ts";
import type { RequestScope } from "./request-scope.ts";
import type { OpenSpan } from "./traces/open-span.ts";

/** What comes with a request beside its text. */
export interface RequestContext {
  /** Says who asks. */
  readonly scope: RequestScope;
  /** The header Idempotency-Key. */
  readonly idempotencyKey: string | null;
  /** The header Last-Event-ID. */
  readonly lastEventId: string | null;
  /** Whether the answer is to say what it cost: the header Docket-Cost: 1. */
  readonly tellCost: boolean;
  /** Where the frames of a subscription go; left out by a way that streams nothing. */
  readonly frames?: FrameClient;
  /** The span that its operation lies within, where that is not the request's own. */
  readonly trace?: OpenSpan | null;
}
