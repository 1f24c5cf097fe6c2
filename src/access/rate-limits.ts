import { RateLimit, tooOften } from "./rate-limit.ts";

/** Times a minute, and at once; 0 a minute: without a limit. */
interface LimitsConfig {
  readonly fieldsPerMinute: number;
  readonly reservationsPerMinute: number;
  readonly failedSignInsPerMinute: number;
  readonly burst: number;
}

/** How often something may be done on this process; what has no limit is left out. */
export interface RateLimits {
  /** Root fields of a key. */
  readonly fields?: RateLimit;
  /** Reservations of a key in a project. */
  readonly reservations?: RateLimit;
  /** Credentials that turned out wrong, of an address. */
  readonly failedSignIns?: RateLimit;
}

export function createLimits(config: LimitsConfig, now?: () => number): RateLimits {
  const { burst } = config;
  const limit = (perMinute: number) => (perMinute === 0 ? undefined : new RateLimit({ perMinute, burst }, now));
  const fields = limit(config.fieldsPerMinute);
  const reservations = limit(config.reservationsPerMinute);
  const failedSignIns = limit(config.failedSignInsPerMinute);
  return { ...(fields && { fields }), ...(reservations && { reservations }), ...(failedSignIns && { failedSignIns }) };
}

/** @throws RATE_LIMITED */
export function requireFields({ fields }: RateLimits, actor: string, count: number): void {
  const waitMs = fields?.take(actor, count) ?? 0;
  if (waitMs > 0) throw tooOften("This key has asked for too many root fields lately.", waitMs);
}

/** @throws RATE_LIMITED */
export function requireReservation({ reservations }: RateLimits, actor: string, projectId: string): void {
  const waitMs = reservations?.take(JSON.stringify([actor, projectId])) ?? 0;
  if (waitMs > 0)
    throw tooOften(
      `This key has reserved IDs in project ${projectId} too often lately; one reservation holds up to 100.`,
      waitMs,
    );
}
