/** `x-data="copyButton" x-on:click="copy" data-copy="text"`: says "Copied" for a moment and shows a tick. */

const SHOWN_MS = 1600;

export function copyButton() {
  return {
    copied: false,
    get idle(): boolean {
      return !this.copied;
    },
    async copy(event: Event): Promise<void> {
      const button = (event.currentTarget ?? event.target) as HTMLElement;
      await writeText(button.dataset["copy"] ?? "");
      this.copied = true;
      window.setTimeout(() => (this.copied = false), SHOWN_MS);
    },
  };
}

async function writeText(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Plain http on another host than localhost has no clipboard interface.
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}
