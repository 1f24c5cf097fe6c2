import type { AuditFault } from "./fault.ts";
import type { KeptHeads } from "./kept-heads.ts";
import type { Verification } from "./verify.ts";

/** How many kept heads that differ are told one by one. */
const MOST_LINES = 20;

/** What came of a walk through the log, for a person. @param checked whether the signature of the heads was checked. */
export function describeVerification(
  { events, projects, floor, olderHeads, faults }: Verification,
  kept: KeptHeads | undefined,
  checked: boolean,
): string {
  const lines: string[] = [];
  const [first, ...more] = faults;
  if (first === undefined) {
    lines.push(`${events} events of ${projects} projects verified.`);
    if (floor > 0) lines.push(`The kept log begins after position ${floor}; what lay before was taken out.`);
  } else {
    lines.push(`The log is broken. First: ${describe(first)}`);
    for (const fault of more.slice(0, MOST_LINES)) lines.push(`Then: ${describe(fault)}`);
    if (more.length > MOST_LINES) lines.push(`… and ${more.length - MOST_LINES} more.`);
  }
  if (kept) {
    if (first === undefined) lines.push(`All heads kept at ${kept.takenAt} are in the log.`);
    if (olderHeads > 0)
      lines.push(`${olderHeads} of them lie in parts that were taken out, and could not be looked at.`);
    if (!checked && kept.signature !== undefined)
      lines.push("Their signature was not checked: that needs --public-key.");
  }
  return lines.join("\n");
}

function describe({ what, position, projectId, number, eventId, reason }: AuditFault): string {
  const place = [
    position === null ? null : `position ${position}`,
    projectId === null ? null : `project ${projectId}`,
    number === null ? null : `number ${number}`,
    eventId === null ? null : `event ${eventId}`,
  ];
  return `${place.filter((part) => part !== null).join(", ")}: ${what}: ${reason}.`;
}
