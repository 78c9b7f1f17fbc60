/** Draws the ECharts options that Python made, in the colors of the theme. The table twin is Django's. */

import { BarChart, FunnelChart, HeatmapChart, LineChart, PieChart } from "echarts/charts";
import {
  AriaComponent,
  DatasetComponent,
  GridComponent,
  LegendComponent,
  MarkLineComponent,
  TooltipComponent,
  VisualMapComponent,
} from "echarts/components";
import * as echarts from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

import { onThemeChange } from "../../lib/themes";
import type { Mount } from "../loader";
import { makeTheme, resolveTokens } from "./theme";
import { makeTooltip } from "./tooltip";
import { formatValue, type Unit } from "./values";

echarts.use([
  AriaComponent,
  BarChart,
  DatasetComponent,
  FunnelChart,
  GridComponent,
  HeatmapChart,
  LegendComponent,
  LineChart,
  MarkLineComponent,
  PieChart,
  SVGRenderer,
  TooltipComponent,
  VisualMapComponent,
]);

export interface ChartProps {
  options: Record<string, unknown>;
  /** Read to those who do not see the picture. */
  label: string;
  /** How values are written: whole numbers, or shares between 0 and 1 as percent. */
  unit: Unit;
}

export const mount: Mount<ChartProps> = (element, first) => {
  let props = first;
  let chart = draw(element, props);

  const redraw = () => {
    chart.dispose();
    chart = draw(element, props);
  };
  const stopTheme = onThemeChange(redraw);
  const sizes = new ResizeObserver(() => chart.resize());
  sizes.observe(element);

  return {
    update(next) {
      props = next;
      chart.setOption(complete(props));
    },
    destroy() {
      stopTheme();
      sizes.disconnect();
      chart.dispose();
    },
  };
};

function draw(element: HTMLElement, props: ChartProps): echarts.ECharts {
  const chart = echarts.init(element, makeTheme(), { renderer: "svg" });
  chart.setOption(complete(props));
  // ECharts writes its own role and sentence onto the element; ours says what the picture shows.
  element.setAttribute("role", "img");
  element.setAttribute("aria-label", props.label);
  return chart;
}

function complete({ options, unit }: ChartProps): echarts.EChartsCoreOption {
  const resolved = resolveTokens(options) as Record<string, unknown>;
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  return {
    animation: !calm,
    animationDuration: 350,
    ...resolved,
    tooltip: { ...makeTooltip(unit), ...(resolved["tooltip"] as object | undefined) },
    ...formatAxes(resolved, unit),
    ...formatLabels(resolved, unit),
  };
}

function formatLabels(options: Record<string, unknown>, unit: Unit): Record<string, unknown> {
  if (!Array.isArray(options["series"])) return {};
  const series = (options["series"] as { label?: { show?: boolean; formatter?: unknown } }[]).map((one) => {
    if (!one.label?.show || one.label.formatter) return one;
    return { ...one, label: { ...one.label, formatter: ({ value }: { value: unknown }) => formatValue(value, unit) } };
  });
  return { series };
}

function formatAxes(options: Record<string, unknown>, unit: Unit): Record<string, unknown> {
  const formatted: Record<string, unknown> = {};
  for (const name of ["xAxis", "yAxis"]) {
    const axis = options[name] as { type?: string; axisLabel?: object } | undefined;
    if (axis?.type !== "value") continue;
    formatted[name] = { ...axis, axisLabel: { ...axis.axisLabel, formatter: (value: number) => formatValue(value, unit) } };
  }
  return formatted;
}
