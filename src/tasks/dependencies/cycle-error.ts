import { DocketError } from "../../errors.ts";

/** Of a circle that is longer, the middle is counted. */
const MOST_OF_CIRCLE = 20;

/** A task on a circle, or one that was to be added, by its place among the items of the call; null: not seen. */
export type OnCircle =
  | { readonly projectId: string; readonly taskId: string }
  | { readonly item: number; readonly key: string | null }
  | null;

/** What an item of a call is called. */
export const itemName = ({ item, key }: { readonly item: number; readonly key: string | null }) =>
  `tasks[${item}]${key === null ? "" : ` (${key})`}`;

/**
 * @param circle the tasks on it, each waiting for the next and the last, which is the first again.
 * @param projectId of which a task needs no project before its name.
 */
export function dependencyCycle(circle: readonly OnCircle[], projectId: string | null): DocketError {
  const names = circle.map((one) => {
    if (one === null) return "a task of another project";
    if ("item" in one) return itemName(one);
    return one.projectId === projectId ? one.taskId : `${one.projectId}/${one.taskId}`;
  });
  const more = names.length - MOST_OF_CIRCLE;
  if (more > 0) names.splice(MOST_OF_CIRCLE / 2, more, `${more} more`);
  const remedy = "Remove one of these dependencies first, or leave this one out.";
  const message = `Each of these would wait for the next, in a circle: ${names.join(" → ")}. ${remedy}`;
  return new DocketError("DEPENDENCY_CYCLE", message, {
    circle: circle.length > 2 * MOST_OF_CIRCLE ? circle.slice(0, 2 * MOST_OF_CIRCLE) : circle,
    remedy,
  });
}
