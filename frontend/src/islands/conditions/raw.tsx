/** The condition as text, for experts. What is typed stays as typed, valid or not. */

import { useEffect, useRef } from "react";

import { useSurroundings } from "./context";
import { MAX_DEPTH, parseTree, ShapeFault, type GroupNode } from "./model";
import type { Say } from "./strings";

export type ReadText = { root: GroupNode; fault: "" } | { root: null; fault: string };

export function readText(text: string, say: Say): ReadText {
  try {
    return { root: parseTree(JSON.parse(text)), fault: "" };
  } catch (error) {
    if (error instanceof ShapeFault) return { root: null, fault: say(`raw.${error.code}`, { path: error.path, depth: MAX_DEPTH }) };
    return { root: null, fault: say("raw.invalid", { reason: error instanceof Error ? error.message : "" }) };
  }
}

export function RawView({ text, fault, notes, onType, onTidy }: { text: string; fault: string; notes: readonly string[]; onType(text: string): void; onTidy(): void }) {
  const { say, readonly } = useSurroundings();
  const area = useRef<HTMLTextAreaElement>(null);
  // A form is not sent with text that would be lost.
  useEffect(() => area.current?.setCustomValidity(fault), [fault]);
  const problems = fault ? [fault] : notes;
  return (
    <div className="cb-raw" data-keys="own">
      <textarea
        ref={area}
        className="textarea"
        aria-label={say("raw.label")}
        aria-invalid={fault ? true : undefined}
        aria-describedby="cb-raw-notes"
        spellCheck={false}
        autoCapitalize="off"
        autoComplete="off"
        readOnly={readonly}
        rows={16}
        value={text}
        onChange={(event) => onType(event.target.value)}
      />
      <div id="cb-raw-notes" className="cb-raw-foot">
        {problems.length ? (
          problems.map((problem) => (
            <p key={problem} className="cb-fault" role={fault ? "status" : undefined}>
              {problem}
            </p>
          ))
        ) : (
          <p className="cb-note">{say("raw.help")}</p>
        )}
        {!readonly && (
          <button type="button" className="btn btn-sm" disabled={!!fault} onClick={onTidy}>
            {say("raw.format")}
          </button>
        )}
      </div>
    </div>
  );
}
