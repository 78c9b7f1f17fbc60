/** What a row can ask of the builder: an edit of the tree, where the focus goes then, and what is said. */

import { createContext, useContext, type PointerEvent } from "react";

import type { GapKey, Leaf } from "./leaves";
import type { GroupNode, Path } from "./model";

/**
 * `first`: the first thing to fill in; `grip`: the handle of the row; `add`: the button that adds to the group; `lost`:
 * that button, but only when what had the focus is gone.
 */
export interface FocusWish {
  id: number;
  part: "first" | "grip" | "add" | "lost";
}

export interface EditOptions {
  /** Changes with the same tag in a row are one step to undo. */
  tag?: string;
  said?: string;
  focus?: FocusWish | undefined;
}

/** Nodes are named by id: rows need not be drawn again because their place changed. The object stays the same. */
export interface Edits {
  change(id: number, edit: (root: GroupNode, path: Path) => GroupNode, options?: EditOptions): void;
  addLeaf(group: number, leaf: Leaf): void;
  addGroup(group: number): void;
  remove(id: number): void;
  duplicate(id: number): void;
  move(id: number, by: "up" | "down" | "out" | "in"): void;
  /** Before what stands at `target` now. */
  drop(id: number, target: Path): void;
  wrap(id: number): void;
  unwrap(id: number): void;
  startDrag(event: PointerEvent, id: number): void;
}

export const EditsContext = createContext<Edits | null>(null);

export function useEdits(): Edits {
  return useContext(EditsContext)!;
}

/** What is marked in the tree; changes while one types and drags. */
export interface Marks {
  gaps: ReadonlyMap<number, GapKey | "empty_group">;
  faults: ReadonlyMap<number, string[]>;
  notes: ReadonlyMap<number, string[]>;
  /** Where a dragged row would land: an index in the group with this id. */
  slot: { group: number; index: number } | null;
  dragged: number | null;
}

export const MarksContext = createContext<Marks | null>(null);

export function useMarks(): Marks {
  return useContext(MarksContext)!;
}
