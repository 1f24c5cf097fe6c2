import { setTimeout as sleep } from "node:timers/promises";
import { DocketError, databaseUnavailable, outcomeUnknown } from "../errors.ts";
import { DISK_FULL, errorCode, faultOf, STATEMENT_ENDED } from "./faults.ts";
import { currentRequester, RequestStopped } from "./requester.ts";
import { STATEMENT_MS, statementTooSlow } from "./too-much.ts";

/** A lost connection is tried again after these pauses (100, 200, 400 ms), then it is "Database unavailable". */
const RETRY_PAUSES_MS = [100, 200, 400] as const;

/** How often a transaction that lost is run again, each time after a random pause. */
const CONFLICT_RETRIES = 8;
/**
 * For how long such a transaction is run again: a lock's own time limit makes each try a long one, and callers wait
 * five seconds.
 */
const CONFLICT_PATIENCE_MS = 3_000;

/**
 * Runs what changes nothing, again whatever the database's fault was that may pass.
 * @throws DATABASE_UNAVAILABLE; RequestStopped when the request went beyond a limit, if only by this
 */
export async function reading<T>(work: () => Promise<T>): Promise<T> {
  const requester = currentRequester();
  try {
    return await withReconnect(() =>
      withConflictRetry(async () => {
        const result = await work();
        requester?.requireGoingOn();
        return result;
      }),
    );
  } catch (error) {
    // Asked again it would only take as long again.
    if (requester?.limited && errorCode(error) === STATEMENT_ENDED) throw statementTooSlow(requester);
    throw error;
  }
}

interface Repeating {
  /** Whether doing it again is safe, whatever became of a try. Default: true. */
  readonly idempotent?: boolean;
  /** Whether a try may have reached the database before its connection was lost. Default: never. */
  readonly maybeSent?: () => boolean;
}

/**
 * Runs `work`, again after each pause while the connection is lost and this is safe.
 * @throws DATABASE_UNAVAILABLE; RequestStopped when the request went beyond a limit meanwhile
 */
export async function withReconnect<T>(
  work: () => Promise<T>,
  { idempotent = true, maybeSent = () => false }: Repeating = {},
) {
  for (const ms of [...RETRY_PAUSES_MS, null]) {
    const maybeDone = maybeSent();
    try {
      return await work();
    } catch (error) {
      const fault = faultOf(error);
      const requester = currentRequester();
      // An earlier try may have been carried out: another try tells, and stopping here would not.
      if (maybeDone && requester?.stopped) throw unavailable(error);
      // Nothing was sent in this try.
      if (error instanceof RequestStopped) requester?.requireGoingOn();
      if (fault === "lost" && !idempotent && maybeSent()) throw outcomeUnknown(error);
      // The request's connections were cut, which looks like a loss.
      requester?.requireGoingOn();
      if (fault === undefined) throw error;
      if (requester?.silence.givenUp) throw unavailable(error);
      if (fault !== "lost" || ms === null) throw unavailable(error);
      await sleep(ms);
    }
  }
  throw new Error("unreachable");
}

/**
 * Runs `work` again, with a growing random pause, while it only lost against another transaction.
 * @param patience how many times as often and as long as usual
 * @throws DATABASE_UNAVAILABLE when it kept losing: nothing was changed.
 */
export async function withConflictRetry<T>(work: () => Promise<T>, patience = 1): Promise<T> {
  const giveUpAt = performance.now() + CONFLICT_PATIENCE_MS * patience;
  for (let tries = 0; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (faultOf(error) !== "conflict") throw error;
      if (tries >= CONFLICT_RETRIES * patience || performance.now() > giveUpAt) throw unavailable(error);
      await sleep(Math.random() * 10 * 2 ** Math.min(tries, CONFLICT_RETRIES));
    }
  }
}

/** What callers may know of it. */
const BECAUSE: Readonly<Record<string, string>> = {
  [DISK_FULL]: "its disk is full",
  [STATEMENT_ENDED]: `one statement took longer than ${STATEMENT_MS / 1000} seconds, and nothing of it is kept: repeat this, or send less at once`,
};

function unavailable(error: unknown): DocketError {
  if (error instanceof DocketError && error.code === "DATABASE_UNAVAILABLE") return error;
  return databaseUnavailable(error, BECAUSE[errorCode(error) ?? ""]);
}
