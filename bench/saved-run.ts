import { readFile, writeFile } from "node:fs/promises";
import { type Environment, environmentNow } from "./environment.ts";
import { differences, type Figure } from "./figures.ts";

/** This machine's own: Git does not keep it. */
const FILE = new URL("./last.json", import.meta.url);

interface SavedRun extends Environment {
  readonly figures: readonly Figure[];
}

/** Prints how the figures differ from those that were saved last; with `save` they become those. */
export async function printDifferences(figures: readonly Figure[], { save }: { save: boolean }): Promise<void> {
  const saved = await readSavedRun();
  if (saved) {
    console.log(`\nAgainst ${saved.commit} of ${saved.date}, saved on ${saved.processors} processors:\n`);
    console.log(differences(saved.figures, figures));
  } else console.log("\nNothing was saved to compare with: --save does it.");
  if (!save) return;
  // What this run has not measured stays.
  const measured = new Set(figures.map(({ name }) => name));
  const kept = saved?.figures.filter(({ name }) => !measured.has(name)) ?? [];
  const run: SavedRun = { ...environmentNow(), figures: [...kept, ...figures] };
  await writeFile(FILE, `${JSON.stringify(run, null, 2)}\n`);
}

async function readSavedRun(): Promise<SavedRun | undefined> {
  try {
    return JSON.parse(await readFile(FILE, "utf8")) as SavedRun;
  } catch {
    return undefined;
  }
}
