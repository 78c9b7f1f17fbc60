/** The condition builder as a React component: used by its island, and by every other one that needs conditions. */

import { useCallback, useEffect, useId, useMemo, useRef, useState, type KeyboardEvent, type ReactNode, type RefObject } from "react";

import { makeApi, NoAnswer, type Urls } from "./api";
import type { Catalog } from "./catalog";
import { SurroundingsContext, useSurroundings, type Surroundings } from "./context";
import { useDragging } from "./dragging";
import { EditsContext, MarksContext, type FocusWish, type Marks } from "./edits";
import { useLatestEdits } from "./editing";
import { GroupView } from "./group";
import { Icon } from "./icons";
import { useLive, useTotal } from "./live";
import {
  commit,
  findGaps,
  makeGroup,
  parseTree,
  placeFaults,
  printTree,
  redo,
  startHistory,
  undo,
  type GroupNode,
  type History,
  type Json,
  type PlacedFault,
} from "./model";
import { RawView, readText } from "./raw";
import { makeSay, type Words } from "./strings";
import { CountCard, OverlapCard, PeopleCard, Sentence, Trouble, type Hold } from "./summary";

export type Mode = "segment" | "audience" | "filter";

export interface ConditionBuilderProps {
  /** A condition of the language; `{}` is everybody. Another one given later replaces what is edited. */
  condition: Json;
  urls: Urls;
  /** The segment's public id: the same people are drawn for a random share. */
  salt?: string;
  /** How much is shown around the tree. */
  mode?: Mode;
  /** The words in the reader's language; English for those that are missing. */
  words?: Words;
  readonly?: boolean;
  /** Faults known from the start, when a form came back. */
  faults?: readonly PlacedFault[];
  /** Text that could not be read as a condition: the JSON view opens with it. */
  text?: string;
  /** The condition after every change, and whether everything in it is filled in. `text`: what the JSON view holds instead, not valid yet. */
  onChange?(condition: Json, state: { isComplete: boolean; text?: string }): void;
}

export function ConditionBuilder({ urls, words, readonly = false, ...rest }: ConditionBuilderProps) {
  const api = useMemo(() => makeApi(urls), [JSON.stringify(urls)]);
  const [catalog, setCatalog] = useState<Catalog | null>(null);
  const [error, setError] = useState<NoAnswer | null>(null);
  const [attempt, setAttempt] = useState(0);
  const [spoken, setSpoken] = useState("");
  const announce = useCallback((text: string) => setSpoken((now) => (now === text ? `${text}\u00a0` : text)), []);
  useEffect(() => {
    const controller = new AbortController();
    setError(null);
    api.loadCatalog(controller.signal).then(setCatalog, (reason: unknown) => {
      if (!controller.signal.aborted) setError(reason instanceof NoAnswer ? reason : new NoAnswer("server"));
    });
    return () => controller.abort();
  }, [api, attempt]);

  const say = useMemo(() => makeSay(words, catalog?.words), [words, catalog]);
  const formatNumber = useMemo(() => {
    const format = new Intl.NumberFormat(document.documentElement.lang || "en", { maximumFractionDigits: 2 });
    return (value: number) => format.format(value);
  }, []);
  const surroundings = useMemo<Surroundings>(
    () => ({ api, catalog: withoutItself(catalog ?? NOTHING, rest.salt), say, readonly, formatNumber, announce }),
    [api, catalog, rest.salt, say, readonly, formatNumber, announce],
  );
  return (
    <SurroundingsContext value={surroundings}>
      <div className="cb" data-mode={rest.mode ?? "segment"} data-readonly={readonly || undefined}>
        {catalog ? <Workbench {...rest} /> : error ? <NoCatalog error={error} onRetry={() => setAttempt((now) => now + 1)} /> : <Loading />}
        <div className="sr-only" role="status" aria-live="polite">
          {spoken}
        </div>
      </div>
    </SurroundingsContext>
  );
}

const NOTHING: Catalog = { attributes: [], tags: [], topics: [], segments: [], campaigns: [], events: [], sources: [], operators: {} };

/** A segment is not offered to itself. */
function withoutItself(catalog: Catalog, own: string | undefined): Catalog {
  return { ...catalog, segments: catalog.segments.filter(({ id }) => id !== own) };
}

