/** All in milliseconds. */
export interface PaceSettings {
  /** The least time between two frames: events that come meanwhile share the next one. */
  readonly frameIntervalMs: number;
  /** An empty frame follows after this long without any, as a sign of life that clients can see. */
  readonly idleFrameMs: number;
  /** A client that has not taken its last frame for so long is cut off; it resumes from that frame's cursor. */
  readonly stallMs: number;
}

/** Where a subscriber is in the pace of its frames. Instants are in milliseconds. */
export interface Pacing {
  /** When the last frame was sent, or was asked for. */
  since: number;
  notBefore: number;
  /** The first frame comes at once, and says from where on the stream is live. */
  first: boolean;
}

/**
 * When a subscriber gets its next frame; one whose client takes nothing, when it is cut off.
 * @param ready whether there is something to send.
 */
export function dueAt({ idleFrameMs, stallMs }: PaceSettings, pacing: Pacing, taken: boolean, ready: boolean): number {
  const { since, notBefore, first } = pacing;
  if (!taken) return since + stallMs;
  return first || ready ? notBefore : Math.max(notBefore, since + idleFrameMs);
}
