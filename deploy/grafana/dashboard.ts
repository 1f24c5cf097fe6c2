import {
  BigValueColorMode,
  BigValueGraphMode,
  GraphDrawStyle,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from "@grafana/grafana-foundation-sdk/common";
import {
  DashboardBuilder,
  DashboardCursorSync,
  QueryVariableBuilder,
  RowBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  VariableRefresh,
  VariableSort,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as StatBuilder } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as TimeSeriesBuilder } from "@grafana/grafana-foundation-sdk/timeseries";
import { type Chart, type Panel, ROWS, STATS, type Stat } from "./panels.ts";

const PROMETHEUS = { type: "prometheus", uid: "prometheus" };
/** The width of a dashboard is 24. */
const STAT = { width: 3, height: 4 };
const CHART = { width: 8, height: 8 };

const query = (expr: string, place: number) =>
  new DataqueryBuilder()
    .refId(String.fromCharCode("A".charCodeAt(0) + place))
    .datasource(PROMETHEUS)
    .expr(expr);

/** What every panel is given. */
function framed<Builder extends StatBuilder | TimeSeriesBuilder>(
  builder: Builder,
  { title, description, unit = "none" }: Panel,
  { width, height }: typeof STAT,
): Builder {
  builder.title(title).description(description).datasource(PROMETHEUS).span(width).height(height).unit(unit).min(0);
  return builder;
}

function statOf({ expr, decimals, colours, ...panel }: Stat): StatBuilder {
  const stat = framed(new StatBuilder(), panel, STAT)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(["lastNotNull"]))
    .colorMode(BigValueColorMode.Value)
    .graphMode(BigValueGraphMode.Area)
    .withTarget(query(expr, 0).instant());
  if (decimals !== undefined) stat.decimals(decimals);
  if (!colours) return stat;
  const [below, value, color] = colours;
  const steps = [
    { value: null, color: below },
    { value, color },
  ];
  return stat.thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps));
}

function chartOf({ lines, stacked = false, ...panel }: Chart): TimeSeriesBuilder {
  const mode = stacked ? StackingMode.Normal : StackingMode.None;
  return framed(new TimeSeriesBuilder(), panel, CHART)
    .drawStyle(GraphDrawStyle.Line)
    .lineWidth(1)
    .fillOpacity(10)
    .showPoints(VisibilityMode.Never)
    .stacking(new StackingConfigBuilder().mode(mode))
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
    .targets(lines.map(([expr, legend], place) => query(expr, place).legendFormat(legend)));
}

/** The dashboard, as Grafana's own types have it. */
function makeDashboard() {
  const projects = "label_values(docket_tasks, project)";
  const dashboard = new DashboardBuilder("Docket")
    .uid("docket")
    .tags(["docket"])
    .timezone("browser")
    .editable()
    .tooltip(DashboardCursorSync.Crosshair)
    .refresh("15s")
    .time({ from: "now-6h", to: "now" })
    .withVariable(
      new QueryVariableBuilder("project")
        .label("Project")
        .datasource(PROMETHEUS)
        .query({ query: projects, refId: "project" })
        .definition(projects)
        .refresh(VariableRefresh.OnTimeRangeChanged)
        .sort(VariableSort.AlphabeticalAsc)
        .multi(true)
        .includeAll(true)
        .allValue(".*")
        .current({ text: "All", value: "$__all" }),
    );
  for (const stat of STATS) dashboard.withPanel(statOf(stat));
  for (const { title, charts } of ROWS) {
    dashboard.withRow(new RowBuilder(title));
    for (const chart of charts) dashboard.withPanel(chartOf(chart));
  }
  const made = dashboard.build();
  return { ...made, panels: made.panels?.map((panel, place) => ({ ...panel, id: place + 1 })) };
}

/** As a file of Grafana's. */
export const printedDashboard = () => `${JSON.stringify(makeDashboard(), null, 2)}\n`;