function Loading() {
  const { say } = useSurroundings();
  return (
    <div className="cb-loading" role="status">
      <span className="skeleton" />
      <span className="skeleton" />
      <span className="sr-only">{say("builder.loading")}</span>
    </div>
  );
}

function NoCatalog({ error, onRetry }: { error: NoAnswer; onRetry(): void }) {
  const { say } = useSurroundings();
  return (
    <div className="cb-side-part">
      <p>{say("builder.no_catalog")}</p>
      <Trouble error={error} onRetry={onRetry} />
    </div>
  );
}

const NO_FAULTS: readonly PlacedFault[] = [];

type WorkbenchProps = Omit<ConditionBuilderProps, "urls" | "words" | "readonly">;

/** Text of the JSON view that is not in the tree (yet). */
interface Draft {
  text: string;
  fault: string;
}

function Workbench({ condition, salt = "", mode = "segment", faults: givenFaults = NO_FAULTS, text = "", onChange }: WorkbenchProps) {
  const { api, catalog, say, readonly, announce } = useSurroundings();
  const [history, setHistory] = useState<History>(() => startHistory(readCondition(condition)));
  const [draft, setDraft] = useState<Draft | null>(() => (text ? { text, fault: readText(text, say).fault } : null));
  const [isRaw, setRaw] = useState(!!draft?.fault);
  const frame = useRef<HTMLDivElement>(null);
  const wish = useFocusWish(frame);
  const root = history.present;

  const json = useMemo(() => JSON.stringify(printTree(root)), [root]);
  const gaps = useMemo(() => findGaps(root), [root]);
  const isComplete = gaps.size === 0;
  useGivenCondition(condition, json, (given) => setHistory(startHistory(given)));
  useTold(json, isComplete, isRaw && draft?.fault ? draft.text : undefined, onChange);

  const { live, retry } = useLive(api, isComplete ? json : null, salt, givenFaults);
  const total = useTotal(api, mode === "segment");
  const isChecked = live.checked === json;
  const faults = usePlacedFaults(root, live.faults, isChecked || live.checked === null);
  const notes = usePlacedFaults(root, live.notes, isChecked || live.checked === null);
  const hold: Hold = isRaw && draft?.fault ? "fault" : !isComplete ? "gap" : isChecked && live.faults.length > 0 ? "fault" : null;
  const askable = useAskable(json, hold !== null || live.error !== null, isChecked);

  // Text that could not be read yet is kept until it is read or discarded.
  const dropRead = () => setDraft((now) => (now?.fault ? now : null));
  const edits = useLatestEdits({
    root,
    catalog,
    say,
    announce,
    apply(next, { tag = "", said = "", focus }) {
      if (next !== root) setHistory((now) => commit(now, next, tag));
      dropRead();
      if (focus) wish(focus);
      if (said) announce(said);
    },
    startDrag: (event, id) => start(event, id),
  });
  const { drag, start } = useDragging(frame, root, edits.drop);
  const slot = drag?.slot;
  const marks = useMemo<Marks>(() => ({ gaps, faults, notes, slot: slot ?? null, dragged: drag?.id ?? null }), [gaps, faults, notes, slot?.group, slot?.index, drag?.id]);
  const step = (way: (history: History) => History, said: string) => {
    const next = way(history);
    setHistory(next);
    dropRead();
    announce(said);
    wish({ id: next.present.id, part: "lost" });
  };
  const type = (text: string) => {
    const { root: read, fault } = readText(text, say);
    setDraft({ text, fault });
    if (read) setHistory((now) => commit(now, read, "raw"));
  };
  const elsewhere = faults.get(0) ?? [];

  return (
    <EditsContext value={edits}>
      <MarksContext value={marks}>
        <div ref={frame} className="cb-frame" onKeyDown={(event) => handleFrameKey(event, () => step(undo, say("said.undone")), () => step(redo, say("said.redone")))}>
          <div className="cb-main">
            {!readonly && mode !== "filter" && (
              <Toolbar history={history} isRaw={isRaw} onUndo={() => step(undo, say("said.undone"))} onRedo={() => step(redo, say("said.redone"))} onRaw={setRaw} />
            )}
            {draft?.fault && !isRaw && <KeptText onBack={() => setRaw(true)} onDrop={() => setDraft(null)} />}
            {elsewhere.length > 0 && !isRaw && <Elsewhere texts={elsewhere} />}
            {isRaw ? (
              <RawView
                text={draft?.text ?? tidy(json)}
                fault={draft?.fault ?? ""}
                notes={isChecked ? live.faults.map(({ path, text }) => `${path || "/"}: ${text}`) : []}
                onType={type}
                onTidy={() => setDraft(null)}
              />
            ) : (
              <fieldset className="cb-tree" disabled={readonly}>
                <GroupView group={root} />
              </fieldset>
            )}
          </div>
          <aside className="cb-side" aria-label={say("count.title")}>
            <CountCard live={live} isFresh={live.counted === json} total={total} hold={hold} onRetry={retry} />
            <Sentence text={live.sentence} isStale={!isChecked} />
            {mode !== "filter" && <PeopleCard condition={askable} salt={salt} />}
            {mode === "segment" && <OverlapCard condition={askable} salt={salt} />}
          </aside>
        </div>
      </MarksContext>
    </EditsContext>
  );
}

