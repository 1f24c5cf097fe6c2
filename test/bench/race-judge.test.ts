import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { INTRUDER } from "../../bench/race/judge/fences.ts";
import { judge } from "../../bench/race/judge.ts";
import type { Stored, StoredEvent, Told } from "../../bench/race/records.ts";

const PROJECT = "race-alpha";
const LEASE_MS = 900_000;
const TASK = { projectId: PROJECT, taskId: "TASK-001" };
const RESERVED = { projectId: PROJECT, reservationId: "r-1", ids: ["US-001", "US-002"] };

/** The events of one project, numbered and chained. */
function logOf(events: readonly { type: string; subjectId: string; attempt?: number }[]): StoredEvent[] {
  let hash = "";
  return events.map(({ attempt = null, ...event }, i) => {
    const entry = JSON.stringify([i + 1, event]);
    hash = createHash("sha256").update(Buffer.from(hash, "hex")).update(entry).digest("hex");
    return { ...event, attempt, projectId: PROJECT, position: i + 1, number: i + 1, entry, hash };
  });
}

/** One task added, claimed and completed, one reservation kept in part: everything as it must be. */
function flawless(): { told: Told; stored: Stored } {
  const events = logOf([
    { type: "project.created", subjectId: PROJECT },
    { type: "task.created", subjectId: "TASK-001" },
    { type: "task.claimed", subjectId: "TASK-001", attempt: 1 },
    { type: "ids.reserved", subjectId: "r-1" },
    { type: "task.completed", subjectId: "TASK-001" },
    { type: "ids.confirmed", subjectId: "r-1" },
  ]);
  const claim = { ...TASK, attempt: 1 };
  const reservation = { namespace: "race", projectId: PROJECT, live: true };
  return {
    told: {
      added: [{ projectId: PROJECT, descriptions: ["one"], taskIds: ["TASK-001"], askedAt: 0, toldAt: 10 }],
      claimed: [{ ...claim, given: "1-9f86d081884c", worker: "client-1", leaseMs: LEASE_MS, askedAt: 20, toldAt: 30 }],
      left: [{ ...claim, outcome: "completed", askedAt: 40, toldAt: 50 }],
      reserved: [{ ...RESERVED, askedAt: 20, toldAt: 30 }],
      settled: [{ reservationId: "r-1", outcome: "confirmed", kept: ["US-001"], askedAt: 40, toldAt: 50 }],
      contradictions: [],
      intrusions: [],
      streams: [events.map(({ projectId, number }) => ({ projectId, number }))],
    },
    stored: {
      tasks: [{ ...TASK, description: "one", status: "completed", attempts: 1, completionNotes: null }],
      attempts: [{ ...claim, worker: "client-1", claimedAt: 1025, endedAt: 1045, outcome: "completed" }],
      reservations: [
        { ...reservation, reservationId: "task-id", status: "confirmed", ids: ["TASK-001"] },
        { ...reservation, reservationId: "r-1", status: "confirmed", ids: ["US-001"] },
        { ...reservation, reservationId: "split", status: "released", live: false, ids: ["US-002"] },
      ],
      events,
      inbox: 0,
    },
  };
}

/** What is found when the clients were told this, or the database holds this, instead. */
function faults(told: Partial<Told>, stored: Partial<Stored> = {}): string[] {
  const race = flawless();
  const findings = judge({ ...race.told, ...told }, { ...race.stored, ...stored });
  return [...new Set(findings.map(({ fault }) => fault))];
}

const { told, stored } = flawless();
const [claim] = told.claimed;
const [attempt] = stored.attempts;
const [reserved] = told.reserved;
const [settled] = told.settled;
if (!claim || !attempt || !reserved || !settled) throw new Error("the flawless race lacks something");

