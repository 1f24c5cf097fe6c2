/** The shortest way of at least one step from a node to another, or back to itself, both included; null: there is none. */
export function shortestWay<Node>(from: Node, to: Node, next: (node: Node) => Iterable<Node>): Node[] | null {
  const before = new Map<Node, Node>();
  const queue = [from];
  for (const here of queue) {
    for (const node of next(here)) {
      if (before.has(node)) continue;
      before.set(node, here);
      queue.push(node);
    }
    if (before.has(to)) break;
  }
  if (!before.has(to)) return null;
  const way = [to];
  do way.unshift(before.get(way[0] as Node) as Node);
  while (way[0] !== from);
  return way;
}

/** A short circle that `next` closes from one of the nodes on, from one of its nodes back to that; null: there is none. */
export function circleFrom<Node>(starts: Iterable<Node>, next: (node: Node) => Iterable<Node>): Node[] | null {
  /** What leads into no circle. */
  const done = new Set<Node>();
  for (const start of starts) {
    const path = done.has(start) ? [] : [{ node: start, left: [...next(start)] }];
    const onPath = new Set([start]);
    for (let last = path.at(-1); last; last = path.at(-1)) {
      const node = last.left.pop();
      if (node === undefined) {
        done.add(last.node);
        onPath.delete(last.node);
        path.pop();
      } else if (onPath.has(node)) return shortestWay(node, node, next);
      else if (!done.has(node)) {
        onPath.add(node);
        path.push({ node, left: [...next(node)] });
      }
    }
  }
  return null;
}
