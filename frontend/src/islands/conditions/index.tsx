/**
 * The island around the builder: `<div data-island="conditions" data-props="ID">` in an ordinary form. The hidden input
 * that `field` names always holds the JSON; its `input` and `change` events tell the page.
 */

import { createRoot } from "react-dom/client";

import type { Mount } from "../loader";
import { ConditionBuilder, type ConditionBuilderProps } from "./builder";
import type { Json } from "./model";

export { ConditionBuilder, type ConditionBuilderProps } from "./builder";

export interface ConditionsProps extends Omit<ConditionBuilderProps, "onChange"> {
  field?: string;
}

export const mount: Mount<ConditionsProps> = (element, props) => {
  const root = createRoot(element);
  const write = makeWriter();
  const draw = ({ field, ...rest }: ConditionsProps) => {
    root.render(<ConditionBuilder {...rest} onChange={(condition) => write(findInput(element, field), condition)} />);
  };
  draw(props);
  return { update: draw, destroy: () => root.unmount() };
};

function findInput(element: HTMLElement, field: string | undefined): HTMLInputElement | null {
  if (!field) return null;
  const selector = `input[name="${CSS.escape(field)}"], textarea[name="${CSS.escape(field)}"]`;
  return (element.closest("form") ?? document).querySelector<HTMLInputElement>(selector);
}

/** The untouched condition stays written as it came: otherwise the form would look changed before anybody changed it. */
function makeWriter(): (input: HTMLInputElement | null, condition: Json) => void {
  let first: { text: string; original: string } | null = null;
  return (input, condition) => {
    if (!input) return;
    const text = JSON.stringify(condition);
    const isStart = first === null;
    first ??= { text, original: input.value || text };
    const next = text === first.text ? first.original : text;
    if (input.value === next) return;
    input.value = next;
    if (isStart) return;
    input.dispatchEvent(new Event("input", { bubbles: true }));
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };
}
