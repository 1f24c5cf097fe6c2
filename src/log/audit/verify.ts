import type { Client } from "pg";
import {
  type Bounds,
  eachRow,
  type Row,
  readBounds,
  readInterrupted,
  readLostPlaces,
  readStranded,
} from "./auditor.ts";
import {
  type AuditFault,
  beginsLater,
  endsEarlier,
  floorFaults,
  isStranded,
  isYoung,
  type Link,
  linkFault,
  placeLost,
  REWRITTEN,
  rowOf,
} from "./fault.ts";
import type { KeptHeads } from "./kept-heads.ts";

export interface Verification {
  /** How many events were read. */
  readonly events: number;
  readonly projects: number;
  /** The last position that was taken out of the log; 0 when it is all there. */
  readonly floor: number;
  /** Kept heads that lie in parts that were taken out, so that nothing can be said of them. */
  readonly olderHeads: number;
  /**
   * The first broken row; after it nothing is read. Before it stand kept heads that differ in earlier rows, and where no
   * link is broken, all kept heads and places of sinks that the log does not have. What is stranded comes last.
   */
  readonly faults: readonly AuditFault[];
}

export interface Scope {
  /** Only the chain of this project; positions are not judged then. */
  readonly projectId?: string | undefined;
  /** Heads that were kept elsewhere. */
  readonly against?: KeptHeads | undefined;
}

const FIRST: Link = { number: 0, hash: Buffer.alloc(0) };

/**
 * Walks the log from where it begins to where it ends now, and checks every position, number and link of every chain.
 * Needs little memory and a few seconds per million events; the server may run on.
 * @param auditor from connectAuditor().
 * @throws Error when the project has no events.
 */
export async function verifyLog(auditor: Client, scope: Scope = {}): Promise<Verification> {
  const { projectId } = scope;
  for (;;) {
    const bounds = await readBounds(auditor);
    const found = await walk(auditor, bounds, scope);
    const moved = floorFaults(bounds, scope.against);
    const isMissing = projectId !== undefined && found.events === 0 && !hasFloor(bounds, projectId);
    // Retention may have taken out what was not read yet: then the log begins elsewhere.
    if ((found.faults.length + moved.length > 0 || isMissing) && (await readBounds(auditor)).floor > bounds.floor)
      continue;
    const faults = [...moved, ...found.faults, ...(await readStranded(auditor, projectId ?? null)).map(isStranded)];
    if (isMissing && faults.length === 0) throw new Error(`The log has no events of project ${projectId}.`);
    return { ...found, faults };
  }
}

/** From `floor` to `last`, by the index. */
async function walk(
  auditor: Client,
  { floor, last, floors }: Bounds,
  { projectId, against }: Scope,
): Promise<Verification> {
  const begins = new Map(floors.map((one) => [one.project_id, { number: one.number, hash: fromHex(one.hash) }]));
  const chains = new Map<string, Link>(begins);
  const kept = new Map(against?.heads.map((head) => [head.projectId, head]));
  const seen = new Set<string>();
  const faults: AuditFault[] = [];
  let events = 0;
  let position = floor;
  let broken: AuditFault | undefined;

  const check = (row: Row) => {
    if (broken) return;
    const link = chains.get(row.project_id) ?? FIRST;
    broken = linkFault(row, link, projectId === undefined ? position + 1 : null);
    if (broken) return;
    const { hash } = row;
    const number = Number(row.number);
    const head = kept.get(row.project_id);
    if (head?.number === number && !fromHex(head.hash).equals(hash)) faults.push({ ...rowOf(row), ...REWRITTEN });
    chains.set(row.project_id, { number, hash });
    seen.add(row.project_id);
    position = Number(row.position);
    events++;
  };
  for (let before = -1; before !== events && !broken; ) {
    before = events;
    await eachRow(auditor, { after: position, last, projectId }, check);
  }

  const verified = { events, projects: seen.size, floor };
  if (broken) {
    const whose = broken.projectId === null ? await whoseGap(auditor, chains, position) : {};
    return { ...verified, olderHeads: 0, faults: [...faults, { ...broken, ...whose }] };
  }
  const heads = [...kept.values()].filter((head) => projectId === undefined || head.projectId === projectId);
  let olderHeads = 0;
  for (const { projectId: project, number, hash } of heads) {
    const begin = begins.get(project) ?? FIRST;
    const end = chains.get(project) ?? FIRST;
    if (number < begin.number && against && isYoung(against)) faults.push(beginsLater(project, begin.number, number));
    else if (number < begin.number) olderHeads++;
    else if (number === begin.number && number > 0 && !begin.hash.equals(fromHex(hash)))
      faults.push({ position: null, projectId: project, number, eventId: null, ...REWRITTEN });
    else if (number > end.number) faults.push(endsEarlier(project, end.number, number));
  }
  if (projectId === undefined) faults.push(...(await readLostPlaces(auditor)).map(placeLost));
  return { ...verified, olderHeads, faults };
}

/** Of which project the event behind `position` is missing, where only one can be meant. */
async function whoseGap(
  auditor: Client,
  chains: ReadonlyMap<string, Link>,
  position: number,
): Promise<Partial<AuditFault>> {
  const numbers = new Map([...chains].map(([project, { number }]) => [project, number]));
  const [one, another] = await readInterrupted(auditor, numbers, position);
  return one && !another ? one : {};
}

const hasFloor = ({ floors }: Bounds, projectId: string) => floors.some(({ project_id }) => project_id === projectId);

const fromHex = (hex: string) => Buffer.from(hex, "hex");
