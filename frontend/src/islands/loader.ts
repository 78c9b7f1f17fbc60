/**
 * Islands: `<div data-island="chart" data-props="chart-props">` plus `{{ props|json_script:"chart-props" }}`.
 *
 * The island's code arrives when its element does. Elements that htmx brings in or takes away are mounted and
 * unmounted; when only the props changed, the island is updated in place.
 */

export interface MountedIsland<Props> {
  update?(props: Props): void;
  destroy(): void;
}

export type Mount<Props> = (element: HTMLElement, props: Props) => MountedIsland<Props>;

interface Mounted {
  island: MountedIsland<unknown>;
  source: string;
}

const loaders = import.meta.glob<{ mount: Mount<unknown> }>(["./*/index.ts", "./*/index.tsx"]);
const mounted = new Map<HTMLElement, Mounted | null>();

export function startIslands(): void {
  scan(document.body);
  new MutationObserver((records) => {
    for (const record of records) for (const node of record.addedNodes) if (node instanceof HTMLElement) scan(node);
    sweep();
  }).observe(document.body, { childList: true, subtree: true });
  document.addEventListener("htmx:after:swap", refresh);
}

function scan(root: HTMLElement): void {
  if (root.matches("[data-island]")) void mountIsland(root);
  for (const element of root.querySelectorAll<HTMLElement>("[data-island]")) void mountIsland(element);
}

async function mountIsland(element: HTMLElement): Promise<void> {
  const file = `./${element.dataset["island"]}/index.ts`;
  const load = loaders[file] ?? loaders[`${file}x`];
  if (!load || mounted.has(element)) return;
  mounted.set(element, null);
  await untilUnfolded(element);
  const { mount } = await load();
  if (!element.isConnected) return void mounted.delete(element);
  const source = readProps(element);
  mounted.set(element, { island: mount(element, JSON.parse(source)), source });
  element.dataset["ready"] = "";
}

/** What is folded away is not loaded before somebody unfolds it. */
function untilUnfolded(element: HTMLElement): Promise<void> {
  const folded = element.closest<HTMLDetailsElement>("details:not([open])");
  if (!folded) return Promise.resolve();
  return new Promise((resolve) => folded.addEventListener("toggle", () => resolve(), { once: true }));
}

function sweep(): void {
  for (const [element, entry] of mounted) {
    if (element.isConnected || !entry) continue;
    mounted.delete(element);
    entry.island.destroy();
  }
}

function refresh(): void {
  for (const [element, entry] of mounted) {
    const source = entry && element.isConnected ? readProps(element) : null;
    if (!entry || source === null || source === entry.source) continue;
    entry.source = source;
    entry.island.update?.(JSON.parse(source));
  }
}

function readProps(element: HTMLElement): string {
  return document.getElementById(element.dataset["props"] ?? "")?.textContent || "null";
}
