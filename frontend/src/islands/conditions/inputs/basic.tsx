/** Selects, numbers and days: what is filled in directly. */

import { useEffect, useState } from "react";

import { useSurroundings } from "../context";
import type { RelativeDay, Scalar } from "../leaves";

export interface Choice {
  value: string;
  text: string;
  group?: string;
}

export function Select({
  label,
  value,
  choices,
  onChange,
  isFirst = false,
  className = "",
}: {
  label: string;
  value: string;
  choices: readonly Choice[];
  onChange(value: string): void;
  isFirst?: boolean;
  className?: string;
}) {
  const isKnown = choices.some((choice) => choice.value === value);
  const groups = [...new Set(choices.map((choice) => choice.group ?? ""))];
  const draw = (group: string) =>
    choices
      .filter((choice) => (choice.group ?? "") === group)
      .map((choice) => (
        <option key={choice.value} value={choice.value}>
          {choice.text}
        </option>
      ));
  return (
    <select
      className={`select cb-select ${className}`}
      aria-label={label}
      value={value}
      data-first={isFirst || undefined}
      onChange={(event) => onChange(event.target.value)}
    >
      {!isKnown && <option value={value}>{value}</option>}
      {groups.map((group) =>
        group ? (
          <optgroup key={group} label={group}>
            {draw(group)}
          </optgroup>
        ) : (
          draw(group)
        ),
      )}
    </select>
  );
}

/** Digits with a point or a comma; spaces may part the thousands. */
export function readNumber(text: string): number | null {
  const plain = text.replace(/[\s\u00a0\u202f]/g, "").replace(",", ".");
  return /^[-+]?(\d+\.?\d*|\.\d+)$/.test(plain) && plain.length <= 20 ? Number(plain) : null;
}

export function NumberBox({
  label,
  value,
  onChange,
  isWhole = false,
  isFirst = false,
  isSmall = true,
}: {
  label: string;
  value: number | null;
  onChange(value: number | null): void;
  isWhole?: boolean;
  isFirst?: boolean;
  isSmall?: boolean;
}) {
  const [text, setText] = useState(value === null ? "" : String(value));
  const read = (typed: string) => {
    const number = readNumber(typed);
    return number !== null && isWhole && !Number.isInteger(number) ? null : number;
  };
  // Undo and the JSON view change the value from outside; a half-typed number is left alone.
  useEffect(() => setText((now) => (read(now) === value ? now : value === null ? "" : String(value))), [value]);
  const isWrong = text.trim() !== "" && read(text) === null;
  return (
    <input
      type="text"
      inputMode={isWhole ? "numeric" : "decimal"}
      className={`input cb-number ${isSmall ? "" : "cb-number-wide"}`}
      aria-label={label}
      aria-invalid={isWrong || undefined}
      autoComplete="off"
      data-first={isFirst || undefined}
      value={text}
      onChange={(event) => {
        setText(event.target.value);
        onChange(read(event.target.value));
      }}
      onFocus={(event) => event.target.select()}
      onBlur={() => setText((now) => (read(now) === null && value !== null ? String(value) : now))}
    />
  );
}

export function DateBox({ label, value, onChange, isFirst = false }: { label: string; value: string; onChange(value: string): void; isFirst?: boolean }) {
  return (
    <input
      type="date"
      className="input cb-date"
      aria-label={label}
      value={value}
      max="9999-12-31"
      data-first={isFirst || undefined}
      onChange={(event) => onChange(event.target.value)}
    />
  );
}

function isRelative(value: unknown): value is RelativeDay {
  return typeof value === "object" && value !== null && "days" in value;
}

type DayKind = "date" | "today" | "ago" | "ahead" | "moment";

function kindOfDay(value: Scalar | null): DayKind {
  if (isRelative(value)) return value.days === 0 ? "today" : value.days < 0 ? "ago" : "ahead";
  return typeof value === "string" && value.includes("T") ? "moment" : "date";
}

const START: Record<DayKind, Scalar | null> = { date: null, today: { days: 0 }, ago: { days: -30 }, ahead: { days: 7 }, moment: null };

