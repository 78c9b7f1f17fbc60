/** Short messages at the corner: from Django's messages, from `HX-Trigger: {"toast": {"text": …, "tone": …}}`, or from code. */

export type Tone = "success" | "info" | "warning" | "error";

export function showToast(text: string, tone: Tone = "info"): void {
  const region = document.getElementById("toasts");
  const template = document.querySelector<HTMLTemplateElement>(`template[data-toast="${tone}"]`);
  const item = template?.content.firstElementChild?.cloneNode(true);
  if (!region || !(item instanceof HTMLElement) || !text) return;
  item.querySelector("p")!.textContent = text;
  region.append(item);
}

export function startToasts(): void {
  document.addEventListener("toast", (event) => {
    const { text, tone } = (event as CustomEvent<{ text: string; tone?: Tone }>).detail;
    showToast(text, tone);
  });
}