describe("the judge of the race", () => {
  it("finds nothing where nothing went wrong", () => {
    expect(judge(told, stored)).toEqual([]);
  });

  it("finds one attempt that two workers were given", () => {
    expect(faults({ claimed: [claim, { ...claim, worker: "client-2" }] })).toContain("double claim");
  });

  it("finds a task that a second worker was given while the first held it", () => {
    const second = { ...claim, worker: "client-2", attempt: 2, askedAt: 31, toldAt: 35 };
    expect(faults({ claimed: [claim, second] })).toContain("double claim");
  });

  it("accepts a second worker once the first lease has expired", () => {
    const first = { ...claim, leaseMs: 2_000 };
    const second = { ...claim, worker: "client-2", attempt: 2, askedAt: 2_030, toldAt: 2_040 };
    const left = [{ ...TASK, attempt: 2, outcome: "completed" as const, askedAt: 2_050, toldAt: 2_060 }];
    expect(faults({ claimed: [first, second], left })).not.toContain("double claim");
    expect(faults({ claimed: [first, { ...second, toldAt: 1_500 }], left })).toContain("double claim");
  });

  it("finds a task that two workers were told they completed", () => {
    const [first] = told.left;
    if (!first) throw new Error("nobody completed");
    expect(faults({ left: [first, { ...first, attempt: 2 }] })).toContain("double claim");
  });

  it("finds two attempts that the database had open at once", () => {
    const second = { ...attempt, attempt: 2, worker: "client-2", claimedAt: 1044, endedAt: null, outcome: null };
    const tasks = [{ ...TASK, description: "one", status: "in_progress", attempts: 2, completionNotes: null }];
    expect(faults({}, { attempts: [attempt, second], tasks })).toContain("double claim");
  });

  it("finds an ID that was given to two reservations", () => {
    const other = { ...reserved, reservationId: "r-2", ids: ["US-001"], askedAt: 30, toldAt: 60 };
    expect(faults({ reserved: [reserved, other] })).toContain("overlap");
  });

  it("accepts an ID that was given again after it had been given back", () => {
    const later = { ...reserved, reservationId: "r-2", ids: ["US-002"], askedAt: 60, toldAt: 70 };
    expect(faults({ reserved: [reserved, later] })).not.toContain("overlap");
    expect(faults({ reserved: [reserved, { ...later, toldAt: 35 }] })).toContain("overlap");
  });

  it("finds two live reservations of the database that share an ID", () => {
    const [row] = stored.reservations;
    if (!row) throw new Error("no reservation");
    expect(faults({}, { reservations: [...stored.reservations, { ...row, reservationId: "r-3" }] })).toContain(
      "overlap",
    );
  });

  it("finds an answer that left no trace in the database", () => {
    expect(faults({}, { tasks: [] })).toContain("lost answer");
    expect(faults({}, { attempts: [] })).toContain("lost answer");
    expect(faults({}, { reservations: [] })).toContain("lost answer");
    expect(faults({}, { attempts: [{ ...attempt, outcome: "expired" }] })).toContain("lost answer");
  });

  it("finds a second effect of a request that was repeated", () => {
    expect(faults({ claimed: [] })).toContain("lost answer");
    expect(faults({ reserved: [], settled: [] })).toContain("lost answer");
    const [task] = stored.tasks;
    if (!task) throw new Error("no task");
    const again = { ...task, taskId: "TASK-002", status: "pending", attempts: 0 };
    expect(faults({}, { tasks: [...stored.tasks, again] })).toContain("lost answer");
    const contradictions = [{ operation: "claimNextTask", first: "TASK-001", again: "TASK-002" }];
    expect(faults({ contradictions })).toEqual(["lost answer"]);
  });

  it("finds a write that was let through without the attempt, by the answer or by the notes that it left", () => {
    expect(faults({ intrusions: [{ ...TASK, how: "with a guess" }] })).toEqual(["passed fence"]);
    const tasks = stored.tasks.map((task) => ({ ...task, completionNotes: INTRUDER }));
    expect(faults({}, { tasks })).toEqual(["passed fence"]);
  });

  it("finds a number left out and a link that does not fit", () => {
    const without = stored.events.filter(({ number }) => number !== 1);
    expect(faults({}, { events: without })).toContain("hole in the log");
    const forged = stored.events.map((event, i) => (i === 0 ? { ...event, entry: `${event.entry} ` } : event));
    expect(faults({}, { events: forged })).toEqual(["hole in the log"]);
    expect(faults({}, { inbox: 1 })).toEqual(["hole in the log"]);
  });

  it("finds an acknowledged change without its event, and an event without its change", () => {
    const more = { type: "ids.confirmed", subjectId: "r-1" };
    const bare = stored.events.map(({ type, subjectId, attempt: of }) => ({
      type,
      subjectId,
      ...(of && { attempt: of }),
    }));
    const streams: Told["streams"] = [];
    expect(faults({ streams }, { events: logOf(bare.slice(0, -1)) })).toEqual(["hole in the log"]);
    expect(faults({ streams }, { events: logOf([...bare, more]) })).toEqual(["hole in the log"]);
  });

  it("finds a subscriber that missed an event, or received one twice", () => {
    const [stream = []] = told.streams;
    expect(faults({ streams: [stream.slice(0, -1)] })).toEqual(["hole in the log"]);
    expect(faults({ streams: [stream.toSpliced(2, 1)] })).toEqual(["hole in the log"]);
    expect(faults({ streams: [[...stream, ...stream.slice(-1)]] })).toEqual(["hole in the log"]);
  });
});
