/**
 * The page of the source editor: `x-data="contentEditor"` around the form and the preview.
 *
 * A second after the last key the form is saved. The answer is the part below the editor; it says whether the text was saved and
 * names the state that was seen, so that nobody's text is overwritten unseen. The frame is reloaded only when the source compiles:
 * the last good preview stays.
 */

import { getCsrfToken } from "../lib/requests";

const PAUSE_MS = 1000;
const RETRY_MS = 5000;

type SaveState = "saved" | "dirty" | "saving" | "conflict" | "refused" | "offline";

export function contentEditor() {
  let root: HTMLElement;
  let form: HTMLFormElement;
  let timer = 0;
  let edits = 0; // changes made here
  let saved = 0; // changes that the server has
  let running: Promise<void> | null = null;
  let blocked = false; // a conflict waits for a decision
  const query = new URLSearchParams();

  const onKey = (event: KeyboardEvent) => {
    if (event.code !== "KeyS" || !(event.metaKey || event.ctrlKey)) return;
    event.preventDefault();
    void save();
  };
  const onLeave = (event: BeforeUnloadEvent) => {
    if (edits !== saved) event.preventDefault();
  };

  function changed(): void {
    edits += 1;
    if (blocked) return;
    show("dirty");
    wait(PAUSE_MS);
  }

  function wait(milliseconds: number): void {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => void save(), milliseconds);
  }

  async function save(): Promise<void> {
    window.clearTimeout(timer);
    while (running) await running;
    if (edits === saved || blocked) return;
    running = send().finally(() => (running = null));
    await running;
  }

  async function send(): Promise<void> {
    const sent = edits;
    show("saving");
    const html = await post(form);
    if (html === null) {
      show("offline");
      wait(RETRY_MS);
      return;
    }
    const result = showResult(html);
    const state = result.dataset["state"] as SaveState;
    blocked = state === "conflict";
    if (state === "saved") accept(result, sent);
    else show(state);
  }

  function accept(result: HTMLElement, sent: number): void {
    saved = sent;
    field("seen").value = result.dataset["seen"] ?? "";
    root.dataset["version"] = result.dataset["version"] ?? "";
    for (const time of document.querySelectorAll("[data-saved-at]:not([data-editor-result])")) time.textContent = result.dataset["savedAt"] ?? "";
    show(edits === saved ? "saved" : "dirty");
    if (edits !== saved) wait(PAUSE_MS);
    if ("compiles" in result.dataset) reloadFrame();
  }

  function showResult(html: string): HTMLElement {
    const place = document.getElementById("editor-result")!;
    place.innerHTML = html;
    // The source editor reads its marks again after every swap.
    document.dispatchEvent(new CustomEvent("htmx:after:swap", { detail: { ctx: {} } }));
    return place.querySelector<HTMLElement>("[data-editor-result]")!;
  }

  function field(name: string): HTMLInputElement {
    return form.elements.namedItem(name) as HTMLInputElement;
  }

  function keepMine(): void {
    const result = document.querySelector<HTMLElement>("[data-editor-result]");
    field("seen").value = result?.dataset["seen"] ?? "";
    blocked = false;
    edits += 1;
    void save();
  }

  async function chooseKind(kind: string): Promise<void> {
    if (field("kind").value === kind) return;
    field("kind").value = kind;
    edits += 1;
    await save();
    if (edits === saved) window.location.reload();
  }

  /** The next document is loaded behind the present one, so that nothing flashes. */
  function reloadFrame(): void {
    const stage = root.querySelector<HTMLElement>("[data-stage]")!;
    const frames = [...stage.querySelectorAll("iframe")];
    const next = frames[0]!.cloneNode() as HTMLIFrameElement;
    query.set("v", root.dataset["version"] ?? "");
    next.src = `${root.dataset["preview"]}?${query}`;
    next.addEventListener("load", () => frames.forEach((frame) => frame.remove()), { once: true });
    stage.prepend(next);
  }

  function look(name: "dark" | "part" | "contact", value: string): void {
    if (value) query.set(name, value);
    else query.delete(name);
    reloadFrame();
  }

  function onClick(event: MouseEvent): void {
    const button = (event.target as Element).closest<HTMLElement>("button, a");
    if (!button || !root.contains(button)) return;
    const { kind, width, dark, part } = button.dataset;
    if (kind !== undefined) void chooseKind(kind);
    else if ("keepMine" in button.dataset) keepMine();
    else if ("takeTheirs" in button.dataset) saved = edits;
    else if (width !== undefined && button.ariaPressed !== null) press(button, () => (findStage().dataset["width"] = width));
    else if (dark !== undefined) press(button, () => look("dark", dark));
    else if (part !== undefined) press(button, () => look("part", part));
  }

  function findStage(): HTMLElement {
    return root.querySelector<HTMLElement>("[data-stage]")!;
  }

  return {
    init(): void {
      root = (this as unknown as { $el: HTMLElement }).$el;
      form = root.querySelector<HTMLFormElement>("[data-editor-form]")!;
      form.addEventListener("input", changed);
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        void save();
      });
      root.addEventListener("click", onClick);
      onPersonChosen(root, (person) => look("contact", person));
      document.querySelector("[data-done]")?.addEventListener("click", (event) => void this.done(event));
      document.addEventListener("keydown", onKey);
      window.addEventListener("beforeunload", onLeave);
    },
    destroy(): void {
      window.clearTimeout(timer);
      document.removeEventListener("keydown", onKey);
      window.removeEventListener("beforeunload", onLeave);
    },
    /** Leaving by the button saves first. */
    async done(event: Event): Promise<void> {
      if (edits === saved) return;
      event.preventDefault();
      await save();
      if (edits === saved) window.location.assign((event.currentTarget as HTMLAnchorElement | null)?.href ?? doneUrl());
    },
  };
}

/** A form with a hidden field `person`: the menu of people fills it. */
export function personPicker() {
  return {
    init(): void {
      const root = (this as unknown as { $el: HTMLElement }).$el;
      onPersonChosen(root, (person) => (root.querySelector<HTMLInputElement>("input[name='person']")!.value = person));
    },
  };
}

function onPersonChosen(root: HTMLElement, act: (person: string) => void): void {
  root.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLElement>("[data-person]");
    if (!button) return;
    const name = button.querySelector("span:not(.avatar-tile)")?.textContent ?? "";
    for (const place of root.querySelectorAll("[data-person-name]")) place.textContent = name;
    act(button.dataset["person"] ?? "");
  });
}

/** The answer's HTML, or null when the server did not answer or asks to sign in again. */
async function post(form: HTMLFormElement): Promise<string | null> {
  try {
    const response = await fetch(form.action, {
      method: "POST",
      body: new FormData(form),
      headers: { "X-CSRFToken": getCsrfToken(), "HX-Request": "true" },
      credentials: "same-origin",
    });
    return [200, 409, 422].includes(response.status) && !response.redirected ? await response.text() : null;
  } catch {
    return null;
  }
}

function press(button: HTMLElement, act: () => void): void {
  for (const other of button.parentElement?.querySelectorAll("[aria-pressed]") ?? []) other.setAttribute("aria-pressed", "false");
  button.setAttribute("aria-pressed", "true");
  act();
}

function show(state: SaveState): void {
  const place = document.getElementById("save-state");
  if (place) place.dataset["state"] = state;
}

function doneUrl(): string {
  return document.querySelector<HTMLAnchorElement>("[data-done]")?.href ?? "/";
}
