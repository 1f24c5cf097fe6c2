import type { SystemName } from "../compare/compare.ts";
import { LABELS } from "../compare/report.ts";
import type { Row } from "../compare/summary.ts";
import type { Measurement } from "../measure.ts";

const PEERS: readonly SystemName[] = ["mercurius", "postgraphile"];
/** It takes no statement: whoever does less around one is ahead. */
const LEFT_OUT = "empty";

/** Whether Docket is ahead of each on every operation that both were measured at, but the empty one. */
export const goals = (rows: readonly Row[]): Measurement[] => PEERS.flatMap((peer) => aheadOf(peer, rows));

function aheadOf(peer: SystemName, rows: readonly Row[]): Measurement[] {
  const quotients = rows
    .filter(({ system, operation }) => system === peer && operation !== LEFT_OUT)
    .flatMap(({ operation, connections, perSecond }) => {
      const docket = rows.find(
        (row) => row.system === "docket" && row.operation === operation && row.connections === connections,
      );
      return docket ? [{ at: `${operation}, ${connections} conn.`, value: docket.perSecond / perSecond }] : [];
    })
    .toSorted((a, b) => a.value - b.value);
  const [least] = quotients;
  if (!least) return [];
  const ahead = quotients.filter(({ value }) => value > 1).length;
  return [
    {
      what: `ahead of ${LABELS[peer]} on every operation but ${LEFT_OUT}`,
      measured: `${ahead} of ${quotients.length}, least ${least.value.toFixed(2)} × (${least.at})`,
      target: "> 1 ×",
      ok: ahead === quotients.length,
    },
  ];
}
