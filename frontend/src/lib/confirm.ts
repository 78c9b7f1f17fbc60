/**
 * Ask before acting: `data-confirm="Question"` on a link, a submit button or a form, or htmx's `hx-confirm`.
 *
 * `data-confirm-detail` adds a sentence, `data-confirm-yes` names the button, `data-confirm-tone="error"` colors it, and
 * `data-confirm-type="2 480"` asks to type that text first.
 */

interface Question {
  title: string;
  detail: string;
  yes: string;
  danger: boolean;
  typed: string;
}

const approved = new WeakSet<Element>();

export function startConfirmations(): void {
  document.addEventListener("click", onClick, true);
  document.addEventListener("submit", onSubmit, true);
  document.addEventListener("htmx:confirm", onHtmxConfirm);
}

function onClick(event: MouseEvent): void {
  const element = (event.target as Element).closest<HTMLElement>("a[data-confirm], button[data-confirm]");
  if (!element || approved.delete(element)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  void ask(readQuestion(element)).then((yes) => {
    if (!yes) return;
    approved.add(element);
    element.click();
  });
}

function onSubmit(event: SubmitEvent): void {
  const form = event.target as HTMLFormElement;
  if (!form.matches("[data-confirm]") || approved.delete(form)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const submitter = event.submitter;
  void ask(readQuestion(form)).then((yes) => {
    if (!yes) return;
    approved.add(form);
    form.requestSubmit(submitter);
  });
}

function onHtmxConfirm(event: Event): void {
  const { ctx, issueRequest, dropRequest } = (
    event as CustomEvent<{
      ctx: { confirm: string; sourceElement: HTMLElement };
      issueRequest: () => void;
      dropRequest: () => void;
    }>
  ).detail;
  event.preventDefault();
  void ask({ ...readQuestion(ctx.sourceElement), title: ctx.confirm }).then((yes) => (yes ? issueRequest() : dropRequest()));
}

function readQuestion({ dataset }: HTMLElement): Question {
  return {
    title: dataset["confirm"] ?? "",
    detail: dataset["confirmDetail"] ?? "",
    yes: dataset["confirmYes"] ?? "",
    danger: dataset["confirmTone"] === "error",
    typed: dataset["confirmType"] ?? "",
  };
}

export function ask(question: Question): Promise<boolean> {
  const dialog = document.getElementById("confirm") as HTMLDialogElement | null;
  if (!dialog) return Promise.resolve(window.confirm(question.title));
  const yes = fillDialog(dialog, question);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes" && !yes.disabled), { once: true });
  });
}

function fillDialog(dialog: HTMLDialogElement, question: Question): HTMLButtonElement {
  const part = <T extends HTMLElement>(name: string) => dialog.querySelector<T>(`[data-part="${name}"]`)!;
  const yes = part<HTMLButtonElement>("yes");
  const typed = part<HTMLInputElement>("typed");
  part("title").textContent = question.title;
  part("detail").textContent = question.detail;
  part("detail").hidden = !question.detail;
  part("typed-field").hidden = !question.typed;
  part("typed-text").textContent = question.typed;
  yes.textContent = question.yes || (yes.dataset["default"] ?? "");
  yes.classList.toggle("btn-error", question.danger);
  yes.classList.toggle("btn-primary", !question.danger);
  typed.value = "";
  yes.disabled = question.typed !== "";
  typed.oninput = () => (yes.disabled = normalize(typed.value) !== normalize(question.typed));
  return yes;
}

/** Spaces of any kind do not matter: nobody can type the thin space inside a number. */
function normalize(text: string): string {
  return text.replace(/\s/gu, "").toLowerCase();
}