/** A day of the calendar or one counted from today; for moments also an exact one. */
export function DayBox({
  label,
  value,
  onChange,
  hasMoments = false,
  isFirst = false,
}: {
  label: string;
  value: Scalar | null;
  onChange(value: Scalar | null): void;
  hasMoments?: boolean;
  isFirst?: boolean;
}) {
  const { say } = useSurroundings();
  // An exact moment not chosen yet looks like a day not chosen yet; what was asked for last decides.
  const [wanted, setWanted] = useState<DayKind>(kindOfDay(value));
  const kind = value === null ? (wanted === "moment" ? "moment" : "date") : kindOfDay(value);
  const kinds: DayKind[] = ["date", "today", "ago", "ahead", ...(hasMoments || kind === "moment" ? (["moment"] as const) : [])];
  const choose = (next: DayKind) => {
    setWanted(next);
    onChange(START[next]);
  };
  return (
    <span className="cb-pair">
      {kind === "date" && <DateBox label={label} value={String(value ?? "").slice(0, 10)} isFirst={isFirst} onChange={(day) => onChange(day || null)} />}
      {kind === "moment" && <MomentBox label={label} value={value} onChange={onChange} />}
      {isRelative(value) && value.days !== 0 && (
        <NumberBox
          label={`${label}: ${say("day.count")}`}
          value={Math.abs(value.days)}
          isWhole
          onChange={(days) => days && onChange({ days: kind === "ago" ? -Math.abs(days) : Math.abs(days) })}
        />
      )}
      <Select
        label={`${label}: ${say("day.kind")}`}
        value={kind}
        choices={kinds.map((one) => ({ value: one, text: say(`day.${one}`) }))}
        onChange={(next) => choose(next as DayKind)}
      />
    </span>
  );
}

function MomentBox({ label, value, onChange }: { label: string; value: Scalar | null; onChange(value: Scalar | null): void }) {
  const text = typeof value === "string" && value.includes("T") ? value.slice(0, 16) : "";
  return (
    <input
      type="datetime-local"
      className="input cb-date cb-moment"
      aria-label={label}
      value={text}
      onChange={(event) => onChange(event.target.value ? `${event.target.value.slice(0, 16)}:00Z` : null)}
    />
  );
}

const SPANS: Record<string, [number, number]> = { today: [0, 0], next_7: [0, 7], next_30: [0, 30], last_7: [-7, 0] };

/** Birthdays and the like: a span of days around today. */
export function AnniversaryBox({ value, onChange }: { value: readonly (Scalar | null)[]; onChange(value: Scalar[]): void }) {
  const { say } = useSurroundings();
  const [first, last] = [daysOf(value[0]), daysOf(value[1])];
  const known = Object.keys(SPANS).find((name) => SPANS[name]![0] === first && SPANS[name]![1] === last);
  const [isOwn, setOwn] = useState(!known);
  const shown = isOwn || !known ? "own" : known;
  const set = (from: number, to: number) => onChange([{ days: from }, { days: to }]);
  return (
    <span className="cb-pair">
      <Select
        label={say("anniversary.label")}
        value={shown}
        choices={(["today", "next_7", "next_30", "last_7", "own"] as const).map((name) => ({ value: name, text: say(`anniversary.${name}`) }))}
        isFirst
        onChange={(name) => {
          setOwn(name === "own");
          const span = SPANS[name];
          if (span) set(...span);
        }}
      />
      {shown === "own" && (
        <>
          <NumberBox label={say("anniversary.from")} value={first} isWhole onChange={(days) => days !== null && set(days, last)} />
          <span className="cb-word">{say("anniversary.until")}</span>
          <NumberBox label={say("anniversary.to")} value={last} isWhole onChange={(days) => days !== null && set(first, days)} />
          <span className="cb-word">{say("anniversary.days")}</span>
        </>
      )}
    </span>
  );
}

function daysOf(value: Scalar | null | undefined): number {
  return isRelative(value) ? value.days : 0;
}
