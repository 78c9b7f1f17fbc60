/**
 * The island around the builder: `<div data-island="conditions" data-props="ID">` in an ordinary form. The hidden input
 * that `field` names always holds the JSON; its `input` and `change` events tell the page.
 */

import { createRoot } from "react-dom/client";

import type { Mount } from "../loader";
import { ConditionBuilder, type ConditionBuilderProps } from "./builder";
import { parseTree, type Json } from "./model";

export { ConditionBuilder, type ConditionBuilderProps } from "./builder";

export interface ConditionsProps extends Omit<ConditionBuilderProps, "onChange"> {
  field?: string;
}

export const mount: Mount<ConditionsProps> = (element, props) => {
  const root = createRoot(element);
  const write = makeWriter();
  const draw = ({ field, ...rest }: ConditionsProps) => {
    root.render(<ConditionBuilder {...rest} onChange={(condition, { text }) => write(findInput(element, field), condition, text)} />);
  };
  draw({ ...props, ...readInput(findInput(element, props.field)) });
  return { update: draw, destroy: () => root.unmount() };
};

function findInput(element: HTMLElement, field: string | undefined): HTMLInputElement | null {
  if (!field) return null;
  const selector = `input[name="${CSS.escape(field)}"], textarea[name="${CSS.escape(field)}"]`;
  return (element.closest("form") ?? document).querySelector<HTMLInputElement>(selector);
}

/** A form that came back with errors holds what was written into it, not what is saved. */
function readInput(input: HTMLInputElement | null): Partial<ConditionsProps> {
  const text = input?.value.trim();
  if (!text) return {};
  try {
    const condition = JSON.parse(text) as Json;
    parseTree(condition);
    return { condition };
  } catch {
    return { text };
  }
}

/** The untouched condition stays written as it came: otherwise the form would look changed before anybody changed it. */
function makeWriter(): (input: HTMLInputElement | null, condition: Json, text?: string) => void {
  let first: { json: string; original: string } | null = null;
  return (input, condition, text) => {
    if (!input) return;
    const json = JSON.stringify(condition);
    const isStart = first === null;
    first ??= { json, original: input.value || json };
    const next = text ?? (json === first.json ? first.original : json);
    if (input.value === next) return;
    input.value = next;
    if (isStart) return;
    input.dispatchEvent(new Event("input", { bubbles: true }));
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };
}
