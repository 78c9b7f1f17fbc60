/** What the account has that conditions may ask about, and the menu made of it. */

import { startTest, type Leaf } from "./leaves";
import { sayNamed, type Say, type Words } from "./strings";

export interface KnownAttribute {
  key: string;
  label: string;
  type: string;
  choices: string[];
  uses?: number;
  filled?: number;
}
export interface KnownTag {
  id: string;
  name: string;
  contacts?: number;
}
export interface KnownTopic {
  id: string;
  name: string;
}
export interface KnownSegment {
  id: string;
  name: string;
  size?: number | null;
}
export interface KnownCampaign {
  id: string;
  name: string;
  launched_at?: string | null;
  links?: { number: number; url: string }[];
}
export interface KnownEvent {
  name: string;
  count?: number;
  properties?: Record<string, string>;
}
export interface KnownSource {
  id: string;
  label: string;
}
export interface Catalog {
  attributes: KnownAttribute[];
  tags: KnownTag[];
  topics: KnownTopic[];
  segments: KnownSegment[];
  campaigns: KnownCampaign[];
  events: KnownEvent[];
  sources: KnownSource[];
  operators: Record<string, string[]>;
  words?: Words;
}

export const FIELDS = ["email", "domain", "name", "language", "timezone", "created"] as const;
export const ACTS = ["sent", "received", "opened", "clicked", "replied", "bounced", "complained"] as const;
export const WAYS = ["form", "import", "api", "integration", "demo"] as const;
export const STANDINGS = ["mailable", "suppressed", "restricted"] as const;
export const REASONS = ["hard_bounce", "complaint", "unsubscribe", "manual"] as const;
export const FINDINGS = ["role", "disposable", "typo", "no_mail_server"] as const;
export const STATES = ["subscribed", "pending", "unsubscribed", "never_asked"] as const;
export const BASES = ["consent", "contract", "law"] as const;
export const TAG_OPS = ["has_any", "has_all", "has_none", "empty", "filled"] as const;
export const MEASURES = ["count", "sum", "average", "min", "max", "first", "last"] as const;
export const COUNT_OPS = ["at_least", "at_most", "equals"] as const;

export function typeOfField(field: string): string {
  return field === "created" ? "time" : "text";
}

const PRESENCE = ["empty", "filled"];

/** What a type can be asked. `strict` for what is never missing: then nobody asks whether it is there. */
export function operatorsOf(catalog: Catalog, type: string, strict = false): string[] {
  if (type === "object") return PRESENCE;
  const known = catalog.operators[type] ?? catalog.operators["text"] ?? [];
  return strict ? known.filter((op) => !PRESENCE.includes(op)) : known;
}

export function isNeverMissing(field: string): boolean {
  return ["email", "domain", "created"].includes(field);
}

/** Sums and the like are numbers that no list is compared with. */
export function operatorsOfMeasure(catalog: Catalog, type: string): string[] {
  return operatorsOf(catalog, type, true).filter((op) => type !== "number" || (op !== "in" && op !== "not_in"));
}

export function findAttribute(catalog: Catalog, key: string): KnownAttribute | undefined {
  return catalog.attributes.find((attribute) => attribute.key === key);
}

/** Icon names are those of Tabler, as everywhere in the product. */
export interface MenuEntry {
  group: "profile" | "tags" | "behavior" | "events" | "segments" | "other";
  name: string;
  icon: string;
  uses?: number;
  make: () => Leaf;
}

export function listMenu(catalog: Catalog, say: Say): MenuEntry[] {
  return [
    ...catalog.attributes.map((attribute) => attributeEntry(attribute, catalog)),
    ...FIELDS.map((field) => fieldEntry(field, catalog, say)),
    ...listTagEntries(catalog, say),
    ...ACTS.map((act): MenuEntry => ({
      group: "behavior",
      name: say(`activity.${act}`),
      icon: ACT_ICONS[act] ?? "mail",
      make: () => ({ kind: "activity", act }),
    })),
    { group: "behavior", name: say("kind.engagement"), icon: "sparkles", make: () => ({ kind: "engagement", op: "at_least", value: 60 }) },
    ...catalog.events.map((event) => eventEntry(event)),
    { group: "events", name: say("kind.event_other"), icon: "bolt", make: () => startEvent("") },
    ...catalog.segments.map((segment) => segmentEntry(segment)),
    ...listOtherEntries(say),
  ];
}

export const ACT_ICONS: Record<string, string> = {
  sent: "send",
  received: "inbox",
  opened: "mail-opened",
  clicked: "click",
  replied: "mail-forward",
  bounced: "circle-x",
  complained: "flag",
};

export const TYPE_ICONS: Record<string, string> = {
  text: "user",
  number: "adjustments-horizontal",
  boolean: "circle-check",
  date: "calendar",
  time: "clock",
  choice: "selector",
  list: "list-check",
};

