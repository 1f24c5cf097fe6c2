import type { Finding, Stored, Told } from "../records.ts";
import { nameOf } from "./group.ts";

/** What an intruder leaves as its notes. */
export const INTRUDER = "written by an intruder";

const passed = (text: string): Finding => ({ fault: "passed fence", text });

/** A write of somebody who had not been given the attempt: by the answer it got, and by what the database keeps. */
export function findPassedFences({ intrusions }: Told, { tasks }: Stored): Finding[] {
  return [
    ...intrusions.map(({ how, ...task }) => passed(`${nameOf(task)} was written ${how}`)),
    ...tasks
      .filter(({ completionNotes }) => completionNotes === INTRUDER)
      .map((task) => passed(`${nameOf(task)} keeps the notes of an intruder`)),
  ];
}
