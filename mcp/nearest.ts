/** Names further than this share of their length apart are no misspellings of each other. */
const FURTHEST = 0.4;
/** A shorter name stands in many others by chance. */
const LEAST_PART = 3;
const MOST_NAMED = 3;

/** The names most like this one, nearest first; none when nothing is like it. */
export function nearest(name: string, known: readonly string[]): string[] {
  return known
    .filter((other) => other !== name)
    .map((other) => ({ other, distance: isPartOf(name, other) ? 1 : editsBetween(name, other) }))
    .filter(({ other, distance }) => distance <= Math.max(name.length, other.length) * FURTHEST)
    .toSorted((a, b) => a.distance - b.distance)
    .slice(0, MOST_NAMED)
    .map(({ other }) => other);
}

function isPartOf(one: string, other: string): boolean {
  const [short, long] = one.length < other.length ? [one, other] : [other, one];
  return short.length >= LEAST_PART && long.includes(short);
}

/** How many letters must be added, taken away or replaced to make one of the other. */
function editsBetween(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...one].entries()) {
    const next = [i + 1];
    for (const [j, against] of [...other].entries()) {
      const replaced = (row[j] ?? 0) + (letter === against ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
