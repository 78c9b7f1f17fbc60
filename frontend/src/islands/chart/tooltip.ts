/** The box at the pointer, built as elements: ECharts' own HTML carries style attributes, which our policy blocks. */

import { readToken } from "../../lib/themes";
import { formatValue, type Unit } from "./values";

interface Item {
  name: string;
  seriesName?: string;
  color: unknown;
  value: unknown;
  axisValueLabel?: string;
}

export function makeTooltip(unit: Unit): object {
  return {
    trigger: "axis",
    confine: true,
    backgroundColor: readToken("--color-base-100"),
    borderColor: readToken("--line"),
    borderRadius: 10,
    padding: [8, 12],
    textStyle: { color: readToken("--color-base-content") },
    axisPointer: { type: "line", lineStyle: { color: readToken("--line-strong"), type: "dashed" } },
    formatter: (items: Item | Item[]) => renderTip(items, unit),
  };
}

function renderTip(items: Item | Item[], unit: Unit): HTMLElement {
  const list = Array.isArray(items) ? items : [items];
  const tip = document.createElement("div");
  tip.className = "chart-tip";
  const heading = document.createElement("p");
  heading.textContent = list[0]?.axisValueLabel || list[0]?.name || "";
  tip.append(heading, ...list.map((item) => renderItem(item, unit)));
  return tip;
}

function renderItem(item: Item, unit: Unit): HTMLElement {
  const row = document.createElement("div");
  const name = document.createElement("span");
  const value = document.createElement("b");
  name.textContent = item.seriesName && !item.seriesName.startsWith("series") ? item.seriesName : item.name;
  value.textContent = formatValue(Array.isArray(item.value) ? item.value.at(-1) : item.value, unit);
  row.append(renderDot(String(item.color)), name, value);
  return row;
}

function renderDot(color: string): SVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const dot = document.createElementNS("http://www.w3.org/2000/svg", "circle");
  svg.setAttribute("viewBox", "0 0 8 8");
  dot.setAttribute("cx", "4");
  dot.setAttribute("cy", "4");
  dot.setAttribute("r", "4");
  dot.setAttribute("fill", color);
  svg.append(dot);
  return svg;
}
