/** Problems found by the server, as CodeMirror wants them. Lines and columns count from one. */

import type { Diagnostic } from "@codemirror/lint";
import type { Text } from "@codemirror/state";

export interface Problem {
  line: number;
  column: number;
  message: string;
  severity: "error" | "warning" | "info";
}

export function readProblems(id: string): Problem[] | null {
  const scripts = document.querySelectorAll(`script[data-diagnostics-for="${CSS.escape(id)}"]`);
  const last = scripts[scripts.length - 1];
  return last ? (JSON.parse(last.textContent || "[]") as Problem[]) : null;
}

export function findPosition(doc: Text, line: number, column: number): number {
  const place = doc.line(Math.min(Math.max(1, line || 1), doc.lines));
  return Math.min(place.from + Math.max(0, (column || 1) - 1), place.to);
}

export function toDiagnostics(doc: Text, problems: Problem[]): Diagnostic[] {
  return problems
    .map(({ line, column, message, severity }) => {
      const from = findPosition(doc, line, column);
      return { from, to: findEnd(doc, from), message, severity };
    })
    .sort((first, second) => first.from - second.from);
}

/** The word at the place, so that the underline is wide enough to see. */
function findEnd(doc: Text, from: number): number {
  const line = doc.lineAt(from);
  const rest = line.text.slice(from - line.from);
  const length = /^[^\s<>{}]+|^[<{]\S*/u.exec(rest)?.[0].length ?? 1;
  return Math.min(from + length, line.to);
}
