/** Items by key, in their order. */
export function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}

/** Each item with the one behind it. */
export const neighbours = <Item>(items: readonly Item[]): [Item, Item][] =>
  items.slice(1).flatMap((item, i) => {
    const before = items[i];
    return before === undefined ? [] : [[before, item]];
  });

export const nameOf = ({ projectId, taskId }: { projectId: string; taskId: string }) => `${projectId}/${taskId}`;
