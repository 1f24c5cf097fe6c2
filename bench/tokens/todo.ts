import { pick, seededRandom } from "../random.ts";
import { AREAS, DEEDS, NOTES, WAYS } from "./vocabulary.ts";

/** The same tasks in every run. */
const SEED = 11;
const DAY_MS = 86_400_000;
const FIRST_DUE = Date.parse("2027-01-04T00:00:00Z");
/** Shares of all tasks; what was done stays in the file, as in those that teams keep. */
const DONE = 0.5;
const WITH_DUE_DATE = 0.1;
const WITH_NOTE = 0.4;
const WITH_SECOND_NOTE = 0.15;
const OF_USUAL_PRIORITY = 0.6;
const USUAL_PRIORITY = 2;

/** A task as both know it: a checklist, and Docket. */
export interface TodoTask {
  readonly id: string;
  readonly status: "pending" | "in_progress" | "completed";
  readonly text: string;
  readonly priority: number;
  /** The heading that it stands under is the first one. */
  readonly labels: readonly string[];
  /** YYYY-MM-DD */
  readonly due: string | null;
  readonly notes: readonly string[];
}

/** Half of them done, and `underWay` in progress. */
export function makeTasks(count: number, underWay: number): TodoTask[] {
  const random = seededRandom(SEED);
  const happens = (share: number) => random() < share;
  let open = 0;
  return Array.from({ length: count }, (_, index) => {
    const area = pick(AREAS, random);
    const status = happens(DONE) ? "completed" : open++ < underWay ? "in_progress" : "pending";
    const text = `${pick(DEEDS, random)} ${pick(area.subjects, random)}${pick(WAYS, random)}`;
    const notes = happens(WITH_NOTE)
      ? [pick(NOTES, random), ...(happens(WITH_SECOND_NOTE / WITH_NOTE) ? [pick(NOTES, random)] : [])]
      : [];
    return {
      id: `TASK-${String(index + 1).padStart(3, "0")}`,
      status,
      text,
      priority: happens(OF_USUAL_PRIORITY) ? USUAL_PRIORITY : Math.floor(random() * 5),
      labels: [area.label, ...(happens(0.3) ? [pick(["bug", "feature", "refactoring", "docs"], random)] : [])],
      due: happens(WITH_DUE_DATE) ? dayAfter(Math.floor(random() * 90)) : null,
      notes,
    };
  });
}

const dayAfter = (days: number) => new Date(FIRST_DUE + days * DAY_MS).toISOString().slice(0, 10);

const BOXES = { pending: " ", in_progress: "~", completed: "x" } as const;

/** The checklist that a team keeps of them: by area, one line each, with notes beneath. */
export function todoFile(tasks: readonly TodoTask[]): string {
  const sections = AREAS.flatMap(({ heading, label }) => {
    const own = tasks.filter(({ labels }) => labels[0] === label);
    return own.length === 0 ? [] : [`## ${heading}\n\n${own.map(item).join("\n")}\n`];
  });
  return ["# TODO\n", ...sections].join("\n");
}

function item({ id, status, text, priority, labels: [, ...labels], due, notes }: TodoTask): string {
  const words = [
    `- [${BOXES[status]}] ${id}`,
    ...(priority === USUAL_PRIORITY ? [] : [`(P${priority})`]),
    text,
    ...labels.map((label) => `#${label}`),
    ...(due === null ? [] : [`due:${due}`]),
  ];
  return [words.join(" "), ...notes.map((note) => `  - ${note}`)].join("\n");
}