/** What is no condition comes as `text`, too, and stands in the JSON view. */
function readCondition(condition: Json): GroupNode {
  try {
    return parseTree(condition);
  } catch {
    return makeGroup();
  }
}

/** Faults stay at their rows while the tree changes, until the server has judged the new one. */
function usePlacedFaults(root: GroupNode, faults: readonly PlacedFault[], isFresh: boolean): ReadonlyMap<number, string[]> {
  const placed = useRef<ReadonlyMap<number, string[]>>(new Map());
  const fresh = useMemo(() => (isFresh ? placeFaults(root, faults) : null), [root, faults, isFresh]);
  if (fresh) placed.current = fresh;
  return placed.current;
}

/** What people and overlap are asked with: the last condition that was checked and sound; null while nothing can be asked. */
function useAskable(json: string, isHeld: boolean, isChecked: boolean): string | null {
  const last = useRef<string | null>(null);
  if (isChecked && !isHeld) last.current = json;
  return isHeld ? null : last.current;
}

function tidy(json: string): string {
  return JSON.stringify(JSON.parse(json), null, 2);
}

/** A condition from outside replaces the edited one, unless it is what was told outside before. */
function useGivenCondition(condition: Json, current: string, replace: (root: GroupNode) => void): void {
  const given = JSON.stringify(condition);
  const last = useRef(given);
  useEffect(() => {
    if (last.current === given) return;
    last.current = given;
    const read = readCondition(condition);
    if (JSON.stringify(printTree(read)) !== current) replace(read);
  }, [given]);
}

function useTold(json: string, isComplete: boolean, text: string | undefined, onChange: ConditionBuilderProps["onChange"]): void {
  const tell = useRef(onChange);
  tell.current = onChange;
  useEffect(() => tell.current?.(JSON.parse(json) as Json, { isComplete, ...(text !== undefined && { text }) }), [json, isComplete, text]);
}

/** The focus follows what was done, once it is on the page. */
function useFocusWish(frame: RefObject<HTMLDivElement | null>): (wish: FocusWish) => void {
  const wished = useRef<FocusWish | null>(null);
  const [, poke] = useState(0);
  useEffect(() => {
    const wish = wished.current;
    if (!wish) return;
    wished.current = null;
    if (wish.part === "lost" && document.activeElement !== document.body) return;
    findFocus(frame.current, wish)?.focus();
  });
  return useCallback((wish: FocusWish) => {
    wished.current = wish;
    poke((now) => now + 1);
  }, []);
}

function findFocus(frame: HTMLElement | null, { id, part }: FocusWish): HTMLElement | null | undefined {
  const node = frame?.querySelector<HTMLElement>(`[data-node="${id}"]`);
  if (part === "grip") return node?.querySelector<HTMLElement>('[data-part="grip"]');
  if (part === "add" || part === "lost") return frame?.querySelector<HTMLElement>(`[data-adders="${id}"] [data-part="add"]`);
  const firsts = node?.querySelectorAll<HTMLInputElement>(".cb-flow [data-first]") ?? [];
  const empty = [...firsts].find((input) => !input.value);
  return empty ?? firsts[0] ?? node?.querySelector<HTMLElement>(".cb-flow select, .cb-flow input, [data-part='add']");
}

