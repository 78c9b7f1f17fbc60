/** What every request to our own server needs: the CSRF token and a clear word when it fails. */

import { showToast } from "./toasts";

const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

interface RequestContext {
  request: { method: string; headers: Record<string, string> };
}

export function getCsrfToken(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? "";
}

/** A sentence of the interface, translated by the server into a data attribute of <body>. */
export function getSentence(name: string): string {
  return document.body.dataset[name] ?? "";
}

export function postForm(url: string, fields: Record<string, string>): Promise<Response> {
  return fetch(url, {
    method: "POST",
    body: new URLSearchParams(fields),
    headers: { "X-CSRFToken": getCsrfToken() },
    credentials: "same-origin",
  });
}

export function startRequests(): void {
  document.addEventListener("htmx:config:request", (event) => {
    const { ctx } = (event as CustomEvent<{ ctx: RequestContext }>).detail;
    if (!SAFE_METHODS.has(ctx.request.method.toUpperCase())) ctx.request.headers["X-CSRFToken"] = getCsrfToken();
  });
  document.addEventListener("htmx:error", () => showToast(getSentence("offline"), "error"));
  document.addEventListener("htmx:after:swap", focusErrors);
}

/** A form that came back with errors takes the reader to them. */
function focusErrors(event: Event): void {
  const { ctx } = (event as CustomEvent<{ ctx: { response?: { status: number } } }>).detail;
  if (ctx.response?.status === 422) document.querySelector<HTMLElement>("[data-error-summary]")?.focus();
}
