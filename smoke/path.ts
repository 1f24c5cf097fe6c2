import type { GraphQLRequest } from "../client/request.ts";

/** What the paths share. */
export interface Ground {
  /** Without a path. */
  readonly url: string;
  readonly apiKey: string;
  readonly clientId: string;
  readonly request: GraphQLRequest;
  /** A project of this walk alone. */
  readonly projectId: string;
  /** How long to wait for what the server does by itself, in milliseconds. */
  readonly patienceMs: number;
  /** The tasks that are to be put away, and the one that was worked on. */
  readonly added: string[];
  worked: string | undefined;
}

/** One thing that a server has to do. */
export interface Path {
  readonly name: string;
  /** Names of those without which it cannot be tried. */
  readonly needs: readonly string[];
  /** @returns a few words on what was seen. @throws Error saying what is wrong. */
  readonly try: (ground: Ground) => Promise<string>;
}
