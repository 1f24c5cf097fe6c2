import { type Figure, figuresOfMeasurements } from "../figures.ts";
import { type Measurement, percentile } from "../measure.ts";
import { MOMENTS, type Start, type Starts } from "./run.ts";

/** The time to the first answer, in milliseconds. */
const MOST_MS = 1_500;
/** Beside PostgreSQL, in megabytes. */
const MOST_MB = 165;

/** What each moment ends. */
const PARTS: Readonly<Record<(typeof MOMENTS)[number], string>> = {
  called: "",
  begun: "the command, its code and settings",
  postgres: "PostgreSQL",
  migrated: "its login, and a look at the migrations",
  loaded: "the server's code",
  answered: "listening, and the answer",
};

export const measurements = (all: readonly Starts[]): Measurement[] => [
  ...all.flatMap(measurementsOf),
  ...all.map(({ database, starts }) => {
    const idle = megabytes(starts);
    return {
      what: `${database}: idle memory`,
      measured: `${idle.toFixed(0)} MB`,
      target: `≤ ${MOST_MB} MB`,
      ok: idle <= MOST_MB,
    };
  }),
];

export const figures = (all: readonly Starts[]): Figure[] => [
  ...figuresOfMeasurements(measurements(all)),
  ...all.map(
    ({ database, starts }): Figure => ({
      name: `${database}: idle memory`,
      value: megabytes(starts),
      unit: "MB",
      better: "less",
    }),
  ),
];

function measurementsOf({ database, starts }: Starts): Measurement[] {
  const parts = [...partsOf(starts), { part: "processor time", ms: middle(starts, ({ processorMs }) => processorMs) }];
  const whole = starts.map(({ moments: { called, answered } }) => answered - called);
  const ms = percentile(whole, 0.5);
  const range = `${Math.min(...whole).toFixed(0)} to ${Math.max(...whole).toFixed(0)}`;
  return [
    {
      what: `${database}: first answer`,
      measured: `p50 ${ms.toFixed(0)} ms (${range})`,
      target: `< ${MOST_MS} ms`,
      ok: ms < MOST_MS,
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

const middle = (starts: readonly Start[], of: (start: Start) => number) => percentile(starts.map(of), 0.5);
const megabytes = (starts: readonly Start[]) => middle(starts, ({ idleBytes }) => idleBytes / 1e6);
