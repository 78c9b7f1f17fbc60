/** A thin bar at the top while a request takes longer than a moment. */

const PATIENCE_MS = 150;

export function startRequestBar(): void {
  const bar = document.getElementById("request-bar");
  if (!bar) return;
  let running = 0;
  let timer = 0;

  document.addEventListener("htmx:before:request", (event) => {
    // Polling is not something the reader waits for.
    if ((event.target as Element | null)?.closest?.("[data-quiet]")) return;
    running += 1;
    if (running === 1) timer = window.setTimeout(() => (bar.hidden = false), PATIENCE_MS);
  });
  document.addEventListener("htmx:finally:request", (event) => {
    if ((event.target as Element | null)?.closest?.("[data-quiet]")) return;
    running = Math.max(0, running - 1);
    if (running > 0) return;
    window.clearTimeout(timer);
    bar.hidden = true;
  });
}
