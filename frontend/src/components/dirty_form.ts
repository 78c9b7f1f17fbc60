/** `<form x-data="dirtyForm">`: asks before leaving while something typed is not saved; `[data-dirty-only]` shows only then. */

export function dirtyForm() {
  let initial = "";
  let form: HTMLFormElement;
  let onLeave: (event: BeforeUnloadEvent) => void;
  return {
    dirty: false,
    init(): void {
      form = (this as unknown as { $el: HTMLFormElement }).$el;
      initial = serialize(form);
      form.addEventListener("input", () => this.check());
      form.addEventListener("change", () => this.check());
      form.addEventListener("submit", () => (this.dirty = false));
      form.addEventListener("saved", () => this.reset());
      onLeave = (event) => {
        if (this.dirty) event.preventDefault();
      };
      window.addEventListener("beforeunload", onLeave);
      this.show();
    },
    destroy(): void {
      window.removeEventListener("beforeunload", onLeave);
    },
    check(): void {
      this.dirty = serialize(form) !== initial;
      this.show();
    },
    reset(): void {
      initial = serialize(form);
      this.check();
    },
    show(): void {
      for (const element of form.querySelectorAll<HTMLElement>("[data-dirty-only]")) element.hidden = !this.dirty;
    },
  };
}

function serialize(form: HTMLFormElement): string {
  const entries = [...new FormData(form)].filter(([name]) => name !== "csrfmiddlewaretoken");
  return JSON.stringify(entries.map(([name, value]) => [name, typeof value === "string" ? value : value.name]));
}
