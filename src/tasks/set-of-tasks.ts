import { requireReason } from "../db/text-checks.ts";
import { badInput } from "../errors.ts";
import type { Way } from "./changeable.ts";
import { DELETION } from "./delete.ts";
import { faultsOf } from "./field-faults.ts";
import { TASK } from "./fields.ts";
import { parking } from "./park.ts";
import { UNPARKING } from "./unpark.ts";

/** What `updateTasks` makes of the tasks: some of the fields, or one of park, unpark and delete. */
export interface SetOfTasks {
  readonly priority?: number | null | undefined;
  /** These instead of those that they bear. */
  readonly labels?: readonly string[] | null | undefined;
  readonly addLabels?: readonly string[] | null | undefined;
  readonly removeLabels?: readonly string[] | null | undefined;
  readonly assignedTo?: string | null | undefined;
  readonly dueDate?: Date | null | undefined;
  readonly park?: { readonly reason: string } | null | undefined;
  readonly unpark?: boolean | null | undefined;
  readonly delete?: boolean | null | undefined;
}

const FIELDS = ["priority", "labels", "assignedTo", "dueDate"] as const;
const LABELS = ["labels", "addLabels", "removeLabels"] as const;

/** @throws BAD_USER_INPUT for nothing to change, for more than one way, and for values that do not fit. */
export function wayOf(set: SetOfTasks): Way {
  const { park, unpark } = set;
  const says = FIELDS.some((name) => set[name] !== undefined) || LABELS.some((name) => set[name] != null);
  const ways = [
    ...(says ? [fieldsOf(set)] : []),
    ...(park ? [parked(park.reason)] : []),
    ...(unpark ? [{ done: "unparked", change: UNPARKING } as const] : []),
    ...(set.delete ? [{ done: "deleted", change: DELETION } as const] : []),
  ];
  const [way, another] = ways;
  if (!way || another)
    throw badInput(
      "set must change fields (priority, labels, addLabels, removeLabels, assignedTo, dueDate), or else do one of park, unpark and delete, each in a call of its own.",
    );
  return way;
}

function fieldsOf(set: SetOfTasks): Way {
  const faults = [
    ...faultsIn(Object.fromEntries(FIELDS.flatMap((name) => (set[name] === undefined ? [] : [[name, set[name]]])))),
    ...(["addLabels", "removeLabels"] as const).flatMap((name) =>
      set[name] == null ? [] : faultsIn({ labels: set[name] }, name),
    ),
  ];
  if (set.labels && (set.addLabels ?? set.removeLabels))
    faults.push("set has either labels, or addLabels and removeLabels");
  const both = set.addLabels?.filter((label) => set.removeLabels?.includes(label)) ?? [];
  if (both.length > 0) faults.push(`set adds and removes the label ${both[0]}`);
  if (faults.length > 0) throw badInput(faults.join("; "));
  const labels = LABELS.some((name) => set[name] != null);
  const [instead, add, remove] = [set.labels != null, set.labels ?? set.addLabels ?? [], set.removeLabels ?? []];
  const fields = FIELDS.filter((name) => (name === "labels" ? labels : set[name] !== undefined));
  return {
    done: "changed",
    change: {
      type: "task.updated",
      fields,
      values: TASK.record(Object.fromEntries(fields.map((name) => [name, set[name]]))),
      ...(labels && {
        computed: (bind) => `jsonb_build_object('labels', ARRAY(
          SELECT l.label FROM unnest(${instead ? "" : "r.labels || "}${bind(add)}::text[]) WITH ORDINALITY AS l (label, place)
          WHERE l.label <> ALL (${bind(remove)}::text[]) GROUP BY l.label ORDER BY min(l.place)))`,
      }),
    },
    ...(labels && {
      labels: (own) => [...new Set([...(instead ? [] : own), ...add])].filter((label) => !remove.includes(label)),
    }),
    ...(set.dueDate !== undefined && { dueDate: set.dueDate }),
  };
}

function faultsIn(given: object, name = "labels"): string[] {
  const { error } = TASK.check("update", given);
  return error ? faultsOf(error, "set").map((fault) => fault.replace("set.labels", `set.${name}`)) : [];
}

function parked(reason: string): Way {
  requireReason(reason, ": say what somebody has to decide.");
  return { done: "parked", change: parking(reason) };
}
