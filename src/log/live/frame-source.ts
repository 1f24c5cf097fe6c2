/** Where subscribers stand, and what comes next for them: an event feed or a status feed. */
export interface FrameSource<Frame> {
  /** Whether there is something to send. When it turns true, the source calls what it was given by `onReady`. */
  readonly ready: boolean;
  /** Whether nothing is missing up to now: whoever stands so gets the same from here on. */
  readonly level: boolean;
  /** The next frame; an empty one, with the cursor of now, when nothing is ready. */
  take(): Frame | Promise<Frame>;
  /** The last frame of a stream that the server ends: what is at hand, without asking the database. */
  last(): Frame;
  /** Another source at the same place, for those who do not take the next frame of this one. */
  fork(): FrameSource<Frame>;
  onReady(poke: () => void): void;
  /** Frees everything. Nothing is asked of the source after this. */
  close(): void;
}
