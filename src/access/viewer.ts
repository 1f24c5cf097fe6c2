import type { Db } from "../db/database.ts";
import { forbidden } from "../errors.ts";
import type { RateLimits } from "./rate-limits.ts";

/** Each may do what the ones before it may. */
export const ROLES = ["reader", "agent", "admin"] as const;
export type Role = (typeof ROLES)[number];

/** Who asks: the API key or token subject, and the session it asks from. */
export interface Viewer {
  /** Unique name of the key or token subject; stands in every event. */
  readonly actor: string;
  readonly name: string;
  /** The session: header Docket-Client-Id, or clientId of a WebSocket. Without one, no attempt is known to be its. */
  readonly client: string | null;
  /** The API key's row; null for a token. */
  readonly keyId: string | null;
  readonly role: Role;
  /** null: every project. What lies outside does not exist for this viewer. */
  readonly projectIds: readonly string[] | null;
  readonly expiresAt: Date | null;
}

/** The server itself, where it acts without being asked; events name it so where SQL alone writes them, too. */
export const SERVER: Viewer = {
  actor: "server",
  name: "server",
  client: null,
  keyId: null,
  role: "admin",
  projectIds: null,
  expiresAt: null,
};

/** What a verb works with: `db` is the pool or the open transaction. */
export interface Context {
  readonly db: Db;
  readonly viewer: Viewer;
  /** The request's id; stands in the events and the server's own log. */
  readonly correlationId: string;
  /** How often its caller may do something; left out where the server acts by itself. */
  readonly limits?: RateLimits;
  /** What each event of the work tells beside what happened: of what larger change it is a part. */
  readonly mark?: Readonly<Record<string, unknown>>;
}

/** @throws FORBIDDEN for all but admins that see every project: what is of the whole server is for them. */
export function requireUnlimitedAdmin(viewer: Viewer): void {
  requireRole(viewer, "admin");
  if (viewer.projectIds !== null)
    throw forbidden(
      `This needs an admin key that sees every project; yours is limited to ${viewer.projectIds.join(", ")}.`,
    );
}

/** @throws FORBIDDEN when the viewer's role is below `role`. */
export function requireRole(viewer: Viewer, role: Role): void {
  if (ROLES.indexOf(viewer.role) < ROLES.indexOf(role))
    throw forbidden(`This needs a key with the role ${role.toUpperCase()}; yours is ${viewer.role.toUpperCase()}.`);
}

/** Who is kept as the maker of something, where nobody says: the session, or else the key. */
export const makerOf = ({ client, actor }: Viewer): string => client ?? actor;
