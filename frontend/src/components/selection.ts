/**
 * Rows of a table chosen for one act: `x-data="selection"` around a table and its `[data-selection-bar]`.
 *
 * Row boxes carry `data-select-row`, the box in the head `data-select-all`, the number shown `[data-selection-count]`.
 */

export function selection() {
  let root: HTMLElement;
  return {
    init(): void {
      root = (this as unknown as { $el: HTMLElement }).$el;
      root.addEventListener("change", (event) => {
        const box = event.target as HTMLInputElement;
        if (box.matches("[data-select-all]")) for (const row of findRows(root)) row.checked = box.checked;
        if (box.matches("[data-select-all], [data-select-row]")) this.show();
      });
      this.show();
    },
    clear(): void {
      for (const row of findRows(root)) row.checked = false;
      this.show();
    },
    show(): void {
      const rows = findRows(root);
      const chosen = rows.filter((row) => row.checked).length;
      const all = root.querySelector<HTMLInputElement>("[data-select-all]");
      const bar = root.querySelector<HTMLElement>("[data-selection-bar]");
      if (all) {
        all.checked = chosen > 0 && chosen === rows.length;
        all.indeterminate = chosen > 0 && chosen < rows.length;
      }
      if (bar) bar.hidden = chosen === 0;
      for (const count of root.querySelectorAll("[data-selection-count]")) count.textContent = String(chosen);
    },
  };
}

function findRows(root: HTMLElement): HTMLInputElement[] {
  return [...root.querySelectorAll<HTMLInputElement>("[data-select-row]")];
}
