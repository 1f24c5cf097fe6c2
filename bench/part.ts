import type { Figure } from "./figures.ts";

/** What `all` asks of each benchmark. */
export interface PartOptions {
  /** Less of everything, for a look: all parts together take a few minutes. */
  readonly short: boolean;
  readonly interrupted: AbortSignal;
  print(line: string): void;
}

export interface PartResult {
  /** For a person. */
  readonly report: string;
  readonly figures: readonly Figure[];
  /** Whether all that is promised was kept. */
  readonly ok: boolean;
}

export type Part = (options: PartOptions) => Promise<PartResult>;
