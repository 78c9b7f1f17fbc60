/**
 * The condition as a tree to edit: pure functions from tree to tree, addressed by paths of indexes from the root group.
 *
 * `{"not": …}` becomes a mark on the node it holds, so that "none of these" is one group. Every node keeps its id through
 * all edits; React's keys and the focus follow it.
 */

import { findGap, hasOwnNot, type GapKey, type Leaf } from "./leaves";

export const MAX_DEPTH = 10;

export interface LeafNode {
  type: "leaf";
  id: number;
  negated: boolean;
  leaf: Leaf;
}
export interface GroupNode {
  type: "group";
  id: number;
  negated: boolean;
  match: "all" | "any";
  members: Node[];
}
export type Node = LeafNode | GroupNode;
export type Path = readonly number[];
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

let lastId = 0;
const newId = () => ++lastId;

export function makeLeaf(leaf: Leaf): LeafNode {
  return { type: "leaf", id: newId(), negated: false, leaf };
}

export function makeGroup(members: Node[] = [], match: "all" | "any" = "all"): GroupNode {
  return { type: "group", id: newId(), negated: false, match, members };
}

// JSON

/** Something in the document is neither a group nor a condition; `path` as in the server's faults. */
export class ShapeFault extends Error {
  constructor(
    readonly code: "shape" | "deep",
    readonly path: string,
  ) {
    super(`${code} at ${path}`);
  }
}

/** The root is always a group: a lone condition is put into one. */
export function parseTree(document: unknown): GroupNode {
  if (isObject(document) && Object.keys(document).length === 0) return makeGroup();
  const node = parseNode(document, "", 1);
  return node.type === "group" ? node : makeGroup([node]);
}

