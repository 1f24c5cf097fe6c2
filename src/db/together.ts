import { asRequester, outside, Requester } from "./requester.ts";

/** A request that has read this much, in bytes, or for this long, in milliseconds, reads for itself from then on. */
const MOST_BYTES = 1024 * 1024;
const MOST_WORKED_MS = 1_000;

/** Whether what it reads may be read together with what others read: then its limits are held only nearly. */
export const mayShare = (requester: Requester | undefined): requester is Requester =>
  requester?.limited === true &&
  requester.stopped === null &&
  requester.bytes < MOST_BYTES &&
  requester.workedMs < MOST_WORKED_MS;

const NOBODY = Symbol("nobody");

interface Share {
  readonly requester: Requester;
  /** Of what is read: 0 to 1. */
  readonly share: number;
}

/**
 * Reads for several requests of one key at once: all of it has one turn of the key, and the limits of one request. Each
 * request is charged with its share.
 */
export async function together<T>(shares: readonly Share[], work: () => Promise<T>): Promise<T> {
  const requester = new Requester(shares[0]?.requester.key ?? NOBODY);
  const read = await outside(() => asRequester(requester, work));
  // What went beyond a limit is thrown away, and read again by each.
  if (!requester.stopped) for (const { requester: one, share } of shares) one.charge(requester, share);
  return read;
}
