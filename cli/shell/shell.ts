/** What a command has around it: a process as it is, or a test's. */
export interface Shell {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Writes to stdout: what was asked for, and nothing else. */
  readonly out: (text: string) => void;
  /** Writes to stderr: what is said beside it. */
  readonly err: (text: string) => void;
  /** The width of a line; 80 where nobody looks. */
  readonly columns: number;
  /** Whether stdout is a terminal: what is shown there may be drawn anew. */
  readonly isTerminal: boolean;
  readonly colours: boolean;
  /** Whether somebody sits there to be asked. */
  readonly canAsk: boolean;
  readonly readInput: () => Promise<string>;
  /** Asks for a text that is not shown as it is typed. */
  readonly askSecretly: (question: string) => Promise<string>;
  /** Aborted by Ctrl-C, and when nobody reads the output any more. */
  readonly signal: AbortSignal;
  /** Milliseconds since 1970, for telling how long ago something was. */
  readonly now: () => number;
}
