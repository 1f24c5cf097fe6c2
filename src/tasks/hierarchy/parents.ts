/** The level of the deepest task; one without a parent is on level 0. */
export const DEEPEST = 5;

/** What is wrong with a child of a task on this level, if anything. */
export const tooDeep = (depth: number): string | null =>
  depth < DEEPEST ? null : `Cannot create child: parent depth ${depth} is at maximum (${DEEPEST})`;
