/** "Add condition" with its search, and the menu of what can be done with a row. */

import { useEffect, useId, useRef, useState, type KeyboardEvent, type ReactNode } from "react";

import { listMenu, pickHue, type MenuEntry } from "./catalog";
import { useSurroundings } from "./context";
import { Icon } from "./icons";
import { matchOptions } from "./inputs/combobox";
import { OptionList, useListbox, type Option } from "./inputs/listbox";
import type { Leaf } from "./leaves";

interface FinderProps {
  /** What the button shows. */
  children: ReactNode;
  className: string;
  label?: string;
  part: string;
  onPick(leaf: Leaf): void;
}

/** A button that opens the list of everything that can be asked. */
export function LeafFinder({ children, className, label, part, onPick }: FinderProps) {
  const [isOpen, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  return (
    <span
      className="cb-finder"
      onBlur={(event) => {
        if (isOpen && !event.currentTarget.contains(event.relatedTarget)) setOpen(false);
      }}
    >
      <button
        ref={button}
        type="button"
        className={className}
        data-part={part}
        aria-haspopup="listbox"
        aria-expanded={isOpen}
        {...(label && { "aria-label": label, title: label })}
        onClick={() => setOpen((now) => !now)}
      >
        {children}
      </button>
      {isOpen && (
        <FinderPanel
          onClose={close}
          onPick={(leaf) => {
            setOpen(false);
            onPick(leaf);
          }}
        />
      )}
    </span>
  );
}

const SHOWN_AT_REST = 8;
const SHOWN_FOUND = 25;

function FinderPanel({ onClose, onPick }: { onClose(): void; onPick(leaf: Leaf): void }) {
  const { catalog, say, formatNumber } = useSurroundings();
  const [query, setQuery] = useState("");
  const panel = useRef<HTMLDivElement>(null);
  const input = useRef<HTMLInputElement>(null);
  const [entries] = useState(() => listMenu(catalog, say));
  const options = entries.map((entry, index) => makeOption(entry, index, say(`menu.${entry.group}`), (count) => say("menu.uses", { count: formatNumber(count) }), formatNumber));
  const { shown, hidden } = limitGroups(matchOptions(options, query), query ? SHOWN_FOUND : SHOWN_AT_REST);
  const pick = (option: Option) => onPick(entries[Number(option.key)]!.make());
  const listbox = useListbox(shown, pick, { always: true, picksFirst: true });
  useEffect(() => {
    input.current?.focus({ preventScroll: true });
    panel.current?.scrollIntoView({ block: "nearest" });
  }, []);
  const onKey = (event: KeyboardEvent) => {
    if (listbox.handleKey(event)) return;
    if (event.key === "Escape") {
      event.stopPropagation();
      onClose();
    }
  };
  return (
    <div ref={panel} className="cb-layer cb-panel" data-keys="own">
      <span className="cb-search">
        <Icon name="search" size={15} />
        <input
          {...listbox.aria}
          ref={input}
          type="text"
          aria-label={say("menu.search")}
          placeholder={say("menu.search")}
          value={query}
          onChange={(event) => setQuery(event.target.value)}
          onKeyDown={onKey}
        />
      </span>
      <OptionList listbox={listbox} options={shown} label={say("menu.list")} onPick={pick} flat />
      {shown.length === 0 && <p className="cb-panel-note">{say("menu.none")}</p>}
      {hidden > 0 && <p className="cb-panel-note">{say("menu.more", { count: formatNumber(hidden) })}</p>}
    </div>
  );
}

function makeOption(entry: MenuEntry, index: number, group: string, sayUses: (count: number) => string, formatNumber: (count: number) => string): Option {
  const count = entry.uses;
  const note = !count ? "" : entry.group === "profile" ? sayUses(count) : formatNumber(count);
  return { key: String(index), text: entry.name, icon: entry.icon, hue: pickHue(entry.make()), group, ...(note && { note }) };
}

function limitGroups(options: Option[], most: number): { shown: Option[]; hidden: number } {
  const counts = new Map<string, number>();
  const shown = options.filter(({ group = "" }) => {
    counts.set(group, (counts.get(group) ?? 0) + 1);
    return counts.get(group)! <= most;
  });
  return { shown, hidden: options.length - shown.length };
}

export interface Act {
  name: string;
  icon: string;
  keys?: string;
  isDanger?: boolean;
  isOff?: boolean;
  run(): void;
}

/** A popover of acts. It is filled only while it is open: a tree can have hundreds of rows. */
export function ActMenu({ label, acts }: { label: string; acts: readonly Act[] }) {
  const id = useId();
  const pop = useRef<HTMLDivElement>(null);
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button type="button" className="cb-act" popoverTarget={id} aria-label={label} title={label}>
        <Icon name="dots" />
      </button>
      <div ref={pop} id={id} popover="auto" className="pop" onBeforeToggle={(event) => setOpen(event.newState === "open")}>
        {isOpen &&
          acts.map((act) => (
            <button
              key={act.name}
              type="button"
              className={`pop-item ${act.isDanger ? "pop-danger" : ""}`}
              disabled={act.isOff}
              onClick={() => {
                pop.current?.hidePopover();
                act.run();
              }}
            >
              <Icon name={act.icon} />
              <span className="cb-option-text">{act.name}</span>
              {act.keys && <span className="cb-option-note">{act.keys}</span>}
            </button>
          ))}
      </div>
    </>
  );
}