function handleFrameKey(event: KeyboardEvent, onUndo: () => void, onRedo: () => void): void {
  const target = event.target as HTMLElement;
  // A form around the builder is sent by its own button, never by Enter in a value.
  if (event.key === "Enter" && target.matches("input") && !event.defaultPrevented) return event.preventDefault();
  if (!(event.ctrlKey || event.metaKey) || event.altKey || target.closest("[data-keys='own']")) return;
  const isRedo = (event.code === "KeyZ" && event.shiftKey) || (event.code === "KeyY" && !event.shiftKey);
  if (!isRedo && event.code !== "KeyZ") return;
  event.preventDefault();
  if (isRedo) onRedo();
  else onUndo();
}

function Toolbar({ history, isRaw, onUndo, onRedo, onRaw }: { history: History; isRaw: boolean; onUndo(): void; onRedo(): void; onRaw(isRaw: boolean): void }) {
  const { say } = useSurroundings();
  return (
    <div className="cb-toolbar">
      <ToolButton icon="arrow-back-up" label={say("builder.undo")} isOff={!history.past.length} onClick={onUndo} />
      <ToolButton icon="arrow-forward-up" label={say("builder.redo")} isOff={!history.future.length} onClick={onRedo} />
      <KeysHelp />
      <span className="segmented cb-views" role="group" aria-label={say("builder.view")}>
        <button type="button" aria-pressed={!isRaw} onClick={() => onRaw(false)}>
          {say("builder.visual")}
        </button>
        <button type="button" aria-pressed={isRaw} onClick={() => onRaw(true)}>
          {say("builder.raw")}
        </button>
      </span>
    </div>
  );
}

function ToolButton({ icon, label, isOff, onClick }: { icon: string; label: string; isOff: boolean; onClick(): void }) {
  return (
    <button type="button" className="cb-act" aria-label={label} title={label} aria-disabled={isOff || undefined} onClick={() => !isOff && onClick()}>
      <Icon name={icon} size={17} />
    </button>
  );
}

function KeysHelp() {
  const { say } = useSurroundings();
  const id = useId();
  const lines: [string, string[]][] = [
    [say("keys.move"), ["Alt", "↑ ↓"]],
    [say("keys.level"), ["Alt", "← →"]],
    [say("keys.duplicate"), ["Ctrl", "D"]],
    [say("keys.remove"), ["Delete"]],
    [say("keys.undo"), ["Ctrl", "Z", "⇧ Z"]],
  ];
  return (
    <>
      <button type="button" className="cb-act" popoverTarget={id} aria-label={say("builder.keys")} title={say("builder.keys")}>
        <Icon name="keyboard" size={17} />
      </button>
      <div id={id} popover="auto" className="pop cb-keys">
        <p className="pop-label">{say("keys.title")}</p>
        <dl>
          {lines.map(([text, keys]) => (
            <div key={text}>
              <dt>{text}</dt>
              <dd className="keys">{keys.map((key): ReactNode => <kbd key={key} className="key">{key}</kbd>)}</dd>
            </div>
          ))}
        </dl>
      </div>
    </>
  );
}

function KeptText({ onBack, onDrop }: { onBack(): void; onDrop(): void }) {
  const { say } = useSurroundings();
  return (
    <div className="notice tone-warning" role="status">
      <Icon name="alert-triangle" size={17} />
      <div className="notice-body">
        <p>{say("raw.kept")}</p>
        <p className="cb-adders">
          <button type="button" className="btn btn-sm" onClick={onBack}>
            {say("raw.back")}
          </button>
          <button type="button" className="btn btn-ghost btn-sm" onClick={onDrop}>
            {say("raw.drop")}
          </button>
        </p>
      </div>
    </div>
  );
}

function Elsewhere({ texts }: { texts: readonly string[] }) {
  const { say } = useSurroundings();
  return (
    <div className="notice tone-error" role="status">
      <Icon name="alert-triangle" size={17} />
      <div className="notice-body">
        <p className="notice-title">{say("faults.elsewhere")}</p>
        {texts.map((text) => (
          <p key={text}>{text}</p>
        ))}
      </div>
    </div>
  );
}
