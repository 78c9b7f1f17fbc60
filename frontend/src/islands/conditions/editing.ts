/** What rows ask for, done on the tree as it is when they ask. */

import { useRef, useState } from "react";

import { nameLeaf, type Catalog } from "./catalog";
import type { EditOptions, Edits, FocusWish } from "./edits";
import {
  duplicateNode,
  findPath,
  getNode,
  insertNode,
  makeGroup,
  makeLeaf,
  moveDown,
  moveIn,
  moveNode,
  moveOut,
  moveUp,
  removeNode,
  unwrapNode,
  wrapNode,
  type GroupNode,
  type Node,
  type Path,
} from "./model";
import type { Say } from "./strings";

/** What the builder is now. */
export interface Workplace {
  root: GroupNode;
  catalog: Catalog;
  say: Say;
  announce(text: string): void;
  apply(next: GroupNode, options: EditOptions): void;
  startDrag: Edits["startDrag"];
}

/** One object for good, which works on the latest state. */
export function useLatestEdits(place: Workplace): Edits {
  const latest = useRef(place);
  latest.current = place;
  const [edits] = useState(() => makeEdits(() => latest.current));
  return edits;
}

const MOVES = { up: moveUp, down: moveDown, out: moveOut, in: moveIn };

function makeEdits(now: () => Workplace): Edits {
  const nameOf = (node: Node | undefined) => {
    const { catalog, say } = now();
    return node?.type === "leaf" ? nameLeaf(node.leaf, catalog, say) : say("group.label");
  };
  const act = (id: number, run: (root: GroupNode, path: Path, place: Workplace) => void) => {
    const { root } = now();
    const path = findPath(root, id);
    if (path) run(root, path, now());
  };
  const add = (group: number, node: Node, part: FocusWish["part"]) =>
    act(group, (root, path, { apply, say }) => {
      const parent = getNode(root, path) as GroupNode;
      apply(insertNode(root, [...path, parent.members.length], node), { said: say("said.added", { name: nameOf(node) }), focus: { id: node.id, part } });
    });
  const move = (id: number, by: (root: GroupNode, path: Path) => GroupNode) =>
    act(id, (root, path, { apply, announce, say }) => {
      const next = by(root, path);
      if (next === root) announce(say("said.not_moved"));
      else apply(next, { said: sayPlace(next, id, say), focus: { id, part: "grip" } });
    });
  return {
    change: (id, edit, options = {}) => act(id, (root, path, { apply }) => apply(edit(root, path), options)),
    addLeaf: (group, leaf) => add(group, makeLeaf(leaf), "first"),
    addGroup: (group) =>
      act(group, (root, path) => {
        const parent = getNode(root, path) as GroupNode;
        add(group, makeGroup([], parent.match === "all" ? "any" : "all"), "add");
      }),
    remove: (id) =>
      act(id, (root, path, { apply, say }) => {
        const next = removeNode(root, path);
        apply(next, { said: say("said.removed", { name: nameOf(getNode(root, path)) }), focus: findNeighbor(next, path) });
      }),
    duplicate: (id) =>
      act(id, (root, path, { apply, say }) => {
        const next = duplicateNode(root, path);
        const copy = getNode(next, [...path.slice(0, -1), path.at(-1)! + 1]);
        apply(next, { said: say("said.duplicated", { name: nameOf(copy) }), focus: copy && { id: copy.id, part: "grip" } });
      }),
    move: (id, by) => move(id, MOVES[by]),
    drop: (id, target) => move(id, (root, path) => moveNode(root, path, target)),
    wrap: (id) =>
      act(id, (root, path, { apply, announce, say }) => {
        const next = wrapNode(root, path);
        if (next === root) announce(say("said.not_moved"));
        else apply(next, { said: say("said.wrapped"), focus: { id, part: "grip" } });
      }),
    unwrap: (id) =>
      act(id, (root, path, { apply, say }) => {
        const next = unwrapNode(root, path);
        apply(next, { said: say("said.unwrapped"), focus: findNeighbor(next, path) });
      }),
    startDrag: (event, id) => now().startDrag(event, id),
  };
}

/** After something is gone: what took its place, else what is before it, else the button that adds. */
function findNeighbor(root: GroupNode, path: Path): FocusWish {
  const parent = getNode(root, path.slice(0, -1));
  if (parent?.type !== "group") return { id: root.id, part: "add" };
  const neighbor = parent.members[path.at(-1)!] ?? parent.members.at(-1);
  return neighbor ? { id: neighbor.id, part: "grip" } : { id: parent.id, part: "add" };
}

function sayPlace(root: GroupNode, id: number, say: Say): string {
  const path = findPath(root, id) ?? [];
  const parent = getNode(root, path.slice(0, -1));
  return say("said.moved", { place: (path.at(-1) ?? 0) + 1, count: parent?.type === "group" ? parent.members.length : 1 });
}
