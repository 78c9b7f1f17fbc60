/** A list of options below a text input, driven by the input's keys: the ARIA combobox pattern. */

import { useEffect, useId, useRef, useState, type KeyboardEvent, type ReactNode } from "react";

import { Icon } from "../icons";

export interface Option {
  key: string;
  text: string;
  /** At the end of the line: a count. */
  note?: string;
  icon?: string;
  hue?: string;
  /** Options of one group stand together under this heading. */
  group?: string;
}

export interface Listbox {
  id: string;
  isOpen: boolean;
  active: number;
  open(): void;
  close(): void;
  setActive(index: number): void;
  /** True when the key was for the list. */
  handleKey(event: KeyboardEvent): boolean;
  /** For the input. */
  aria: Record<string, string | boolean | undefined>;
}

export function useListbox(options: readonly Option[], onPick: (option: Option) => void, { always = false, picksFirst = false } = {}): Listbox {
  const id = useId();
  const [opened, setOpened] = useState(false);
  const [active, setActive] = useState(-1);
  const isOpen = (always || opened) && options.length > 0;
  const start = picksFirst ? 0 : -1;
  const keys = options.map((option) => option.key).join("\n");
  useEffect(() => setActive(start), [keys, start]);

  const move = (step: number) => {
    setOpened(true);
    setActive((now) => (isOpen ? (now + step + options.length) % options.length : step > 0 ? 0 : options.length - 1));
  };
  const close = () => {
    setOpened(false);
    setActive(start);
  };
  const handleKey = (event: KeyboardEvent): boolean => {
    if (event.altKey || event.ctrlKey || event.metaKey) return false;
    if (event.key === "ArrowDown") move(1);
    else if (event.key === "ArrowUp") move(active < 0 ? 0 : -1);
    else if (event.key === "Enter" && isOpen && options[active]) onPick(options[active]);
    else if (event.key === "Escape" && opened && isOpen && !always) close();
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  };
  const aria = {
    role: "combobox",
    autoComplete: "off",
    "aria-autocomplete": "list",
    "aria-expanded": isOpen,
    "aria-controls": isOpen ? id : undefined,
    "aria-activedescendant": isOpen && active >= 0 ? `${id}-${active}` : undefined,
  };
  return { id, isOpen, active, open: () => setOpened(true), close, setActive, handleKey, aria };
}

interface ListProps {
  listbox: Listbox;
  options: readonly Option[];
  label: string;
  onPick(option: Option): void;
  /** Inside a menu the list is not a layer of its own. */
  flat?: boolean;
}

export function OptionList({ listbox, options, label, onPick, flat = false }: ListProps) {
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }, [listbox.active]);
  useEffect(() => {
    if (listbox.isOpen && !flat) list.current?.scrollIntoView({ block: "nearest" });
  }, [listbox.isOpen, flat]);
  if (!listbox.isOpen) return null;
  return (
    <div ref={list} id={listbox.id} className={flat ? "cb-list" : "cb-list cb-layer"} role="listbox" aria-label={label}>
      {groupOptions(options).map(({ group, members }) => (
        <OptionGroup key={group} id={`${listbox.id}-${members[0]!.index}-head`} name={group}>
          {members.map(({ option, index }) => (
            <div
              key={option.key}
              id={`${listbox.id}-${index}`}
              className="cb-option"
              role="option"
              aria-selected={index === listbox.active}
              onMouseDown={(event) => event.preventDefault()}
              onMouseMove={() => listbox.active === index || listbox.setActive(index)}
              onClick={() => onPick(option)}
            >
              {option.icon && (
                <span className={`cb-icon ${option.hue ?? ""}`}>
                  <Icon name={option.icon} size={15} />
                </span>
              )}
              <span className="cb-option-text">{option.text}</span>
              {option.note && <span className="cb-option-note">{option.note}</span>}
            </div>
          ))}
        </OptionGroup>
      ))}
    </div>
  );
}

function OptionGroup({ id, name, children }: { id: string; name: string; children: ReactNode }) {
  if (!name) return children;
  return (
    <div role="group" aria-labelledby={id}>
      <div id={id} className="cb-list-head" role="presentation">
        {name}
      </div>
      {children}
    </div>
  );
}

function groupOptions(options: readonly Option[]) {
  const groups: { group: string; members: { option: Option; index: number }[] }[] = [];
  for (const [index, option] of options.entries()) {
    const group = option.group ?? "";
    const last = groups.at(-1);
    if (last?.group === group) last.members.push({ option, index });
    else groups.push({ group, members: [{ option, index }] });
  }
  return groups;
}
