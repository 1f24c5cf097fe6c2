import type { Fault } from "./records.ts";
import type { RaceResult } from "./run.ts";

const FAULTS: readonly (readonly [Fault, string])[] = [
  ["double claim", "Double claims"],
  ["overlap", "Overlaps"],
  ["lost answer", "Lost answers"],
  ["hole in the log", "Holes in the log"],
];
const MOST_SHOWN = 10;

export function printResult(result: RaceResult, print: (line: string) => void): void {
  const { ledger, traffic, stored, findings, failures, seconds } = result;
  const outcomes = (outcome: string) => stored.attempts.filter((attempt) => attempt.outcome === outcome).length;
  const ids = ledger.reserved.reduce((sum, reservation) => sum + reservation.ids.length, 0);
  const row = (name: string, value: string | number) => print(`  ${name.padEnd(22)} ${value}`);

  print("");
  row("Time", `${seconds.toFixed(1)} s, ${Math.round(traffic.requests / seconds)} requests a second`);
  row("Servers killed", result.kills);
  row("Requests", `${traffic.requests}: ${traffic.unanswered} cut off, ${traffic.refused} refused by a dead server`);
  row("Asked again", `${traffic.replayed} after a lost answer, ${traffic.repeated} on purpose, all with their keys`);
  row("Tasks", `${stored.tasks.length} added, ${ledger.completed} completed`);
  row("Claims", `${stored.attempts.length}: ${outcomes("expired")} expired, ${outcomes("released")} given back`);
  row("Workers that died", `${ledger.deaths}: ${ledger.tooLate} came back too late and were refused`);
  row("Reservations", `${ledger.reserved.length} of ${ids} IDs, ${ledger.settled.length} confirmed or given back`);
  row(
    "Events",
    `${stored.events.length} to ${result.ledger.projects.length} projects, ${result.resumes} streams resumed`,
  );
  print("");
  for (const [fault, title] of FAULTS) {
    const found = findings.filter((finding) => finding.fault === fault);
    row(title, found.length);
    for (const { text } of found.slice(0, MOST_SHOWN)) print(`    - ${text}`);
  }
  row("Requests that failed", failures.length);
  for (const text of [...failures, ...result.logged].slice(0, MOST_SHOWN)) print(`    - ${text}`);
  print("");
  if (findings.length > 0) print("The race is lost.");
  else print(failures.length > 0 ? "The race did not go through." : "Nothing was lost, nothing was given twice.");
}
