/** An ECharts theme made from the page's tokens, so that charts look like the page in light and dark. */

import { readToken } from "../../lib/themes";

const SERIES = 6;

export function makeTheme(): object {
  const text = readToken("--muted");
  const line = readToken("--line");
  const axis = {
    axisLine: { show: true, lineStyle: { color: line } },
    axisTick: { show: false },
    axisLabel: { color: text, fontSize: 12, margin: 12, hideOverlap: true },
    splitLine: { lineStyle: { color: line } },
    nameTextStyle: { color: text },
  };
  return {
    color: Array.from({ length: SERIES }, (_, index) => readToken(`--chart-${index + 1}`)),
    backgroundColor: "transparent",
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: text },
    categoryAxis: { ...axis, splitLine: { show: false } },
    timeAxis: { ...axis, splitLine: { show: false } },
    valueAxis: { ...axis, axisLine: { show: false } },
    grid: { left: 4, right: 8, top: 40, bottom: 4, containLabel: true },
    legend: {
      left: 0,
      top: 0,
      icon: "roundRect",
      itemWidth: 10,
      itemHeight: 10,
      itemGap: 18,
      textStyle: { color: text, fontSize: 12.5 },
      inactiveColor: line,
    },
    line: { symbol: "circle", symbolSize: 6, showSymbol: false, smooth: 0.25, lineStyle: { width: 2 } },
    bar: { barMaxWidth: 28, itemStyle: { borderRadius: [4, 4, 0, 0] } },
    pie: { itemStyle: { borderColor: readToken("--color-base-100"), borderWidth: 2 }, label: { color: text } },
    funnel: { label: { color: readToken("--color-base-content"), fontSize: 13 } },
  };
}

/** Replaces every string `token:name` by the value of the CSS variable `--name`. */
export function resolveTokens(value: unknown): unknown {
  if (typeof value === "string") return value.startsWith("token:") ? readToken(`--${value.slice(6)}`) : value;
  if (Array.isArray(value)) return value.map(resolveTokens);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, resolveTokens(inner)]));
}
