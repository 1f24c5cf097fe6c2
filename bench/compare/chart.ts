import type { Row } from "./summary.ts";

const WIDTH = 720;
const ROW = 34;
const LEFT = 130;
const RIGHT = 70;
const TOP = 58;
const BAR = 14;
/** Grey that can be read on white and on black. */
const TEXT = "#7d8590";
const DOCKET = "#3b82f6";

/** Docket's throughput divided by the bare server's, a bar for each operation, as SVG that fits light and dark pages. */
export function chart(rows: readonly Row[], connections: number): string {
  const bars = rows.filter((row) => row.system === "docket" && row.connections === connections && row.throughput);
  const most = Math.max(1, ...bars.map(({ throughput }) => throughput?.most ?? 0));
  const scale = (value: number) => LEFT + (value / most) * (WIDTH - LEFT - RIGHT);
  const height = TOP + bars.length * ROW + 14;
  const one = scale(1);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" role="img" font-family="system-ui, sans-serif" font-size="13" fill="${TEXT}">
<title>Throughput of Docket divided by that of a bare node and pg server with the same statements</title>
<text x="0" y="16" font-weight="600">Throughput against a bare node + pg server with the same statements</text>
<text x="0" y="36">${connections} connections; longer is better; thin line: least to most of all rounds</text>
<line x1="${one}" x2="${one}" y1="${TOP - 8}" y2="${height - 8}" stroke="${TEXT}" stroke-dasharray="3 3"/>
<text x="${one}" y="${TOP - 12}" text-anchor="middle">1.0</text>
${bars.map((row, i) => bar(row, TOP + i * ROW, scale)).join("\n")}
</svg>
`;
}

function bar({ operation, throughput }: Row, y: number, scale: (value: number) => number): string {
  const { median, least, most } = throughput ?? { median: 0, least: 0, most: 0 };
  const middle = y + ROW / 2;
  const width = (scale(median) - LEFT).toFixed(1);
  return `<text x="${LEFT - 10}" y="${middle + 4}" text-anchor="end">${operation}</text>
<rect x="${LEFT}" y="${middle - BAR / 2}" width="${width}" height="${BAR}" rx="2" fill="${DOCKET}"/>
<line x1="${scale(least).toFixed(1)}" x2="${scale(most).toFixed(1)}" y1="${middle}" y2="${middle}" stroke="${TEXT}" stroke-width="2"/>
<text x="${(scale(most) + 8).toFixed(1)}" y="${middle + 4}">${median.toFixed(2)}</text>`;
}