function attributeEntry({ key, label, type, uses }: KnownAttribute, catalog: Catalog): MenuEntry {
  return {
    group: "profile",
    name: label,
    icon: TYPE_ICONS[type] ?? "user",
    ...(uses !== undefined && { uses }),
    make: () => ({ kind: "attribute", attribute: key, ...startTest(type, catalog.operators[type] ?? []) }),
  };
}

export const FIELD_ICONS: Record<string, string> = {
  email: "mail",
  domain: "at",
  name: "address-book",
  language: "language",
  timezone: "clock",
  created: "calendar",
};

function fieldEntry(field: string, catalog: Catalog, say: Say): MenuEntry {
  const type = typeOfField(field);
  return {
    group: "profile",
    name: sayNamed(say, "field", field),
    icon: FIELD_ICONS[field] ?? "user",
    make: () => ({ kind: "field", field, ...startTest(type, catalog.operators[type] ?? []) }),
  };
}

function listTagEntries(catalog: Catalog, say: Say): MenuEntry[] {
  return [
    { group: "tags", name: say("kind.tag"), icon: "tags", make: () => ({ kind: "tag", op: "has_any", tags: [] }) },
    ...catalog.topics.map(({ id, name }): MenuEntry => ({
      group: "tags",
      name: `${say("kind.topic")}: ${name}`,
      icon: "bell",
      make: () => ({ kind: "topic", topic: id, state: "subscribed" }),
    })),
    ...catalog.tags.map(({ id, name, contacts }): MenuEntry => ({
      group: "tags",
      name: `${say("kind.tag")}: ${name}`,
      icon: "tag",
      ...(contacts !== undefined && { uses: contacts }),
      make: () => ({ kind: "tag", op: "has_any", tags: [id] }),
    })),
  ];
}

function startEvent(event: string): Leaf {
  return { kind: "event", event, measures: [{ measure: "count", op: "at_least", value: 1 }] };
}

function eventEntry({ name, count }: KnownEvent): MenuEntry {
  return { group: "events", name, icon: "bolt", ...(count !== undefined && { uses: count }), make: () => startEvent(name) };
}

function segmentEntry({ id, name, size }: KnownSegment): MenuEntry {
  return {
    group: "segments",
    name,
    icon: "filter",
    ...(typeof size === "number" && { uses: size }),
    make: () => ({ kind: "segment", segment: id }),
  };
}

function listOtherEntries(say: Say): MenuEntry[] {
  return [
    { group: "other", name: say("kind.standing"), icon: "shield-check", make: () => ({ kind: "standing", standing: "mailable" }) },
    { group: "other", name: say("kind.source"), icon: "route", make: () => ({ kind: "source", source: "import" }) },
    { group: "other", name: say("kind.address"), icon: "rosette-discount-check", make: () => ({ kind: "address", finding: "role" }) },
    { group: "other", name: say("kind.random"), icon: "layout-grid", make: () => ({ kind: "random", percent: 10 }) },
  ];
}

/** What the leaf asks about, in one or two words. */
export function nameLeaf(leaf: Leaf, catalog: Catalog, say: Say): string {
  const { kind } = leaf;
  const named = leaf as Record<string, unknown>;
  if (kind === "attribute") return findAttribute(catalog, String(named["attribute"]))?.label ?? String(named["attribute"]);
  if (kind === "field") return sayNamed(say, "field", String(named["field"]));
  if (kind === "activity") return sayNamed(say, "activity", String(named["act"]));
  if (kind === "event") return String(named["event"] || say("kind.event"));
  const word = sayNamed(say, "kind", kind);
  return word === kind ? say("kind.unknown") : word;
}

export function pickIcon(leaf: Leaf, catalog: Catalog): string {
  const named = leaf as Record<string, unknown>;
  if (leaf.kind === "attribute") return TYPE_ICONS[findAttribute(catalog, String(named["attribute"]))?.type ?? ""] ?? "user";
  if (leaf.kind === "field") return FIELD_ICONS[String(named["field"])] ?? "user";
  if (leaf.kind === "activity") return ACT_ICONS[String(named["act"])] ?? "mail";
  return KIND_ICONS[leaf.kind] ?? "help-circle";
}

const KIND_ICONS: Record<string, string> = {
  tag: "tags",
  topic: "bell",
  source: "route",
  segment: "filter",
  standing: "shield-check",
  address: "rosette-discount-check",
  event: "bolt",
  random: "layout-grid",
  engagement: "sparkles",
};

/** Which color a leaf's icon has: one per group of the menu. */
export function pickHue(leaf: Leaf): string {
  if (leaf.kind === "attribute" || leaf.kind === "field") return "hue-1";
  if (leaf.kind === "tag" || leaf.kind === "topic") return "hue-2";
  if (leaf.kind === "activity" || leaf.kind === "engagement") return "hue-4";
  if (leaf.kind === "event") return "hue-3";
  return leaf.kind === "segment" ? "hue-5" : "hue-6";
}
