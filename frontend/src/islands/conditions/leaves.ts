/** The leaves of the condition language as JSON, what a new one looks like, and what is still missing in one. */

export interface RelativeDay {
  days: number;
}
export type Scalar = string | number | boolean | RelativeDay;
/** While something is being filled in a value may be null: then the leaf has a gap. */
export type Value = Scalar | null | (Scalar | null)[];

export interface Period {
  last_days?: number | null;
  from?: string;
  to?: string;
}
export interface Times {
  op: string;
  n: number | null;
  messages?: boolean;
}
export interface MessageChoice {
  campaign?: string;
  link?: number;
  topic?: string;
  last?: number | null;
}
export interface PropertyTest {
  property: string;
  op: string;
  value?: Value;
}
export interface MeasureTest {
  measure: string;
  op: string;
  value?: Value;
  property?: string;
}

export type AttributeLeaf = { kind: "attribute"; attribute: string; op: string; value?: Value };
export type FieldLeaf = { kind: "field"; field: string; op: string; value?: Value };
export type TagLeaf = { kind: "tag"; op: string; tags?: string[] };
export type TopicLeaf = { kind: "topic"; topic: string; state: string; not?: boolean; period?: Period; basis?: string };
export type SourceLeaf = { kind: "source"; source: string; id?: string; not?: boolean };
export type SegmentLeaf = { kind: "segment"; segment: string; not?: boolean };
export type StandingLeaf = { kind: "standing"; standing: string; not?: boolean; reason?: string };
export type AddressLeaf = { kind: "address"; finding: string; not?: boolean };
export type ActivityLeaf = { kind: "activity"; act: string; of?: MessageChoice; times?: Times; period?: Period };
export type EventLeaf = { kind: "event"; event: string; where?: PropertyTest[]; measures?: MeasureTest[]; period?: Period };
export type RandomLeaf = { kind: "random"; percent: number | null; salt?: string };
export type ScoreLeaf = { kind: "engagement"; op: string; value: Value };
export type KnownLeaf =
  | AttributeLeaf
  | FieldLeaf
  | TagLeaf
  | TopicLeaf
  | SourceLeaf
  | SegmentLeaf
  | StandingLeaf
  | AddressLeaf
  | ActivityLeaf
  | EventLeaf
  | RandomLeaf
  | ScoreLeaf;
/** A kind of a newer server is kept as it came. */
export type UnknownLeaf = { kind: string; [key: string]: unknown };
export type Leaf = KnownLeaf | UnknownLeaf;

export const KINDS: ReadonlySet<string> = new Set<KnownLeaf["kind"]>([
  "attribute",
  "field",
  "tag",
  "topic",
  "source",
  "segment",
  "standing",
  "address",
  "activity",
  "event",
  "random",
  "engagement",
]);

export function isKnown(leaf: Leaf): leaf is KnownLeaf {
  return KINDS.has(leaf.kind);
}

const WITH_NOT: ReadonlySet<string> = new Set(["topic", "source", "segment", "standing", "address"]);

export function hasOwnNot(leaf: Leaf): leaf is Leaf & { not?: boolean } {
  return WITH_NOT.has(leaf.kind);
}

export const LIST_OPS: ReadonlySet<string> = new Set(["in", "not_in", "has_any", "has_all", "has_none"]);
export const BARE_OPS: ReadonlySet<string> = new Set(["empty", "filled"]);
const PAIR_OPS: ReadonlySet<string> = new Set(["between", "anniversary"]);

/** How many values an operator takes; a change within a shape keeps what was typed. */
export type Shape = "none" | "one" | "pair" | "list";

export function shapeOf(op: string): Shape {
  if (BARE_OPS.has(op)) return "none";
  if (LIST_OPS.has(op)) return "list";
  return PAIR_OPS.has(op) ? "pair" : "one";
}

/** The value after a change of operator, as much of the old one as fits. */
export function fitValue(value: Value | undefined, from: string, to: string): Value | undefined {
  const shape = shapeOf(to);
  if (shape === "none") return undefined;
  if (to === "anniversary") return from === "anniversary" ? value : [{ days: 0 }, { days: 7 }];
  const kept = from === "anniversary" ? [] : toList(value);
  if (shape === "list") return kept.filter((one) => one !== null);
  if (shape === "pair") return [kept[0] ?? null, kept[1] ?? null];
  return kept[0] ?? null;
}

