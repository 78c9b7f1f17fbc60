/** A line of tabs that is wider than the screen begins at the one that is open. */

export function startTabs(): void {
  for (const tab of document.querySelectorAll<HTMLElement>(".tabs-line [aria-current]")) {
    const line = tab.parentElement!;
    line.scrollLeft = tab.offsetLeft - line.offsetLeft - (line.clientWidth - tab.offsetWidth) / 2;
  }
}
