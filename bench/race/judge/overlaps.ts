import type { Finding, Stored, Told } from "../records.ts";
import { groupBy, neighbours } from "./group.ts";

/** An ID that somebody certainly held, from the answer that gave it until it was asked to be taken back. */
interface Holding {
  readonly id: string;
  readonly owner: string;
  readonly from: number;
  readonly until: number;
}

const overlap = (text: string): Finding => ({ fault: "overlap", text });

/** An ID given to two: by the clients' word, and by the database's. All projects of a race share one namespace. */
export function findOverlaps(told: Told, stored: Stored): Finding[] {
  return [...givenTwice(holdings(told)), ...liveTwice(stored)];
}

function holdings({ reserved, settled, added }: Told): Holding[] {
  const settledAs = new Map(settled.map((settlement) => [settlement.reservationId, settlement]));
  const reservedIds = reserved.flatMap(({ reservationId, ids, toldAt }) => {
    const settlement = settledAs.get(reservationId);
    return ids.map((id) => ({
      id,
      owner: `reservation ${reservationId}`,
      from: toldAt,
      until: settlement && !settlement.kept.includes(id) ? settlement.askedAt : Number.POSITIVE_INFINITY,
    }));
  });
  const taskIds = added.flatMap(({ projectId, taskIds, toldAt }) =>
    taskIds.map((id) => ({ id, owner: `a task of ${projectId}`, from: toldAt, until: Number.POSITIVE_INFINITY })),
  );
  return [...reservedIds, ...taskIds];
}

function* givenTwice(held: readonly Holding[]): Iterable<Finding> {
  for (const [id, holders] of groupBy(held, (holding) => holding.id)) {
    holders.sort((a, b) => a.from - b.from);
    for (const [first, second] of neighbours(holders)) {
      if (second.from < first.until) yield overlap(`${id} was given to ${first.owner} and to ${second.owner}`);
    }
  }
}

function* liveTwice({ reservations }: Stored): Iterable<Finding> {
  const live = reservations.filter((reservation) => reservation.live);
  const held = live.flatMap(({ namespace, reservationId, ids }) => ids.map((id) => ({ namespace, id, reservationId })));
  for (const [name, holders] of groupBy(held, ({ namespace, id }) => `${id} of ${namespace}`)) {
    if (holders.length > 1)
      yield overlap(`${name} is live in ${holders.map(({ reservationId }) => reservationId).join(" and ")}`);
  }
}
