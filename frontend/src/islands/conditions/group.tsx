/** Groups and rows: the tree as one sees it. */

import { memo, type KeyboardEvent, type ReactNode } from "react";

import { nameLeaf, pickHue, pickIcon } from "./catalog";
import { useSurroundings } from "./context";
import { useEdits, useMarks, type EditOptions, type Edits } from "./edits";
import { ActivityEditor, EventEditor, RandomEditor, ScoreEditor } from "./editors/behavior";
import { AddressEditor, AttributeEditor, FieldEditor, SegmentEditor, SourceEditor, StandingEditor, TagEditor, TopicEditor } from "./editors/profile";
import { Icon } from "./icons";
import { Select } from "./inputs/basic";
import { isKnown, type Leaf } from "./leaves";
import { ActMenu, LeafFinder, type Act } from "./menus";
import { MAX_DEPTH, measureDepth, negate, setLeaf, setMatch, type GroupNode, type LeafNode, type Node } from "./model";
import type { Say } from "./strings";

const MATCHES = {
  all: { match: "all", negated: false },
  any: { match: "any", negated: false },
  none: { match: "any", negated: true },
  not_all: { match: "all", negated: true },
} as const;
type MatchName = keyof typeof MATCHES;

function nameMatch({ match, negated }: GroupNode): MatchName {
  if (match === "all") return negated ? "not_all" : "all";
  return negated ? "none" : "any";
}

const JOINS = { all: "group.and", not_all: "group.and", any: "group.or", none: "group.nor" } as const;

interface GroupProps {
  group: GroupNode;
  /** Levels of groups around it. */
  above?: number;
  /** Its place in words, such as 2.1; the root has none. */
  position?: string;
}

export function GroupView({ group, above = 0, position = "" }: GroupProps) {
  const { say, readonly } = useSurroundings();
  const edits = useEdits();
  const match = nameMatch(group);
  const isRoot = !position;
  const level = above + 1 + (group.negated ? 1 : 0);
  const isBare = isRoot && group.members.length === 0 && !group.negated;
  const name = `${say("group.label")}${position && ` ${position}`}`;
  const choose = (next: MatchName) => edits.change(group.id, (root, path) => setMatch(root, path, MATCHES[next].match, MATCHES[next].negated));
  return (
    <section className={`cb-group cb-${match} ${isRoot ? "cb-root" : ""}`} aria-label={isRoot ? say("builder.label") : name}>
      {!isBare && (
        <div className="cb-group-head">
          {!isRoot && <Grip id={group.id} name={name} />}
          {isRoot && <span className="cb-group-who">{say("group.who")}</span>}
          <Select
            label={say("group.match")}
            value={match}
            choices={(Object.keys(MATCHES) as MatchName[]).map((one) => ({ value: one, text: say(`group.${one}`) }))}
            className="cb-match"
            onChange={(next) => choose(next as MatchName)}
          />
          {!isRoot && !readonly && <RowActs node={group} position={position} name={name} above={above} />}
        </div>
      )}
      <Hints id={group.id} />
      <ul className="cb-members" data-list={group.id}>
        {group.members.map((member, index) => (
          <Member key={member.id} id={member.id} group={group.id} index={index} join={index ? say(JOINS[match]) : ""}>
            <NodeView node={member} above={level} position={`${position && `${position}.`}${index + 1}`} />
          </Member>
        ))}
        {group.members.length === 0 && (isRoot || readonly) && <li className="cb-nothing">{isRoot ? <Everybody /> : say("group.empty")}</li>}
        {group.members.length > 0 && <EndSlot group={group.id} index={group.members.length} />}
      </ul>
      {!readonly && <Adders group={group} isRoot={isRoot} level={level} />}
    </section>
  );
}

function Member({ id, group, index, join, children }: { id: number; group: number; index: number; join: string; children: ReactNode }) {
  const edits = useEdits();
  const { slot, dragged } = useMarks();
  return (
    <li className={`cb-member ${dragged === id ? "cb-dragged" : ""}`} data-node={id} onKeyDown={(event) => handleKey(event, id, edits)}>
      {isSlot(slot, group, index) && <span className="cb-slot" />}
      {join && <span className="cb-join">{join}</span>}
      {children}
    </li>
  );
}

