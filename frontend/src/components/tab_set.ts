/**
 * Tabs whose panels are all on the page: `x-data="tabSet" x-on:keydown="move"` around a `role="tablist"` and its panels.
 *
 * Without this script every panel is shown. Arrows, Home and End move as in the ARIA pattern "Tabs with automatic activation".
 */

export function tabSet() {
  let root: HTMLElement;
  return {
    init(): void {
      root = (this as unknown as { $el: HTMLElement }).$el;
      const chosen = listTabs(root).find((tab) => tab.ariaSelected === "true") ?? listTabs(root)[0];
      if (chosen) select(root, chosen);
    },
    choose(event: Event): void {
      select(root, event.currentTarget as HTMLElement);
    },
    move(event: KeyboardEvent): void {
      const tabs = listTabs(root);
      const place = tabs.indexOf(event.target as HTMLElement);
      const wanted = place < 0 ? undefined : tabs.at(findPlace(event.key, place, tabs.length));
      if (!wanted || wanted === tabs[place]) return;
      event.preventDefault();
      select(root, wanted);
      wanted.focus();
    },
  };
}

function findPlace(key: string, place: number, count: number): number {
  const places: Record<string, number> = {
    ArrowRight: (place + 1) % count,
    ArrowLeft: place - 1,
    Home: 0,
    End: count - 1,
  };
  return places[key] ?? place;
}

function select(root: HTMLElement, chosen: HTMLElement): void {
  for (const tab of listTabs(root)) {
    const isChosen = tab === chosen;
    tab.ariaSelected = String(isChosen);
    tab.tabIndex = isChosen ? 0 : -1;
    const panel = document.getElementById(tab.getAttribute("aria-controls") ?? "");
    if (panel) panel.hidden = !isChosen;
  }
}

function listTabs(root: HTMLElement): HTMLElement[] {
  return [...root.querySelectorAll<HTMLElement>('[role="tab"]')];
}
