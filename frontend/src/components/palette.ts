/** The command palette: a combobox over results that the server renders. Arrow keys move, Enter opens. */

export function palette() {
  let dialog: HTMLDialogElement;
  let asked = ""; // what the request under way looks for
  let answered = ""; // what the results on the screen answer
  let chosen = false; // Enter was pressed before the results for what is typed were there
  return {
    init(): void {
      dialog = (this as unknown as { $el: HTMLDialogElement }).$el;
      dialog.addEventListener("input", () => (chosen = false));
      dialog.addEventListener("htmx:before:request", () => (asked = findInput(dialog).value));
      dialog.addEventListener("htmx:after:swap", () => this.answer());
      // Opened in the instant before htmx has seen the page, the palette asks once it has.
      dialog.addEventListener("htmx:after:init", (event) => event.target === findInput(dialog) && this.ask());
      // Opened by a button's `command`, by a key or by code: the attribute is what they share.
      new MutationObserver(() => this.opened()).observe(dialog, { attributeFilter: ["open"] });
    },
    opened(): void {
      if (!dialog.open) return;
      chosen = false;
      findInput(dialog).select();
      this.ask();
    },
    ask(): void {
      if (dialog.open) findInput(dialog).dispatchEvent(new Event("palette:open"));
    },
    answer(): void {
      answered = asked;
      this.mark(0);
      if (chosen && answered === findInput(dialog).value) findOptions(dialog)[0]?.click();
    },
    /** Typed fast, Enter means the results to come and not those still shown. */
    choose(option: HTMLElement | undefined): void {
      chosen = answered !== findInput(dialog).value;
      if (!chosen) option?.click();
    },
    onKey(event: KeyboardEvent): void {
      const options = findOptions(dialog);
      const current = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
      if (event.key === "ArrowDown") this.mark((current + 1) % Math.max(1, options.length));
      else if (event.key === "ArrowUp") this.mark((current - 1 + options.length) % Math.max(1, options.length));
      else if (event.key === "Enter") this.choose(options[current]);
      else return;
      event.preventDefault();
    },
    onPoint(event: PointerEvent): void {
      const option = (event.target as Element).closest("[role='option']");
      const index = findOptions(dialog).findIndex((candidate) => candidate === option);
      if (index >= 0) this.mark(index);
    },
    mark(index: number): void {
      const options = findOptions(dialog);
      options.forEach((option, place) => option.setAttribute("aria-selected", String(place === index)));
      const active = options[index];
      findInput(dialog).setAttribute("aria-activedescendant", active?.id ?? "");
      active?.scrollIntoView({ block: "nearest" });
    },
  };
}

function findInput(dialog: HTMLElement): HTMLInputElement {
  return dialog.querySelector<HTMLInputElement>("[role='combobox']")!;
}

function findOptions(dialog: HTMLElement): HTMLElement[] {
  return [...dialog.querySelectorAll<HTMLElement>("[role='option']")];
}