function EndSlot({ group, index }: { group: number; index: number }) {
  const { slot } = useMarks();
  return isSlot(slot, group, index) && <li className="cb-slot-end" aria-hidden="true" />;
}

function isSlot(slot: { group: number; index: number } | null, group: number, index: number): boolean {
  return slot?.group === group && slot.index === index;
}

function Everybody() {
  const { say, readonly } = useSurroundings();
  if (readonly) return <p className="cb-everybody">{say("empty.readonly")}</p>;
  return (
    <div className="cb-everybody">
      <span className="icon-tile tone-primary">
        <Icon name="users" size={18} />
      </span>
      <p>
        <strong>{say("empty.title")}</strong> {say("empty.text")}
      </p>
    </div>
  );
}

const IDEAS: [key: "idea.opened" | "idea.asleep" | "idea.new" | "idea.engaged", icon: string, make: () => Leaf][] = [
  ["idea.opened", "mail-opened", () => ({ kind: "activity", act: "opened", period: { last_days: 30 } })],
  ["idea.asleep", "clock", () => ({ kind: "activity", act: "opened", times: { op: "equals", n: 0 }, period: { last_days: 90 } })],
  ["idea.new", "calendar", () => ({ kind: "field", field: "created", op: "after", value: { days: -7 } })],
  ["idea.engaged", "sparkles", () => ({ kind: "engagement", op: "at_least", value: 60 })],
];

