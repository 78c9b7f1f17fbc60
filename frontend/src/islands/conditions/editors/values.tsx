/** The value of a comparison, by the type of what is compared and the operator. */

import { useState } from "react";

import type { ValueSource } from "../api";
import { operatorsOf, TYPE_ICONS } from "../catalog";
import { useSurroundings } from "../context";
import { AnniversaryBox, DayBox, NumberBox, readNumber, Select } from "../inputs/basic";
import { ChipBox, SuggestBox, useSettled } from "../inputs/combobox";
import type { Option } from "../inputs/listbox";
import { fitValue, shapeOf, type Scalar, type Value } from "../leaves";
import { sayNamed, type Say } from "../strings";

export interface Test {
  op: string;
  value?: Value;
}

interface TestProps {
  type: string;
  test: Test;
  choices?: readonly string[] | undefined;
  source: ValueSource | null;
  /** Those of the type, when it is not told. */
  operators?: readonly string[];
  onChange(test: Test, tag?: string): void;
}

/** An operator and its value. */
export function TestEditor({ type, test, choices, source, operators, onChange }: TestProps) {
  const { catalog, say } = useSurroundings();
  const offered = operators ?? operatorsOf(catalog, type);
  const shown = offered.includes(test.op) ? offered : [...offered, test.op];
  const changeOp = (op: string) => {
    const value = fitValue(test.value, test.op, op);
    onChange(value === undefined ? { op } : { op, value });
  };
  return (
    <>
      <Select
        label={say("op.label")}
        value={test.op}
        choices={shown.map((op) => ({ value: op, text: sayOp(say, type, op) }))}
        onChange={changeOp}
      />
      <ValueEditor type={type} test={test} choices={choices} source={source} onChange={onChange} />
    </>
  );
}

export function sayOp(say: Say, type: string, op: string): string {
  const special = sayNamed(say, `op.${type}`, op);
  return special === op ? sayNamed(say, "op", op) : special;
}

function ValueEditor({ type, test, choices, source, onChange }: Omit<TestProps, "operators">) {
  const { say } = useSurroundings();
  const { op, value } = test;
  const set = (next: Value) => onChange({ op, value: next }, "value");
  const shape = shapeOf(op);
  if (shape === "none") return null;
  if (shape === "list") return <ListEditor type={type} values={toScalars(value)} choices={choices} source={source} onChange={set} />;
  if (op === "anniversary") return <AnniversaryBox value={toScalars(value)} onChange={set} />;
  if (shape === "one") return <OneEditor label={say("value.label")} type={type} value={toScalars(value)[0] ?? null} choices={choices} source={source} isFirst onChange={set} />;
  const [first = null, second = null] = toScalars(value);
  return (
    <>
      <OneEditor label={say("value.first")} type={type} value={first} choices={choices} source={source} isFirst onChange={(next) => set([next, second])} />
      <span className="cb-word">{say("value.and")}</span>
      <OneEditor label={say("value.second")} type={type} value={second} choices={choices} source={source} onChange={(next) => set([first, next])} />
    </>
  );
}

function toScalars(value: Value | undefined): (Scalar | null)[] {
  return Array.isArray(value) ? value : [value ?? null];
}

interface OneProps {
  label: string;
  type: string;
  value: Scalar | null;
  choices?: readonly string[] | undefined;
  source: ValueSource | null;
  isFirst?: boolean;
  onChange(value: Scalar | null): void;
}

function OneEditor({ label, type, value, choices, source, isFirst = false, onChange }: OneProps) {
  const { say } = useSurroundings();
  if (type === "number") {
    return <NumberBox label={label} value={typeof value === "number" ? value : null} isSmall={false} isFirst={isFirst} onChange={onChange} />;
  }
  if (type === "date" || type === "time") return <DayBox label={label} value={value} hasMoments={type === "time"} isFirst={isFirst} onChange={onChange} />;
  if (type === "boolean") {
    const both = [true, false].map((one) => ({ value: String(one), text: say(one ? "value.yes" : "value.no") }));
    return <Select label={label} value={String(value ?? true)} choices={both} isFirst={isFirst} onChange={(next) => onChange(next === "true")} />;
  }
  if (choices?.length) {
    const named = [...(value ? [] : [{ value: "", text: say("value.choose") }]), ...choices.map((one) => ({ value: one, text: one }))];
    return <Select label={label} value={String(value ?? "")} choices={named} isFirst={isFirst} onChange={(next) => onChange(next || null)} />;
  }
  return <TextEditor label={label} value={String(value ?? "")} source={source} isFirst={isFirst} onChange={onChange} />;
}

function TextEditor({ label, value, source, isFirst, onChange }: { label: string; value: string; source: ValueSource | null; isFirst: boolean; onChange(value: string): void }) {
  const [isAsked, setAsked] = useState(false);
  const options = useSuggestions(isAsked ? source : null, value);
  return <SuggestBox label={label} text={value} options={options} isFirst={isFirst} onType={onChange} onAsk={() => setAsked(true)} />;
}

function ListEditor({ type, values, choices, source, onChange }: { type: string; values: (Scalar | null)[]; choices?: readonly string[] | undefined; source: ValueSource | null; onChange(values: Scalar[]): void }) {
  const { say } = useSurroundings();
  const [query, setQuery] = useState("");
  const [isAsked, setAsked] = useState(false);
  const suggested = useSuggestions(isAsked && !choices?.length ? source : null, query);
  const options = choices?.length ? choices.map((one): Option => ({ key: one, text: one, icon: TYPE_ICONS["choice"]! })) : suggested;
  const isNumber = type === "number";
  return (
    <ChipBox
      label={say("value.label")}
      values={values.filter((one) => one !== null).map((one) => (typeof one === "object" ? JSON.stringify(one) : String(one)))}
      options={options.map(({ key, text, note }) => ({ key, text, ...(note && { note }) }))}
      isFree={!choices?.length}
      parse={(text) => (isNumber ? (readNumber(text)?.toString() ?? null) : text)}
      onQuery={setQuery}
      onAsk={() => setAsked(true)}
      onChange={(texts) => onChange(texts.map((text) => readItem(text, isNumber, values)))}
    />
  );
}

/** A chip's value as it was before, or in the type of the list. */
function readItem(text: string, isNumber: boolean, values: (Scalar | null)[]): Scalar {
  const before = values.find((one) => (typeof one === "object" ? JSON.stringify(one) : String(one)) === text);
  return before ?? (isNumber ? (readNumber(text) ?? text) : text);
}

const SETTLE_MS = 180;

/** Values that contacts have, with how many have each. A server that does not answer suggests nothing. */
export function useSuggestions(source: ValueSource | null, prefix: string): Option[] {
  const { api, say, formatNumber } = useSurroundings();
  const [options, setOptions] = useState<Option[]>([]);
  const isComplete = source !== null && Object.values(source).every(Boolean);
  useSettled(isComplete ? JSON.stringify([source, prefix]) : null, SETTLE_MS, async (signal) => {
    try {
      const { values } = await api.suggest(source!, prefix, signal);
      const named = values.map(({ value, contacts }) => ({
        key: String(value),
        text: String(value),
        ...(contacts !== undefined && { note: say("value.contacts", { count: formatNumber(contacts) }) }),
      }));
      if (!signal.aborted) setOptions(named);
    } catch {
      if (!signal.aborted) setOptions([]);
    }
  });
  return options;
}
