import type { Figure } from "../figures.ts";
import { percentile } from "../measure.ts";
import type { DeliveryResult } from "./report.ts";
import { bytesEach, type Listening, serverMicros } from "./rows.ts";

/** What another run can be compared with. */
export function figuresOf({ latencies, claims, memory }: DeliveryResult): Figure[] {
  const who = ({ how, subscribers }: Listening) => `${subscribers} × ${how}`;
  const named = (row: Listening & { readonly perSecond: number }) => `${who(row)}, ${row.perSecond} events/s: `;
  return [
    ...latencies.flatMap((row): Figure[] => [
      { name: `${named(row)}p50`, value: row.p50, unit: "ms", better: "less" },
      { name: `${named(row)}p99`, value: row.p99, unit: "ms", better: "less" },
      {
        name: `${named(row)}server for a frame`,
        value: serverMicros(row),
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
    ...memory.flatMap((row): Figure[] => {
      const bytes = bytesEach(row, "rss");
      return bytes === null
        ? []
        : [{ name: `${who(row)}: memory each`, value: bytes / 1024, unit: "KiB", better: "less" }];
    }),
  ];
}
