import { badInput } from "../errors.ts";

/** A week; longer work renews. */
const LONGEST_SECONDS = 604_800;

/** @throws BAD_USER_INPUT unless null or 1 … 604800. */
export function requireLeaseSeconds(leaseSeconds: number | null | undefined): void {
  if (leaseSeconds != null && (leaseSeconds < 1 || leaseSeconds > LONGEST_SECONDS))
    throw badInput(
      `leaseSeconds is ${leaseSeconds}; it must be from 1 to ${LONGEST_SECONDS} (a week). Renew to go on.`,
    );
}
