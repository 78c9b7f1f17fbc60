/** What a row can ask of the builder: an edit of the tree, where the focus goes then, and what is said. */

import { createContext, useContext, type PointerEvent } from "react";

import type { GapKey, Leaf } from "./leaves";
import type { GroupNode, Path } from "./model";

/** `first`: the first thing to fill in; `grip`: the handle of the row; `add`: the button that adds to the group. */
export interface FocusWish {
  id: number;
  part: "first" | "grip" | "add";
}

export interface Edits {
  apply(change: (root: GroupNode) => GroupNode, options?: { tag?: string; said?: string; focus?: FocusWish }): void;
  addLeaf(group: Path, leaf: Leaf): void;
  addGroup(group: Path): void;
  remove(path: Path): void;
  duplicate(path: Path): void;
  move(path: Path, by: "up" | "down" | "out" | "in"): void;
  wrap(path: Path): void;
  unwrap(path: Path): void;
  startDrag(event: PointerEvent, id: number): void;
  gaps: ReadonlyMap<number, GapKey | "empty_group">;
  faults: ReadonlyMap<number, string[]>;
  /** Where a dragged row would land: an index in the group with this id. */
  slot: { group: number; index: number } | null;
  dragged: number | null;
}

export const EditsContext = createContext<Edits | null>(null);

export function useEdits(): Edits {
  return useContext(EditsContext)!;
}
