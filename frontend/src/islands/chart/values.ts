/** How numbers are written in charts. */

export type Unit = "number" | "percent";

/** The same look as Django's `number` and `percent` filters: thin spaces, the language's decimal mark. */
export function formatValue(value: unknown, unit: Unit): string {
  if (typeof value !== "number") return value == null ? "—" : String(value);
  const format = new Intl.NumberFormat(document.documentElement.lang || "en", {
    style: unit === "percent" ? "percent" : "decimal",
    maximumFractionDigits: unit === "percent" ? 1 : 2,
  });
  return format
    .formatToParts(value)
    .map((part) => (part.type === "group" ? "\u202f" : part.value))
    .join("");
}
