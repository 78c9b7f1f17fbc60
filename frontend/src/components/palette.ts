/** The command palette: a combobox over results that the server renders. Arrow keys move, Enter opens. */

export function palette() {
  let dialog: HTMLDialogElement;
  return {
    init(): void {
      dialog = (this as unknown as { $el: HTMLDialogElement }).$el;
      dialog.addEventListener("htmx:after:swap", () => this.mark(0));
      // Opened by a button's `command`, by a key or by code: the attribute is what they share.
      new MutationObserver(() => this.opened()).observe(dialog, { attributeFilter: ["open"] });
    },
    opened(): void {
      if (!dialog.open) return;
      const input = findInput(dialog);
      input.select();
      input.dispatchEvent(new Event("palette:open"));
    },
    onKey(event: KeyboardEvent): void {
      const options = findOptions(dialog);
      const current = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
      if (event.key === "ArrowDown") this.mark((current + 1) % Math.max(1, options.length));
      else if (event.key === "ArrowUp") this.mark((current - 1 + options.length) % Math.max(1, options.length));
      else if (event.key === "Enter") options[current]?.click();
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
