/** Text with suggestions, the choice of one thing from many, and chips: three faces of the combobox. */

import { useEffect, useRef, useState, type KeyboardEvent } from "react";

import { useSurroundings } from "../context";
import { Icon } from "../icons";
import { OptionList, useListbox, type Option } from "./listbox";

const MOST = 50;

/** What was typed is the value; options only help. */
export function SuggestBox({
  label,
  text,
  options,
  onType,
  onAsk,
  isInvalid = false,
  isFirst = false,
}: {
  label: string;
  text: string;
  options: readonly Option[];
  onType(text: string): void;
  /** Suggestions are wanted now. */
  onAsk?(): void;
  isInvalid?: boolean;
  isFirst?: boolean;
}) {
  const { say } = useSurroundings();
  const pick = (option: Option) => {
    onType(option.key);
    listbox.close();
  };
  const shown = options.filter((option) => option.key !== text).slice(0, MOST);
  const listbox = useListbox(shown, pick);
  return (
    <span className="cb-combo">
      <input
        {...listbox.aria}
        type="text"
        className="input cb-text"
        aria-label={label}
        aria-invalid={isInvalid || undefined}
        data-first={isFirst || undefined}
        placeholder={say("value.type")}
        value={text}
        onChange={(event) => {
          onType(event.target.value);
          listbox.open();
        }}
        onFocus={onAsk}
        onClick={listbox.open}
        onBlur={listbox.close}
        onKeyDown={listbox.handleKey}
      />
      <OptionList listbox={listbox} options={shown} label={label} onPick={pick} />
    </span>
  );
}

/** One of the options; typing searches, leaving without a choice keeps the old one. */
export function ChoiceBox({
  label,
  value,
  options,
  onPick,
  placeholder,
  isFree = false,
  isInvalid = false,
  isFirst = false,
}: {
  label: string;
  value: string;
  placeholder?: string;
  options: readonly Option[];
  onPick(key: string): void;
  /** Takes what was typed, too. */
  isFree?: boolean;
  isInvalid?: boolean;
  isFirst?: boolean;
}) {
  const { say } = useSurroundings();
  const [query, setQuery] = useState<string | null>(null);
  const chosen = options.find((option) => option.key === value);
  const name = chosen?.text ?? (value && !isFree ? say("value.gone", { name: value }) : value);
  const shown = matchOptions(options, query ?? "").slice(0, MOST);
  const leave = () => {
    if (isFree && query) onPick(query.trim());
    setQuery(null);
    listbox.close();
  };
  const pick = (option: Option) => {
    setQuery(null);
    listbox.close();
    onPick(option.key);
  };
  const listbox = useListbox(shown, pick, { picksFirst: !isFree && !!query });
  const onKey = (event: KeyboardEvent) => {
    if (listbox.handleKey(event)) return;
    if (event.key === "Escape" && query !== null) {
      setQuery(null);
      event.stopPropagation();
    } else if (event.key === "Enter") {
      event.preventDefault();
      leave();
    }
  };
  return (
    <span className="cb-combo">
      <input
        {...listbox.aria}
        type="text"
        className="input cb-text cb-choice"
        aria-label={label}
        aria-invalid={isInvalid || undefined}
        data-first={isFirst || undefined}
        placeholder={name || placeholder || say(isFree ? "value.search" : "value.choose")}
        value={query ?? name}
        onChange={(event) => {
          setQuery(event.target.value);
          listbox.open();
        }}
        onFocus={(event) => event.target.select()}
        onClick={() => {
          if (query === null) setQuery("");
          listbox.open();
        }}
        onBlur={leave}
        onKeyDown={onKey}
      />
      <span className="cb-choice-mark">
        <Icon name="selector" size={14} />
      </span>
      <OptionList listbox={listbox} options={shown} label={label} onPick={pick} />
    </span>
  );
}

