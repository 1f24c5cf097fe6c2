import { findLostAnswers } from "./judge/answers.ts";
import { findDoubleClaims } from "./judge/claims.ts";
import { findPassedFences } from "./judge/fences.ts";
import { findHoles } from "./judge/log.ts";
import { findOverlaps } from "./judge/overlaps.ts";
import type { Finding, Stored, Told } from "./records.ts";

/** Holds what the clients were told against what the database holds. Knows nothing of how the race was run. */
export function judge(told: Told, stored: Stored): Finding[] {
  return [
    ...findDoubleClaims(told, stored),
    ...findOverlaps(told, stored),
    ...findLostAnswers(told, stored),
    ...findHoles(told, stored),
    ...findPassedFences(told, stored),
  ];
}