function toList(value: Value | undefined): (Scalar | null)[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

/** An operator and an empty value for a type, the one that people want most often. */
export function startTest(type: string, operators: readonly string[]): { op: string; value?: Value } {
  const wanted = { list: "has_any", number: "at_least", date: "after", time: "after", choice: "in" }[type] ?? "equals";
  const op = operators.includes(wanted) ? wanted : (operators[0] ?? wanted);
  if (type === "boolean" && shapeOf(op) === "one") return { op, value: true };
  const value = fitValue(null, op, op);
  return value === undefined ? { op } : { op, value };
}

export type GapKey = "value" | "number" | "day" | "days" | "choice" | "list" | "order" | "percent" | "score" | "times";

/** The first thing not filled in, or null. The server judges everything else. */
export function findGap(leaf: Leaf): GapKey | null {
  if (!isKnown(leaf)) return null;
  switch (leaf.kind) {
    case "attribute":
    case "field":
      return findValueGap(leaf.op, leaf.value);
    case "tag":
      return BARE_OPS.has(leaf.op) || leaf.tags?.length ? null : "list";
    case "topic":
      return leaf.topic ? findPeriodGap(leaf.period) : "choice";
    case "segment":
      return leaf.segment ? null : "choice";
    case "source":
      return leaf.source ? null : "choice";
    case "standing":
    case "address":
      return null;
    case "activity":
      return findActivityGap(leaf);
    case "event":
      return findEventGap(leaf);
    case "random":
      return leaf.percent !== null && leaf.percent >= 0.01 && leaf.percent <= 99.99 ? null : "percent";
    case "engagement":
      return findScoreGap(leaf);
  }
}

function findValueGap(op: string, value: Value | undefined): GapKey | null {
  const shape = shapeOf(op);
  if (shape === "none") return null;
  if (shape === "list") return Array.isArray(value) && value.length ? null : "list";
  const values = shape === "pair" ? (Array.isArray(value) ? value : [null]) : [value ?? null];
  if (values.some((one) => one === null || one === "")) return "value";
  return values.every((one) => typeof one === "number") && values.length === 2 && values[0]! > values[1]! ? "order" : null;
}

function findActivityGap({ of = {}, times, period }: ActivityLeaf): GapKey | null {
  if (of.campaign === "" || of.topic === "") return "choice";
  if (of.last !== undefined && !(of.last && of.last > 0)) return "number";
  if (times && (times.n === null || times.n < 0)) return "times";
  return findPeriodGap(period);
}

function findEventGap({ event, where = [], measures = [], period }: EventLeaf): GapKey | null {
  if (!event) return "choice";
  for (const { property, op, value } of where) {
    const gap = property ? findValueGap(op, value) : "choice";
    if (gap) return gap;
  }
  for (const { measure, property, op, value } of measures) {
    if (needsProperty(measure) && !property) return "choice";
    const gap = findValueGap(op, value);
    if (gap) return measure === "count" && gap === "value" ? "times" : gap;
  }
  return findPeriodGap(period);
}

/** First and last have a meaning without a property: the moment. */
export function needsProperty(measure: string): boolean {
  return ["sum", "average", "min", "max"].includes(measure);
}

function findScoreGap({ op, value }: ScoreLeaf): GapKey | null {
  const values = op === "between" ? (Array.isArray(value) ? value : [null]) : [value];
  if (values.some((one) => typeof one !== "number" || one < 0 || one > 100)) return "score";
  return values.length === 2 && (values[0] as number) > (values[1] as number) ? "order" : null;
}

export const MAX_DAYS = 3650;

function findPeriodGap(period: Period | undefined): GapKey | null {
  if (!period) return null;
  if ("last_days" in period) {
    const days = period.last_days ?? 0;
    return days >= 1 && days <= MAX_DAYS ? null : "days";
  }
  if (!period.from && !period.to) return "day";
  return period.from && period.to && period.from > period.to ? "order" : null;
}
