/** Moving rows with a mouse, a pen or a finger: the place nearest to the pointer is marked, and taken on release. */

import { useEffect, useRef, useState, type PointerEvent as ReactPointerEvent, type RefObject } from "react";

import { findPath, getNode, MAX_DEPTH, measureDepth, measureLevel, type GroupNode, type Node, type Path } from "./model";

export interface Slot {
  group: number;
  index: number;
  path: Path;
}

interface Drag {
  id: number;
  slot: Slot | null;
}

const START_PX = 4;
const EDGE_PX = 56;
const SCROLL_PX = 14;

export function useDragging(frame: RefObject<HTMLElement | null>, root: GroupNode, onDrop: (id: number, target: Path) => void) {
  const [drag, setDrag] = useState<Drag | null>(null);
  const latest = useRef({ root, onDrop });
  latest.current = { root, onDrop };
  const stop = useRef<(() => void) | null>(null);
  useEffect(() => () => stop.current?.(), []);

  const start = (event: ReactPointerEvent, id: number) => {
    if (event.button !== 0) return;
    const origin = { x: event.clientX, y: event.clientY };
    let current: Drag | null = null;
    let ghost: HTMLElement | null = null;
    const move = (moved: PointerEvent) => {
      if (!current && Math.hypot(moved.clientX - origin.x, moved.clientY - origin.y) < START_PX) return;
      moved.preventDefault();
      ghost ??= makeGhost(frame.current, id);
      ghost?.style.setProperty("transform", `translate(${moved.clientX + 12}px, ${moved.clientY + 8}px)`);
      scrollNear(moved.clientY);
      current = { id, slot: findSlot(frame.current, latest.current.root, id, moved.clientX, moved.clientY) };
      setDrag(current);
    };
    const end = (isDropped: boolean) => {
      stop.current?.();
      if (isDropped && current?.slot) latest.current.onDrop(id, current.slot.path);
    };
    const up = () => end(true);
    const cancel = () => end(false);
    const key = (pressed: KeyboardEvent) => {
      if (pressed.key !== "Escape") return;
      pressed.preventDefault();
      end(false);
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", up);
    window.addEventListener("pointercancel", cancel);
    window.addEventListener("keydown", key, true);
    stop.current = () => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", up);
      window.removeEventListener("pointercancel", cancel);
      window.removeEventListener("keydown", key, true);
      ghost?.remove();
      stop.current = null;
      setDrag(null);
    };
  };
  return { drag, start };
}

/** What follows the pointer: the name of the row. */
function makeGhost(frame: HTMLElement | null, id: number): HTMLElement | null {
  const row = frame?.querySelector(`[data-node="${id}"]`);
  const name = row?.querySelector(".cb-subject, .cb-match");
  if (!frame || !row || !name) return null;
  const ghost = document.createElement("div");
  ghost.className = "cb-ghost";
  ghost.setAttribute("aria-hidden", "true");
  ghost.textContent = name instanceof HTMLSelectElement ? (name.selectedOptions[0]?.text ?? "") : name.textContent;
  frame.append(ghost);
  return ghost;
}

function scrollNear(y: number): void {
  if (y < EDGE_PX) window.scrollBy(0, -SCROLL_PX);
  else if (y > window.innerHeight - EDGE_PX) window.scrollBy(0, SCROLL_PX);
}

function findSlot(frame: HTMLElement | null, root: GroupNode, id: number, x: number, y: number): Slot | null {
  const from = findPath(root, id);
  const node = from && getNode(root, from);
  if (!frame || !from || !node) return null;
  let best: { slot: Slot; cost: number } | null = null;
  for (const { slot, left, top } of listSlots(frame, root, { group: root, path: [], id, room: MAX_DEPTH - measureDepth(node) })) {
    // Up and down decides; left and right only between levels that end at the same height.
    const cost = Math.abs(top - y) + Math.abs(left - x) * 0.25;
    if (!best || cost < best.cost) best = { slot, cost };
  }
  return best && !isWhereItWas(best.slot.path, from) ? best.slot : null;
}

function isWhereItWas(target: Path, from: Path): boolean {
  const [index, own] = [target.at(-1)!, from.at(-1)!];
  const isSameGroup = target.length === from.length && target.slice(0, -1).every((one, level) => one === from[level]);
  return isSameGroup && (index === own || index === own + 1);
}

interface Search {
  group: GroupNode;
  path: Path;
  id: number;
  /** How many levels there may be above what is moved. */
  room: number;
}

function* listSlots(frame: HTMLElement, root: GroupNode, { group, path, id, room }: Search): Generator<{ slot: Slot; left: number; top: number }> {
  const list = frame.querySelector(`[data-list="${group.id}"]`);
  if (!list) return;
  const box = list.getBoundingClientRect();
  const fits = measureLevel(root, path) <= room;
  const rows = [...list.children].filter((child): child is HTMLElement => child instanceof HTMLElement && !!child.dataset["node"]);
  for (const [index, member] of group.members.entries()) {
    const place = rows[index]?.getBoundingClientRect();
    if (place && fits) yield { slot: { group: group.id, index, path: [...path, index] }, left: box.left, top: place.top };
    if (isOpen(member, id)) yield* listSlots(frame, root, { group: member, path: [...path, index], id, room });
  }
  const last = rows.at(-1)?.getBoundingClientRect();
  const top = last ? last.bottom : box.top + box.height / 2;
  if (fits) yield { slot: { group: group.id, index: group.members.length, path: [...path, group.members.length] }, left: box.left, top };
}

function isOpen(node: Node, dragged: number): node is GroupNode {
  return node.type === "group" && node.id !== dragged;
}
