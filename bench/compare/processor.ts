import { readdir, readFile } from "node:fs/promises";

/** In the files of /proc, whatever the machine's own ticks are. */
const TICK_MS = 10;
const NANOSECONDS_PER_MS = 1_000_000;
/** Places in /proc/<pid>/stat, counted from behind the name of the program. */
const PARENT = 1;
const OF_ENDED_CHILDREN = [13, 14];

/** Processor time in milliseconds that a process has used so far; undefined where the system does not tell. */
export async function processorMsOf(pid: number): Promise<number | undefined> {
  try {
    const threads = await readdir(`/proc/${pid}/task`);
    const times = await Promise.all(threads.map((thread) => onProcessor(`/proc/${pid}/task/${thread}/schedstat`)));
    return sum(times);
  } catch {
    return undefined;
  }
}

/** The same of a process with all its children, those that have ended too. */
export async function familyMsOf(pid: number): Promise<number | undefined> {
  const own = await processorMsOf(pid);
  const stat = await statOf(pid);
  if (own === undefined || !stat) return undefined;
  const ended = sum(OF_ENDED_CHILDREN.map((place) => Number(stat[place]) * TICK_MS));
  const children = await childrenOf(pid);
  const living = await Promise.all(children.map(async (child) => (await processorMsOf(child)) ?? 0));
  return own + ended + sum(living);
}

/** The parent of a process; undefined where the system does not tell. */
export async function parentOf(pid: number): Promise<number | undefined> {
  const stat = await statOf(pid);
  return stat && Number(stat[PARENT]);
}

async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  return text.split(" ").filter(Boolean).map(Number);
}

async function onProcessor(path: string): Promise<number> {
  // A thread that has just ended takes its time with it.
  const text = await readFile(path, "utf8").catch(() => "0");
  return Number(text.split(" ")[0]) / NANOSECONDS_PER_MS;
}

async function statOf(pid: number): Promise<string[] | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  return text?.slice(text.lastIndexOf(")") + 2).split(" ");
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
