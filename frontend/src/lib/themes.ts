/** What drawing code needs to know about the theme in force. */

export function readToken(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export function isDark(): boolean {
  return readToken("color-scheme") === "dark" || getComputedStyle(document.documentElement).colorScheme === "dark";
}

/** Calls back when the reader or the system changes the theme; returns the function that stops it. */
export function onThemeChange(callback: () => void): () => void {
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const observer = new MutationObserver(callback);
  observer.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  system.addEventListener("change", callback);
  return () => {
    observer.disconnect();
    system.removeEventListener("change", callback);
  };
}
