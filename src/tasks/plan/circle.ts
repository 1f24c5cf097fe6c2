import { circleFrom } from "../dependencies/circle.ts";
import { dependencyCycle } from "../dependencies/cycle-error.ts";
import type { NewTask } from "../new-task.ts";
import type { Reference } from "./references.ts";

/** What each item waits for among the items: those that it depends on, and its children. */
export function itemsAhead(batch: readonly NewTask[]): (item: number) => readonly number[] {
  const ahead = batch.map(({ blockers }) => blockers.flatMap(itemOf));
  for (const { index, parent } of batch) for (const item of itemOf(parent)) ahead[item]?.push(index);
  return (item) => ahead[item] ?? [];
}

/** @throws DEPENDENCY_CYCLE where the items wait for each other, whatever tasks there are. */
export function refuseCircleOfItems(batch: readonly NewTask[]): void {
  const circle = circleFrom(batch.keys(), itemsAhead(batch));
  if (circle !== null)
    throw dependencyCycle(
      circle.map((item) => itemOn(batch, item)),
      null,
    );
}

/** The items in the order given, but each parent before its children. There is no circle in them. */
export function parentsFirst<Item extends NewTask>(items: readonly Item[]): Item[] {
  const placed = new Set<Item>();
  const place = (item: Item): void => {
    for (const parent of itemOf(item.parent)) {
      const above = items[parent];
      if (above && !placed.has(above)) place(above);
    }
    placed.add(item);
  };
  items.forEach(place);
  return [...placed];
}

/** An item, as errors name it. */
export const itemOn = (batch: readonly NewTask[], item: number) => ({ item, key: batch[item]?.key ?? null });

const itemOf = (reference: Reference | null): number[] => (reference && "item" in reference ? [reference.item] : []);
