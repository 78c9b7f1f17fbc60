/** Keys: Ctrl/Cmd+K palette, `/` search, `g` then a letter to go, `?` the sheet. Single letters can be turned off (WCAG 2.1.4). */

import { openDialog } from "./dialogs";

const SEQUENCE_MS = 1200;
const STORAGE_KEY = "dynamail.shortcuts";

let waitsForPlace = 0;

export function startShortcuts(): void {
  document.addEventListener("keydown", onKey);
  const toggle = document.querySelector<HTMLInputElement>("[data-shortcuts-toggle]");
  if (!toggle) return;
  toggle.checked = areLettersOn();
  toggle.addEventListener("change", () => localStorage.setItem(STORAGE_KEY, toggle.checked ? "on" : "off"));
}

function onKey(event: KeyboardEvent): void {
  if (event.code === "KeyK" && (event.metaKey || event.ctrlKey) && !event.shiftKey && !event.altKey) {
    event.preventDefault();
    openDialog("palette");
    return;
  }
  if (event.metaKey || event.ctrlKey || event.altKey || event.defaultPrevented) return;
  if (isTyping(event.target) || !areLettersOn() || document.querySelector("dialog[open]")) return;
  if (runLetter(event)) event.preventDefault();
}

/** Letters are read by their place on the keyboard, so they work under a Cyrillic layout too. */
function runLetter(event: KeyboardEvent): boolean {
  if (waitsForPlace > Date.now()) {
    waitsForPlace = 0;
    return go(event.code.replace("Key", "").toLowerCase());
  }
  if (event.key === "?") openDialog("shortcuts");
  else if (event.key === "/" || event.code === "Slash") focusSearch();
  else if (event.code === "KeyG") waitsForPlace = Date.now() + SEQUENCE_MS;
  else if (event.code === "KeyN") return clickFirst("[data-key='n']");
  else return false;
  return true;
}

function go(letter: string): boolean {
  return clickFirst(`[data-go="${CSS.escape(letter)}"]`);
}

function clickFirst(selector: string): boolean {
  const element = document.querySelector<HTMLElement>(selector);
  element?.click();
  return element !== null;
}

function focusSearch(): void {
  const input = document.querySelector<HTMLInputElement>("main input[type='search']");
  if (input) input.focus();
  else openDialog("palette");
}

function areLettersOn(): boolean {
  return localStorage.getItem(STORAGE_KEY) !== "off";
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select"));
}
