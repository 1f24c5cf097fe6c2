import type { ExecutionResult } from "graphql";

/** What executing a frame gave, before its errors are shown to anyone. */
export interface Rendered extends Pick<ExecutionResult, "data" | "extensions"> {
  /** Whatever was thrown. */
  readonly errors?: readonly unknown[] | undefined;
}

/** Those are kept of a frame whose bytes several clients may get. */
const MOST_KINDS = 4;

/** A frame that was executed for all clients that asked for the same. Where nothing failed, its text is made once, too. */
export class Rendering {
  /** The place after the frame. */
  readonly cursor: string;
  /** Errors belong to the request of each client: they name it, and stand in its log line. */
  readonly errors: readonly unknown[];
  /** Whether the client has what the frame brought; a field within it may have failed. */
  readonly isShown: boolean;
  /** What is sent beside errors. */
  readonly answer: Omit<ExecutionResult, "errors">;
  #json: Buffer | undefined;
  readonly #bytes = new Map<string, Buffer>();

  constructor({ data, errors = [], extensions }: Rendered, cursor: string) {
    this.cursor = cursor;
    this.errors = errors;
    this.isShown = data != null && Object.values(data).every((frame) => frame !== null);
    this.answer = { ...(data !== undefined && { data }), ...(extensions && { extensions }) };
  }

  /**
   * The answer without errors, as it is sent.
   * @param kind those of one kind are sent the same bytes.
   */
  bytes(kind: string, make: (json: Buffer) => Buffer): Buffer {
    const known = this.#bytes.get(kind);
    if (known) return known;
    this.#json ??= Buffer.from(JSON.stringify(this.answer));
    const made = make(this.#json);
    // The kind of a client that makes its ids at random is asked for once.
    if (this.#bytes.size < MOST_KINDS) this.#bytes.set(kind, made);
    return made;
  }
}
