import type { Figure } from "../figures.ts";
import { percentile } from "../measure.ts";
import type { DeliveryResult } from "./report.ts";

/** What another run can be compared with. */
export function figuresOf({ latencies, claims }: DeliveryResult): Figure[] {
  const named = ({ how, subscribers, perSecond }: { how: string; subscribers: number; perSecond: number }) =>
    `${subscribers} × ${how}, ${perSecond} events/s: `;
  return [
    ...latencies.flatMap((row): Figure[] => [
      { name: `${named(row)}p50`, value: row.p50, unit: "ms", better: "less" },
      { name: `${named(row)}p99`, value: row.p99, unit: "ms", better: "less" },
      {
        name: `${named(row)}server for a frame`,
        value: (row.processor.server / row.frames) * 1000,
        unit: "µs",
        better: "less",
      },
    ]),
    ...claims.map(
      (row): Figure => ({
        name: `${named(row)}claims p99`,
        value: percentile(row.sample.durations, 0.99),
        unit: "ms",
        better: "less",
      }),
    ),
  ];
}