function parseNode(document: unknown, path: string, level: number): Node {
  if (!isObject(document)) throw new ShapeFault("shape", path || "/");
  if (typeof document["kind"] === "string") return makeLeaf(document as Leaf);
  const keys = Object.keys(document);
  if (keys.length !== 1) throw new ShapeFault("shape", path || "/");
  if (level > MAX_DEPTH) throw new ShapeFault("deep", path || "/");
  if (keys[0] === "not") {
    const member = parseNode(document["not"], `${path}/not`, level + 1);
    return { ...member, negated: !member.negated };
  }
  const match = keys[0];
  const members = document[match ?? ""];
  if ((match !== "all" && match !== "any") || !Array.isArray(members)) throw new ShapeFault("shape", path || "/");
  return makeGroup(
    members.map((member, index) => parseNode(member, `${path}/${match}/${index}`, level + 1)),
    match,
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function printTree(node: Node): Json {
  const bare: Json = node.type === "leaf" ? (node.leaf as Json) : { [node.match]: node.members.map(printTree) };
  return node.negated ? { not: bare } : bare;
}

export interface PlacedFault {
  path: string;
  text: string;
}

/** The server's faults by the id of the node each is in; under 0 those that are nowhere. */
export function placeFaults(root: GroupNode, faults: readonly PlacedFault[]): Map<number, string[]> {
  const places = listPlaces(root, "");
  const placed = new Map<number, string[]>();
  for (const { path, text } of faults) {
    const inside = places.filter(({ pointer }) => path === pointer || path.startsWith(`${pointer}/`));
    const id = path === "" ? 0 : (inside.sort((one, other) => other.pointer.length - one.pointer.length)[0]?.id ?? 0);
    placed.set(id, [...(placed.get(id) ?? []), text]);
  }
  return placed;
}

function listPlaces(node: Node, pointer: string): { id: number; pointer: string }[] {
  const own = node.negated ? `${pointer}/not` : pointer;
  const places = [{ id: node.id, pointer }];
  if (node.type === "leaf") return places;
  return [...places, ...node.members.flatMap((member, index) => listPlaces(member, `${own}/${node.match}/${index}`))];
}

// Looking

export function getNode(root: GroupNode, path: Path): Node | undefined {
  let node: Node | undefined = root;
  for (const index of path) node = node?.type === "group" ? node.members[index] : undefined;
  return node;
}

export function findPath(node: Node, id: number): Path | null {
  if (node.id === id) return [];
  if (node.type === "leaf") return null;
  for (const [index, member] of node.members.entries()) {
    const path = findPath(member, id);
    if (path) return [index, ...path];
  }
  return null;
}

/** Levels of groups and negations in the node; a leaf has none. */
export function measureDepth(node: Node): number {
  const own = node.negated ? 1 : 0;
  return node.type === "leaf" ? own : own + 1 + Math.max(0, ...node.members.map(measureDepth));
}

/** Levels down to the group and with it. */
export function measureLevel(root: GroupNode, path: Path): number {
  let level = 0;
  for (let length = 0; length <= path.length; length += 1) {
    const node = getNode(root, path.slice(0, length));
    level += (node?.type === "group" ? 1 : 0) + (node?.negated ? 1 : 0);
  }
  return level;
}

export function countLeaves(node: Node): number {
  return node.type === "leaf" ? 1 : node.members.reduce((sum, member) => sum + countLeaves(member), 0);
}

/** What is not filled in, by the id of the node. */
export function findGaps(root: GroupNode): Map<number, GapKey | "empty_group"> {
  const gaps = new Map<number, GapKey | "empty_group">();
  const visit = (node: Node): void => {
    if (node.type === "group") {
      if (node !== root && node.members.length === 0) gaps.set(node.id, "empty_group");
      return node.members.forEach(visit);
    }
    const gap = findGap(node.leaf);
    if (gap) gaps.set(node.id, gap);
  };
  visit(root);
  return gaps;
}

// Edits. Where one is not possible the same tree comes back.

export function changeNode<Kind extends Node>(root: GroupNode, path: Path, change: (node: Kind) => Node): GroupNode {
  return rebuild(root, path, (node) => change(node as Kind)) as GroupNode;
}

function rebuild(node: Node, path: Path, change: (node: Node) => Node): Node {
  const [index, ...rest] = path;
  if (index === undefined) return change(node);
  const member = node.type === "group" ? node.members[index] : undefined;
  if (node.type !== "group" || !member) return node;
  return { ...node, members: node.members.with(index, rebuild(member, rest, change)) };
}

export function setLeaf(root: GroupNode, path: Path, leaf: Leaf): GroupNode {
  return changeNode<LeafNode>(root, path, (node) => ({ ...node, leaf }));
}

/** Some leaves can say "is not" themselves. */
export function negate(root: GroupNode, path: Path): GroupNode {
  const turned = changeNode(root, path, (node) => {
    if (node.type === "leaf" && !node.negated && hasOwnNot(node.leaf)) return { ...node, leaf: { ...node.leaf, not: !node.leaf.not } };
    return { ...node, negated: !node.negated };
  });
  return keepLevels(root, turned);
}

/** The edited tree, unless the language cannot hold it. */
function keepLevels(root: GroupNode, edited: GroupNode): GroupNode {
  return measureDepth(edited) > Math.max(MAX_DEPTH, measureDepth(root)) ? root : edited;
}

export function setMatch(root: GroupNode, path: Path, match: "all" | "any", negated: boolean): GroupNode {
  return keepLevels(root, changeNode<GroupNode>(root, path, (node) => ({ ...node, match, negated })));
}

/** Puts the node so that its path is `path`. */
export function insertNode(root: GroupNode, path: Path, node: Node): GroupNode {
  const index = path.at(-1);
  const parent = getNode(root, path.slice(0, -1));
  if (index === undefined || parent?.type !== "group") return root;
  if (measureLevel(root, path.slice(0, -1)) + measureDepth(node) > MAX_DEPTH) return root;
  return changeNode<GroupNode>(root, path.slice(0, -1), (group) => ({ ...group, members: group.members.toSpliced(index, 0, node) }));
}

export function removeNode(root: GroupNode, path: Path): GroupNode {
  const index = path.at(-1);
  if (index === undefined) return root;
  const left = changeNode<GroupNode>(root, path.slice(0, -1), (group) => ({ ...group, members: group.members.toSpliced(index, 1) }));
  // Nothing asked is everybody, whatever the last condition was joined by.
  return left.members.length ? left : { ...left, match: "all", negated: false };
}

export function duplicateNode(root: GroupNode, path: Path): GroupNode {
  const node = getNode(root, path);
  const index = path.at(-1);
  if (!node || index === undefined) return root;
  return insertNode(root, [...path.slice(0, -1), index + 1], copyNode(node));
}

function copyNode(node: Node): Node {
  if (node.type === "leaf") return { ...node, id: newId(), leaf: structuredClone(node.leaf) };
  return { ...node, id: newId(), members: node.members.map(copyNode) };
}

/** Takes the node out and puts it before what stands at `target` now (or at the end of that group). */
export function moveNode(root: GroupNode, from: Path, target: Path): GroupNode {
  const node = getNode(root, from);
  const to = shiftPath(from, target);
  if (!node || !from.length || !to) return root;
  const without = cut(root, from);
  const moved = insertNode(without, to, node);
  return moved === without || isSamePath(from, to) ? root : moved;
}

function cut(root: GroupNode, path: Path): GroupNode {
  const index = path.at(-1)!;
  return changeNode<GroupNode>(root, path.slice(0, -1), (group) => ({ ...group, members: group.members.toSpliced(index, 1) }));
}

/** What `target` is called once the node at `from` is gone; null inside that node. */
function shiftPath(from: Path, target: Path): Path | null {
  const level = from.length - 1;
  if (target.length < from.length || !isSamePath(from.slice(0, level), target.slice(0, level))) return target;
  if (target[level] === from[level] && target.length > from.length) return null;
  return target[level]! > from[level]! ? target.with(level, target[level]! - 1) : target;
}

function isSamePath(one: Path, other: Path): boolean {
  return one.length === other.length && one.every((index, level) => index === other[level]);
}

export function moveUp(root: GroupNode, path: Path): GroupNode {
  const index = path.at(-1);
  return index ? moveNode(root, path, [...path.slice(0, -1), index - 1]) : root;
}

export function moveDown(root: GroupNode, path: Path): GroupNode {
  const index = path.at(-1);
  const parent = getNode(root, path.slice(0, -1));
  if (index === undefined || parent?.type !== "group" || index >= parent.members.length - 1) return root;
  return moveNode(root, path, [...path.slice(0, -1), index + 2]);
}

/** Behind the group it is in. */
export function moveOut(root: GroupNode, path: Path): GroupNode {
  const parent = path.at(-2);
  return parent === undefined ? root : moveNode(root, path, [...path.slice(0, -2), parent + 1]);
}

/** Into the group after it, else to the end of the group before it. */
export function moveIn(root: GroupNode, path: Path): GroupNode {
  const index = path.at(-1);
  if (index === undefined) return root;
  const siblings = path.slice(0, -1);
  const next = getNode(root, [...siblings, index + 1]);
  if (next?.type === "group") return moveNode(root, path, [...siblings, index + 1, 0]);
  const before = index > 0 ? getNode(root, [...siblings, index - 1]) : undefined;
  if (before?.type === "group") return moveNode(root, path, [...siblings, index - 1, before.members.length]);
  return root;
}

export function wrapNode(root: GroupNode, path: Path): GroupNode {
  const node = getNode(root, path);
  if (!node || !path.length) return root;
  const parent = getNode(root, path.slice(0, -1)) as GroupNode;
  return keepLevels(root, changeNode(root, path, (inner) => makeGroup([inner], parent.match === "all" ? "any" : "all")));
}

/** The group's members take its place. What it was joined by is lost; so is "none of". */
export function unwrapNode(root: GroupNode, path: Path): GroupNode {
  const group = getNode(root, path);
  const index = path.at(-1);
  if (group?.type !== "group" || index === undefined) return root;
  return changeNode<GroupNode>(root, path.slice(0, -1), (parent) => ({
    ...parent,
    members: parent.members.toSpliced(index, 1, ...group.members),
  }));
}

// Undo

export interface History {
  past: readonly GroupNode[];
  present: GroupNode;
  future: readonly GroupNode[];
  /** Changes with the same tag in a row are one step: a word typed, not its letters. */
  tag: string;
}

const MAX_STEPS = 200;

export function startHistory(present: GroupNode): History {
  return { past: [], present, future: [], tag: "" };
}

export function commit(history: History, present: GroupNode, tag = ""): History {
  if (present === history.present) return history;
  const past = tag && tag === history.tag ? history.past : [...history.past, history.present].slice(-MAX_STEPS);
  return { past, present, future: [], tag };
}

export function undo({ past, present, future }: History): History {
  const before = past.at(-1);
  return before ? { past: past.slice(0, -1), present: before, future: [present, ...future], tag: "" } : { past, present, future, tag: "" };
}

export function redo({ past, present, future }: History): History {
  const after = future[0];
  return after ? { past: [...past, present], present: after, future: future.slice(1), tag: "" } : { past, present, future, tag: "" };
}
