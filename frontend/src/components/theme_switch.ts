/** The form of three buttons (system, light, dark): acts at once and tells the server, without leaving the page. */

import { postForm } from "../lib/requests";

export function themeSwitch() {
  return {
    choose(event: SubmitEvent): void {
      const form = event.target as HTMLFormElement;
      const theme = (event.submitter as HTMLButtonElement | null)?.value;
      if (!theme) return;
      event.preventDefault();
      applyTheme(theme);
      void postForm(form.action, { theme });
    },
  };
}

function applyTheme(theme: string): void {
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
  for (const button of document.querySelectorAll<HTMLButtonElement>("button[name='theme']")) {
    button.setAttribute("aria-pressed", String(button.value === theme));
  }
}