function Adders({ group, isRoot, level }: { group: GroupNode; isRoot: boolean; level: number }) {
  const { say } = useSurroundings();
  const edits = useEdits();
  const isFirst = isRoot && group.members.length === 0;
  return (
    <div className="cb-adders" data-adders={group.id}>
      <LeafFinder className={isFirst ? "btn btn-sm cb-add-first" : "cb-add"} part="add" onPick={(leaf) => edits.addLeaf(group.id, leaf)}>
        <Icon name="plus" size={15} />
        {say("act.add")}
      </LeafFinder>
      {level < MAX_DEPTH ? (
        <button type="button" className={isFirst ? "btn btn-sm" : "cb-add cb-add-quiet"} onClick={() => edits.addGroup(group.id)}>
          <Icon name="layout-grid" size={15} />
          {say("act.add_group")}
        </button>
      ) : (
        <span className="cb-note">{say("group.too_deep", { depth: MAX_DEPTH })}</span>
      )}
      {isFirst && (
        <div className="cb-ideas" role="group" aria-label={say("empty.ideas")}>
          <span className="cb-note">{say("empty.ideas")}</span>
          {IDEAS.map(([key, icon, make]) => (
            <button key={key} type="button" className="cb-idea" onClick={() => edits.addLeaf(group.id, make())}>
              <Icon name={icon} size={14} />
              {say(key)}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}

interface NodeProps<Kind extends Node> {
  node: Kind;
  above: number;
  position: string;
}

/** Hundreds of rows are not drawn again for a letter typed in one. */
const NodeView = memo(function NodeView({ node, ...rest }: NodeProps<Node>) {
  return node.type === "group" ? <GroupView group={node} {...rest} /> : <RowView node={node} {...rest} />;
});

function RowView({ node, above, position }: NodeProps<LeafNode>) {
  const { catalog, say, readonly } = useSurroundings();
  const edits = useEdits();
  const { leaf, id } = node;
  const name = nameLeaf(leaf, catalog, say);
  const set = (next: Leaf, options: EditOptions) => edits.change(id, (root, path) => setLeaf(root, path, next), options);
  return (
    <RowFrame id={id} label={`${position}. ${name}`}>
      {!readonly && <Grip id={id} name={name} />}
      <div className="cb-flow">
        {node.negated && <NotChip id={id} />}
        <LeafFinder
          className={`cb-subject ${pickHue(leaf)}`}
          label={`${name}: ${say("act.change")}`}
          part="subject"
          onPick={(next) => set(keepSame(leaf, next), { focus: { id, part: "first" } })}
        >
          <span className="cb-icon">
            <Icon name={pickIcon(leaf, catalog)} size={15} />
          </span>
          <span>{name}</span>
          {!readonly && <Icon name="chevron-down" size={13} />}
        </LeafFinder>
        <LeafEditor leaf={leaf} onChange={(next, tag) => set(next, tag ? { tag: `${id}.${tag}` } : {})} />
      </div>
      {!readonly && <RowActs node={node} position={position} name={name} above={above} />}
      <Hints id={id} />
    </RowFrame>
  );
}

function RowFrame({ id, label, children }: { id: number; label: string; children: ReactNode }) {
  const { gaps, faults, notes } = useMarks();
  const isMarked = gaps.has(id) || faults.has(id) || notes.has(id);
  return (
    <div className="cb-row" role="group" aria-label={label} aria-describedby={isMarked ? `cb-hints-${id}` : undefined} data-faulty={faults.has(id) || undefined}>
      {children}
    </div>
  );
}

/** Clicked instead of opened: which emails, how often and when stay. */
function keepSame(before: Leaf, next: Leaf): Leaf {
  if (!isKnown(before) || !isKnown(next) || before.kind !== "activity" || next.kind !== "activity") return next;
  const { link: _link, ...of } = before.of ?? {};
  return { ...before, act: next.act, ...(before.of && { of: next.act === "clicked" ? before.of : of }) };
}

function NotChip({ id }: { id: number }) {
  const { say, readonly } = useSurroundings();
  const edits = useEdits();
  return (
    <span className="cb-not">
      {say("not.chip")}
      {!readonly && (
        <button type="button" aria-label={say("not.remove")} title={say("not.remove")} onClick={() => edits.change(id, negate, { focus: { id, part: "grip" } })}>
          <Icon name="x" size={13} />
        </button>
      )}
    </span>
  );
}

function LeafEditor({ leaf, onChange }: { leaf: Leaf; onChange(leaf: Leaf, tag?: string): void }) {
  if (!isKnown(leaf)) return <UnknownLeaf leaf={leaf} />;
  switch (leaf.kind) {
    case "attribute":
      return <AttributeEditor leaf={leaf} onChange={onChange} />;
    case "field":
      return <FieldEditor leaf={leaf} onChange={onChange} />;
    case "tag":
      return <TagEditor leaf={leaf} onChange={onChange} />;
    case "topic":
      return <TopicEditor leaf={leaf} onChange={onChange} />;
    case "source":
      return <SourceEditor leaf={leaf} onChange={onChange} />;
    case "segment":
      return <SegmentEditor leaf={leaf} onChange={onChange} />;
    case "standing":
      return <StandingEditor leaf={leaf} onChange={onChange} />;
    case "address":
      return <AddressEditor leaf={leaf} onChange={onChange} />;
    case "activity":
      return <ActivityEditor leaf={leaf} onChange={onChange} />;
    case "event":
      return <EventEditor leaf={leaf} onChange={onChange} />;
    case "random":
      return <RandomEditor leaf={leaf} onChange={onChange} />;
    case "engagement":
      return <ScoreEditor leaf={leaf} onChange={onChange} />;
  }
}

function UnknownLeaf({ leaf }: { leaf: Leaf }) {
  const { say } = useSurroundings();
  return (
    <span className="cb-word" title={say("kind.unknown_help")}>
      <code>{JSON.stringify(leaf)}</code> {say("kind.unknown_help")}
    </span>
  );
}

function Grip({ id, name }: { id: number; name: string }) {
  const { say, readonly } = useSurroundings();
  const edits = useEdits();
  if (readonly) return null;
  const label = say("act.grip", { name });
  return (
    <button
      type="button"
      className="cb-grip"
      data-part="grip"
      aria-label={label}
      title={label}
      aria-keyshortcuts="Alt+ArrowUp Alt+ArrowDown Alt+ArrowLeft Alt+ArrowRight Control+D Delete"
      onPointerDown={(event) => edits.startDrag(event, id)}
    >
      <Icon name="grip-vertical" size={15} />
    </button>
  );
}

interface ActsProps {
  node: Node;
  position: string;
  name: string;
  above: number;
}

function RowActs(props: ActsProps) {
  const { say } = useSurroundings();
  const edits = useEdits();
  const { id } = props.node;
  return (
    <span className="cb-acts">
      <button type="button" className="cb-act cb-wide-only" aria-label={`${say("act.duplicate")}: ${props.name}`} title={say("act.duplicate")} onClick={() => edits.duplicate(id)}>
        <Icon name="copy" size={15} />
      </button>
      <button type="button" className="cb-act cb-danger" aria-label={`${say("act.remove")}: ${props.name}`} title={say("act.remove")} onClick={() => edits.remove(id)}>
        <Icon name="trash" size={15} />
      </button>
      <ActMenu label={say("act.menu", { name: props.name })} acts={listActs(props, edits, say)} />
    </span>
  );
}

function listActs({ node, position, above }: ActsProps, edits: Edits, say: Say): Act[] {
  const { id } = node;
  const [isFirst, isAtTop] = [/(^|\.)1$/.test(position), !position.includes(".")];
  const hasRoom = above + measureDepth(node) < MAX_DEPTH;
  return [
    { name: say("act.up"), icon: "arrow-up", keys: "Alt ↑", isOff: isFirst, run: () => edits.move(id, "up") },
    { name: say("act.down"), icon: "arrow-down", keys: "Alt ↓", run: () => edits.move(id, "down") },
    { name: say("act.out"), icon: "arrow-left", keys: "Alt ←", isOff: isAtTop, run: () => edits.move(id, "out") },
    { name: say("act.in"), icon: "arrow-right", keys: "Alt →", run: () => edits.move(id, "in") },
    { name: say("act.duplicate"), icon: "copy", keys: "Ctrl D", run: () => edits.duplicate(id) },
    { name: say("act.wrap"), icon: "layout-grid", isOff: !hasRoom, run: () => edits.wrap(id) },
    ...(node.type === "group" ? [{ name: say("act.unwrap"), icon: "list-check", run: () => edits.unwrap(id) }] : []),
    { name: say("act.negate"), icon: "minus", run: () => edits.change(id, negate) },
    { name: say("act.remove"), icon: "trash", keys: "Del", isDanger: true, run: () => edits.remove(id) },
  ];
}

function Hints({ id }: { id: number }) {
  const { say, readonly } = useSurroundings();
  const { gaps, faults, notes } = useMarks();
  const gap = readonly ? undefined : gaps.get(id);
  const texts = faults.get(id) ?? [];
  const told = notes.get(id) ?? [];
  if (!gap && !texts.length && !told.length) return null;
  return (
    <div id={`cb-hints-${id}`} className="cb-hints">
      {gap && <p className="cb-gap">{say(`gap.${gap}`)}</p>}
      {texts.map((text) => (
        <p key={text} className="cb-fault">
          <Icon name="alert-triangle" size={14} />
          {text}
        </p>
      ))}
      {told.map((text) => (
        <p key={text} className="cb-note">
          {text}
        </p>
      ))}
    </div>
  );
}

/** The keys of a row work anywhere in it, but never take what a text field needs itself. */
function handleKey(event: KeyboardEvent, id: number, edits: Edits): void {
  const target = event.target as HTMLElement;
  if (event.defaultPrevented || target.closest("[data-keys='own'], [popover]") || target.closest("[data-node]") !== event.currentTarget) return;
  const isText = target.matches("input, textarea");
  if (event.altKey && !event.ctrlKey && !event.metaKey) {
    const way = ({ ArrowUp: "up", ArrowDown: "down", ArrowLeft: "out", ArrowRight: "in" } as const)[event.key];
    if (!way || (isText && (way === "out" || way === "in"))) return;
    event.preventDefault();
    edits.move(id, way);
  } else if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.code === "KeyD") {
    event.preventDefault();
    edits.duplicate(id);
  } else if (event.key === "Delete" && !isText && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    edits.remove(id);
  }
}