/** Several values as chips. Enter adds, Backspace in the empty field takes the last away. */
export function ChipBox({
  label,
  values,
  options,
  onChange,
  onQuery,
  onAsk,
  isFree = false,
  parse = (text) => text,
  isInvalid = false,
}: {
  label: string;
  values: readonly string[];
  options: readonly Option[];
  onChange(values: string[]): void;
  onQuery?(text: string): void;
  onAsk?(): void;
  isFree?: boolean;
  /** What a typed text adds; null when it cannot. */
  parse?(text: string): string | null;
  isInvalid?: boolean;
}) {
  const { say, announce } = useSurroundings();
  const [query, setQuery] = useState("");
  const input = useRef<HTMLInputElement>(null);
  const names = new Map(options.map((option) => [option.key, option.text]));
  const nameOf = (value: string) => names.get(value) ?? (isFree ? value : say("value.gone", { name: value }));
  const shown = matchOptions(options, query)
    .filter((option) => !values.includes(option.key))
    .slice(0, MOST);
  const type = (text: string) => {
    setQuery(text);
    onQuery?.(text);
  };
  const add = (value: string) => {
    type("");
    if (!values.includes(value)) onChange([...values, value]);
    announce(say("said.added", { name: nameOf(value) }));
  };
  const remove = (value: string) => {
    onChange(values.filter((one) => one !== value));
    announce(say("said.removed", { name: nameOf(value) }));
    input.current?.focus();
  };
  const addTyped = (): boolean => {
    const typed = isFree && query.trim() ? parse(query.trim()) : null;
    if (typed !== null) add(typed);
    return typed !== null;
  };
  const listbox = useListbox(shown, (option) => add(option.key), { picksFirst: !isFree && !!query });
  const onKey = (event: KeyboardEvent) => {
    if (listbox.handleKey(event)) return;
    if (event.key === "Enter" || (event.key === "," && isFree)) {
      event.preventDefault();
      addTyped();
    } else if (event.key === "Backspace" && !query && values.length) {
      event.preventDefault();
      remove(values.at(-1)!);
    }
  };
  return (
    <span className="cb-combo cb-chips" data-invalid={isInvalid || undefined}>
      {values.map((value) => (
        <span key={value} className="cb-chip">
          <span>{nameOf(value)}</span>
          <button type="button" aria-label={say("value.remove", { name: nameOf(value) })} onClick={() => remove(value)}>
            <Icon name="x" size={13} />
          </button>
        </span>
      ))}
      <input
        {...listbox.aria}
        ref={input}
        type="text"
        className="cb-chips-input"
        aria-label={label}
        aria-invalid={isInvalid || undefined}
        data-first={true}
        placeholder={values.length ? say("value.add") : say(isFree ? "value.search" : "value.choose")}
        value={query}
        onChange={(event) => {
          type(event.target.value);
          listbox.open();
        }}
        onFocus={onAsk}
        onClick={listbox.open}
        onBlur={() => {
          addTyped();
          listbox.close();
        }}
        onKeyDown={onKey}
      />
      <OptionList listbox={listbox} options={shown} label={label} onPick={(option) => add(option.key)} />
    </span>
  );
}

export function matchOptions(options: readonly Option[], query: string): Option[] {
  const words = fold(query).split(/\s+/).filter(Boolean);
  if (!words.length) return [...options];
  return options.filter((option) => {
    const text = fold(`${option.text} ${option.group ?? ""}`);
    return words.every((word) => text.includes(word));
  });
}

function fold(text: string): string {
  return text.toLocaleLowerCase();
}

/** Calls back with what stands still for a moment; the signal is for the request that follows. */
export function useSettled(key: string | null, milliseconds: number, run: (signal: AbortSignal) => void): void {
  const latest = useRef(run);
  latest.current = run;
  useEffect(() => {
    if (key === null) return;
    const controller = new AbortController();
    const timer = window.setTimeout(() => latest.current(controller.signal), milliseconds);
    return () => {
      window.clearTimeout(timer);
      controller.abort();
    };
  }, [key, milliseconds]);
}
