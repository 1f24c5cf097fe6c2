import { milliseconds, percentile } from "../measure.ts";
import { groupBy } from "./judge/group.ts";
import type { Fault, TaskClaimed } from "./records.ts";
import type { RaceResult } from "./run.ts";

const FAULTS: readonly (readonly [Fault, string])[] = [
  ["double claim", "Double claims"],
  ["overlap", "Overlaps"],
  ["lost answer", "Lost answers"],
  ["hole in the log", "Holes in the log"],
  ["passed fence", "Passed fences"],
];
const MOST_SHOWN = 10;

/** How long claims took, in milliseconds, by whether hostile readers were at it when they were asked for. */
function claimTimes({ ledger, hostileTurns }: RaceResult): { calm: number[]; hostile: number[] } {
  const during = ({ askedAt }: TaskClaimed) =>
    hostileTurns.some(({ from, until }) => askedAt >= from && askedAt < until);
  const { hostile = [], calm = [] } = Object.groupBy(ledger.claimed, (claim) => (during(claim) ? "hostile" : "calm"));
  const times = (claims: readonly TaskClaimed[]) => claims.map(({ askedAt, toldAt }) => toldAt - askedAt);
  return { calm: times(calm), hostile: times(hostile) };
}

/** What a server's log line is about. */
function describe(line: string): string {
  const { msg, code, err } = JSON.parse(line) as { msg?: string; code?: string; err?: { message: string } };
  return [msg, code, err?.message.slice(0, 150)].filter((part) => part !== undefined).join(": ");
}

const timesOf = (times: readonly number[]) =>
  `${times.length}: p50 ${milliseconds(percentile(times, 0.5))}, p99 ${milliseconds(percentile(times, 0.99))}`;

export function printResult(result: RaceResult, print: (line: string) => void): void {
  const { ledger, traffic, stored, findings, failures, seconds } = result;
  const outcomes = (outcome: string) => stored.attempts.filter((attempt) => attempt.outcome === outcome).length;
  const ids = ledger.reserved.reduce((sum, reservation) => sum + reservation.ids.length, 0);
  const row = (name: string, value: string | number) => print(`  ${name.padEnd(22)} ${value}`);

  print("");
  row("Time", `${seconds.toFixed(1)} s, ${Math.round(traffic.requests / seconds)} requests a second`);
  row("Servers killed", result.kills);
  row("PostgreSQL killed", result.databaseKills);
  row(
    "Requests",
    `${traffic.requests}: ${traffic.unanswered} cut off, by ${result.resets} reset connections and the kills`,
  );
  row("Asked again", `${traffic.replayed} after a lost answer, ${traffic.repeated} on purpose, all with their keys`);
  row("Tasks", `${stored.tasks.length} added, ${ledger.completed} completed`);
  row("Attempts", `${stored.attempts.length}: ${outcomes("expired")} expired, ${outcomes("released")} given back`);
  row("Workers that died", `${ledger.deaths}: ${ledger.tooLate} came back too late and were refused`);
  row("Intruders", `${ledger.fended} writes without the attempt, all refused`);
  const { calm, hostile } = claimTimes(result);
  row("Claims", `${timesOf(calm)} in calm`);
  if (hostile.length > 0) row("", `${timesOf(hostile)} with hostile readers`);
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
  for (const text of failures.slice(0, MOST_SHOWN)) print(`    - ${text}`);
  for (const [what, lines] of groupBy(result.logged, describe)) row("Servers' errors", `${lines.length} × ${what}`);
  print("");
  if (findings.length > 0) print("The race is lost.");
  else print(failures.length > 0 ? "The race did not go through." : "Nothing was lost, nothing was given twice.");
}
