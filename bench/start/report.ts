import { type Figure, figuresOfMeasurements } from "../figures.ts";
import { type Measurement, percentile } from "../measure.ts";
import { MOMENTS, type Start, type Starts } from "./run.ts";

export interface Targets {
  /** The most milliseconds to a server's first answer. */
  readonly answerMs: number;
  /** The most megabytes of an idle server, beside PostgreSQL. */
  readonly idleMb: number;
  /** The most milliseconds to the answer of `docket mcp` to `initialize`; null: as long as it takes. */
  readonly initializeMs: number | null;
}

export const SOURCES: Targets = { answerMs: 1_500, idleMb: 165, initializeMs: null };
export const PACKAGED: Targets = { answerMs: 1_000, idleMb: 140, initializeMs: 250 };

/** What each moment ends. */
const PARTS: Readonly<Record<(typeof MOMENTS)[number], string>> = {
  called: "",
  begun: "the command, its code and settings",
  postgres: "PostgreSQL",
  migrated: "its login, and a look at the migrations",
  loaded: "the server's code",
  answered: "listening, and the answer",
};

/** @param initialized milliseconds until `docket mcp` answered `initialize`, of each start. */
export const measurements = (
  all: readonly Starts[],
  initialized: readonly number[],
  targets: Targets,
): Measurement[] => [
  ...all.flatMap((starts) => measurementsOf(starts, targets)),
  ...all.map(({ database, starts }) => {
    const idle = megabytes(starts);
    return {
      what: `${database}: idle memory`,
      measured: `${idle.toFixed(0)} MB`,
      target: `≤ ${targets.idleMb} MB`,
      ok: idle <= targets.idleMb,
    };
  }),
  initializeOf(initialized, targets),
];

export const figures = (all: readonly Starts[], initialized: readonly number[]): Figure[] => [
  ...figuresOfMeasurements(measurements(all, initialized, SOURCES)),
  ...all.map(
    ({ database, starts }): Figure => ({
      name: `${database}: idle memory`,
      value: megabytes(starts),
      unit: "MB",
      better: "less",
    }),
  ),
];

function initializeOf(initialized: readonly number[], { initializeMs }: Targets): Measurement {
  const ms = percentile(initialized, 0.5);
  return {
    what: "docket mcp: initialize",
    measured: `p50 ${ms.toFixed(0)} ms (${rangeOf(initialized)})`,
    target: initializeMs === null ? "" : `< ${initializeMs} ms`,
    ok: initializeMs === null || ms < initializeMs,
    ms,
  };
}

function measurementsOf({ database, starts }: Starts, { answerMs }: Targets): Measurement[] {
  const parts = [...partsOf(starts), { part: "processor time", ms: middle(starts, ({ processorMs }) => processorMs) }];
  const whole = starts.map(({ moments: { called, answered } }) => answered - called);
  const ms = percentile(whole, 0.5);
  return [
    {
      what: `${database}: first answer`,
      measured: `p50 ${ms.toFixed(0)} ms (${rangeOf(whole)})`,
      target: `< ${answerMs} ms`,
      ok: ms < answerMs,
      ms,
    },
    ...parts.map(({ part, ms }) => ({
      what: `  ${database}: ${part}`,
      measured: `p50 ${ms.toFixed(0)} ms`,
      target: "",
      ok: true,
      ms,
    })),
  ];
}

/** The median of each part; a moment that was not reached ends none. */
function partsOf(starts: readonly Start[]): { part: string; ms: number }[] {
  const reached = MOMENTS.filter((moment) => starts.every(({ moments }) => moments[moment] !== undefined));
  return reached.slice(1).map((moment, i) => {
    const before = reached[i] ?? "called";
    const took = starts.map(({ moments }) => (moments[moment] ?? 0) - (moments[before] ?? 0));
    return { part: PARTS[moment], ms: percentile(took, 0.5) };
  });
}

const rangeOf = (times: readonly number[]) => `${Math.min(...times).toFixed(0)} to ${Math.max(...times).toFixed(0)}`;

const middle = (starts: readonly Start[], of: (start: Start) => number) => percentile(starts.map(of), 0.5);
const megabytes = (starts: readonly Start[]) => middle(starts, ({ idleBytes }) => idleBytes / 1e6);
