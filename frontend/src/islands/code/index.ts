/**
 * The source editor: CodeMirror over the <textarea> inside the element, which keeps the value for the form.
 *
 * Every change is written back and announced as an `input` event, so htmx triggers on the textarea work. Problems come
 * from the server: a `<script type="application/json" data-diagnostics-for="textarea id">` swapped in anywhere on the page.
 */

import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { bracketMatching, foldGutter, foldKeymap, indentOnInput, indentUnit } from "@codemirror/language";
import { lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { EditorState, type Extension } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers,
} from "@codemirror/view";

import type { Mount } from "../loader";
import { findPosition, readProblems, toDiagnostics } from "./diagnostics";
import { makeLanguage, type Variable } from "./languages";
import { editorLook } from "./look";

export interface CodeProps {
  language: "mjml" | "html" | "liquid" | "text";
  label: string;
  variables: Variable[];
}

export const mount: Mount<CodeProps> = (element, props) => {
  const textarea = element.querySelector("textarea")!;
  const view = new EditorView({
    parent: element,
    state: EditorState.create({ doc: textarea.value, extensions: makeExtensions(textarea, props) }),
  });
  textarea.hidden = true;
  showProblems(view, textarea.id);

  const onSwap = () => showProblems(view, textarea.id);
  const onClick = (event: MouseEvent) => followProblem(view, textarea.id, event);
  document.addEventListener("htmx:after:swap", onSwap);
  document.addEventListener("click", onClick);
  // Something else (a template chosen, "restore") wrote into the textarea.
  const onSet = () => replaceAll(view, textarea.value);
  textarea.addEventListener("change", onSet);

  return {
    destroy() {
      document.removeEventListener("htmx:after:swap", onSwap);
      document.removeEventListener("click", onClick);
      textarea.removeEventListener("change", onSet);
      view.destroy();
      textarea.hidden = false;
    },
  };
};

function makeExtensions(textarea: HTMLTextAreaElement, props: CodeProps): Extension[] {
  return [
    EditorView.cspNonce.of(document.querySelector<HTMLScriptElement>("script[nonce]")?.nonce ?? ""),
    EditorView.contentAttributes.of({
      "aria-label": props.label,
      tabindex: "0", // editable content is focusable anyway; checkers of the scrolling box around it want to read it
      ...(textarea.getAttribute("aria-describedby") && { "aria-describedby": textarea.getAttribute("aria-describedby")! }),
      spellcheck: props.language === "text" ? "true" : "false",
    }),
    EditorView.lineWrapping,
    EditorView.updateListener.of((update) => {
      if (update.docChanged) writeBack(textarea, update.state.doc.toString());
    }),
    EditorState.readOnly.of(textarea.readOnly || textarea.disabled),
    indentUnit.of("  "),
    lineNumbers(),
    foldGutter(),
    lintGutter(),
    history(),
    drawSelection(),
    indentOnInput(),
    bracketMatching(),
    closeBrackets(),
    autocompletion({ icons: false }),
    highlightActiveLine(),
    highlightActiveLineGutter(),
    highlightSelectionMatches(),
    makeLanguage(props.language, props.variables),
    editorLook,
    // Tab is left alone: it moves the focus on (WCAG 2.1.2).
    keymap.of([
      ...closeBracketsKeymap,
      ...defaultKeymap,
      ...searchKeymap,
      ...historyKeymap,
      ...foldKeymap,
      ...completionKeymap,
      ...lintKeymap,
    ]),
  ];
}

function writeBack(textarea: HTMLTextAreaElement, text: string): void {
  if (textarea.value === text) return;
  textarea.value = text;
  textarea.dispatchEvent(new Event("input", { bubbles: true }));
}

function replaceAll(view: EditorView, text: string): void {
  if (view.state.doc.toString() === text) return;
  view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
}

function showProblems(view: EditorView, id: string): void {
  const problems = readProblems(id);
  if (problems) view.dispatch(setDiagnostics(view.state, toDiagnostics(view.state.doc, problems)));
}

/** A button `data-goto="textarea id" data-line="3" data-column="7"` in the list of problems. */
function followProblem(view: EditorView, id: string, event: MouseEvent): void {
  const button = (event.target as Element).closest<HTMLElement>("[data-goto]");
  if (button?.dataset["goto"] !== id) return;
  const position = findPosition(view.state.doc, Number(button.dataset["line"]), Number(button.dataset["column"]));
  view.dispatch({ selection: { anchor: position }, effects: EditorView.scrollIntoView(position, { y: "center" }) });
  view.focus();
}
