/** Highlighting and completion for the sources an email is written in: Liquid over HTML, MJML or plain text. */

import type { Completion } from "@codemirror/autocomplete";
import { html, type TagSpec } from "@codemirror/lang-html";
import { liquid } from "@codemirror/lang-liquid";
import type { Extension } from "@codemirror/state";

import type { CodeProps } from "./index";

/** One thing that personalization knows, such as `contact.first_name`, with its name for people. */
export interface Variable {
  path: string;
  label: string;
}

const COMMON = ["padding", "padding-top", "padding-right", "padding-bottom", "padding-left", "css-class", "container-background-color"];
const TEXT = ["align", "color", "font-family", "font-size", "font-weight", "line-height", "letter-spacing", "text-transform", "height"];

const MJML_TAGS: Record<string, readonly string[]> = {
  "mj-accordion": ["border", "font-family", "icon-align"],
  "mj-all": [...TEXT, "background-color"],
  "mj-attributes": [],
  "mj-body": ["background-color", "width"],
  "mj-breakpoint": ["width"],
  "mj-button": [...TEXT, "href", "background-color", "border", "border-radius", "inner-padding", "target", "title", "width"],
  "mj-class": ["name"],
  "mj-column": ["width", "background-color", "border", "border-radius", "inner-background-color", "vertical-align"],
  "mj-divider": ["align", "border-color", "border-style", "border-width", "width"],
  "mj-font": ["name", "href"],
  "mj-group": ["width", "background-color", "direction", "vertical-align"],
  "mj-head": [],
  "mj-hero": ["mode", "height", "background-url", "background-color", "background-position", "vertical-align"],
  "mj-image": ["src", "alt", "href", "align", "border", "border-radius", "height", "width", "title", "fluid-on-mobile"],
  "mj-navbar": ["align", "base-url", "hamburger"],
  "mj-navbar-link": [...TEXT, "href"],
  "mj-preview": [],
  "mj-raw": [],
  "mj-section": ["background-color", "background-url", "background-size", "border", "border-radius", "direction", "full-width", "text-align"],
  "mj-social": ["align", "icon-size", "mode", "border-radius", "color"],
  "mj-social-element": ["name", "href", "src", "alt", "background-color", "icon-size"],
  "mj-spacer": ["height"],
  "mj-style": ["inline"],
  "mj-table": [...TEXT, "cellpadding", "cellspacing", "border", "width"],
  "mj-text": TEXT,
  "mj-title": [],
  "mj-wrapper": ["background-color", "background-url", "border", "border-radius", "full-width"],
  mjml: [],
};

export function makeLanguage(language: CodeProps["language"], variables: Variable[]): Extension {
  const completion = makeCompletion(variables);
  if (language === "mjml") return liquid({ ...completion, base: html({ extraTags: mjmlTags(), selfClosingTags: true }) });
  if (language === "html") return liquid({ ...completion, base: html() });
  return liquid(completion);
}

function mjmlTags(): Record<string, TagSpec> {
  const entries = Object.entries(MJML_TAGS).map(([tag, attributes]) => {
    const attrs = Object.fromEntries([...attributes, ...COMMON].map((name) => [name, null]));
    return [tag, { attrs, globalAttrs: false }];
  });
  return Object.fromEntries(entries);
}

function makeCompletion(variables: Variable[]) {
  return {
    variables: nextNames(variables, []),
    properties: (path: readonly string[]) => nextNames(variables, path),
  };
}

/** The names that may follow `path`: for ["contact"], every `x` of `contact.x`. */
function nextNames(variables: Variable[], path: readonly string[]): Completion[] {
  const names = new Map<string, Completion>();
  for (const variable of variables) {
    const parts = variable.path.split(".");
    const name = parts[path.length];
    if (name === undefined || !path.every((part, index) => parts[index] === part)) continue;
    const isLeaf = parts.length === path.length + 1;
    names.set(name, { label: name, type: isLeaf ? "variable" : "namespace", ...(isLeaf && { detail: variable.label }) });
  }
  return [...names.values()];
}
