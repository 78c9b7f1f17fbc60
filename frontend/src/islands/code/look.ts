/** CodeMirror in the page's tokens: it follows light and dark by itself. */

import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import type { Extension } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const theme = EditorView.theme({
  "&": { backgroundColor: "transparent", color: "var(--color-base-content)", fontSize: "0.8125rem" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--font-mono, ui-monospace, monospace)", lineHeight: "1.6" },
  ".cm-content": { padding: "0.625rem 0", caretColor: "var(--color-base-content)" },
  ".cm-line": { padding: "0 0.75rem 0 0.375rem" },
  ".cm-cursor": { borderLeftColor: "var(--color-base-content)" },
  ".cm-gutters": { backgroundColor: "var(--color-base-200)", color: "var(--muted)", border: "none", borderRight: "1px solid var(--line)" },
  ".cm-activeLine": { backgroundColor: "color-mix(in oklab, var(--color-primary) 5%, transparent)" },
  ".cm-activeLineGutter": { backgroundColor: "color-mix(in oklab, var(--color-primary) 9%, transparent)", color: "var(--color-base-content)" },
  ".cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground": {
    backgroundColor: "color-mix(in oklab, var(--color-primary) 22%, transparent)",
  },
  ".cm-selectionMatch": { backgroundColor: "color-mix(in oklab, var(--color-warning) 22%, transparent)" },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "color-mix(in oklab, var(--color-success) 24%, transparent)" },
  ".cm-tooltip, .cm-panels": {
    backgroundColor: "var(--color-base-100)",
    color: "var(--color-base-content)",
    border: "1px solid var(--line)",
    borderRadius: "0.5rem",
    boxShadow: "var(--pop-shadow)",
    overflow: "hidden",
  },
  ".cm-panels": { borderRadius: "0", boxShadow: "none" },
  ".cm-tooltip-autocomplete > ul > li": { padding: "0.25rem 0.625rem", lineHeight: "1.5" },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": {
    backgroundColor: "color-mix(in oklab, var(--color-primary) 14%, var(--color-base-100))",
    color: "var(--color-base-content)",
  },
  ".cm-completionDetail": { color: "var(--muted)", fontStyle: "normal" },
  ".cm-diagnostic": { padding: "0.375rem 0.75rem", fontFamily: "var(--font-sans, sans-serif)" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--color-error)" },
  ".cm-diagnostic-warning": { borderLeftColor: "var(--color-warning)" },
  ".cm-textfield": {
    backgroundColor: "var(--color-base-100)",
    border: "1px solid var(--line-strong)",
    borderRadius: "0.375rem",
    color: "inherit",
  },
  ".cm-button": { backgroundImage: "none", backgroundColor: "var(--hover)", border: "1px solid var(--line)", borderRadius: "0.375rem" },
});

const highlight = HighlightStyle.define([
  { tag: [tags.tagName, tags.angleBracket], color: "var(--color-primary)" },
  { tag: tags.attributeName, color: "var(--color-secondary)" },
  { tag: [tags.attributeValue, tags.string], color: "var(--color-success)" },
  { tag: [tags.comment, tags.meta], color: "var(--muted)", fontStyle: "italic" },
  { tag: [tags.keyword, tags.operatorKeyword, tags.controlKeyword], color: "var(--color-error)", fontWeight: "600" },
  { tag: [tags.variableName, tags.propertyName, tags.special(tags.variableName)], color: "var(--color-accent)" },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: "var(--color-info)" },
  { tag: [tags.brace, tags.punctuation, tags.operator, tags.processingInstruction], color: "var(--muted)" },
]);

export const editorLook: Extension = [theme, syntaxHighlighting(highlight)];
