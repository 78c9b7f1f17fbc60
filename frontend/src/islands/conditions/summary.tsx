/** Beside the tree: how many, in plain words, who for example, and how much another segment overlaps. */

import { useEffect, useRef, useState } from "react";

import type { NoAnswer, Overlap } from "./api";
import { useSurroundings } from "./context";
import { Icon } from "./icons";
import { ChoiceBox } from "./inputs/combobox";
import { useAnswer, type Answer, type Count, type Live, type People } from "./live";
import { layCircles } from "./venn";

export type Hold = "gap" | "fault" | null;

interface CountProps {
  live: Live;
  /** The number belongs to what is edited now. */
  isFresh: boolean;
  total: number | null;
  /** Why nothing is counted now. */
  hold: Hold;
  onRetry(): void;
}

export function CountCard({ live, isFresh, total, hold, onRetry }: CountProps) {
  const { say, formatNumber } = useSurroundings();
  const { count, problem, error } = live;
  const isShown = isFresh && hold === null;
  useSpokenCount(live, isFresh);
  return (
    <div className="cb-count">
      <p className="cb-count-title">{say("count.title")}</p>
      <p className="cb-count-number" data-faded={!isShown || undefined}>
        <span>{count ? `${count.isExact ? "" : "≈\u2009"}${formatNumber(count.number)}` : "—"}</span>
        <CountMark count={isShown ? count : null} isBusy={live.isBusy && hold === null} />
      </p>
      {total !== null && count && <Share number={count.number} total={total} />}
      <p className="cb-note cb-count-note">{hold ? say(hold === "gap" ? "count.waiting" : "count.faulty") : describeCount(isShown ? count : null, say, formatNumber)}</p>
      {problem && !hold && !live.isBusy && <p className="cb-problem">{problem}</p>}
      {error && <Trouble error={error} onRetry={onRetry} />}
    </div>
  );
}

type Speak = ReturnType<typeof useSurroundings>;

function describeCount(count: Count | null, say: Speak["say"], formatNumber: Speak["formatNumber"]): string {
  if (!count) return "";
  if (count.isExact) return count.ms === undefined ? "" : say("count.ms", { ms: formatNumber(Math.round(count.ms)) });
  const { low, high } = count;
  return low === undefined || high === undefined || low === high ? "" : say("count.range", { low: formatNumber(low), high: formatNumber(high) });
}

function CountMark({ count, isBusy }: { count: Count | null; isBusy: boolean }) {
  const { say } = useSurroundings();
  if (isBusy) return <span className="cb-mark cb-mark-busy">{say("count.counting")}</span>;
  if (!count) return null;
  return <span className={`cb-mark ${count.isExact ? "cb-mark-exact" : ""}`}>{say(count.isExact ? "count.exact" : "count.about")}</span>;
}

function Share({ number, total }: { number: number; total: number }) {
  const { say, formatNumber } = useSurroundings();
  const share = total ? Math.min(1, number / total) : 0;
  const percent = new Intl.NumberFormat(document.documentElement.lang || "en", { style: "percent", maximumSignificantDigits: 2 }).format(share);
  return (
    <>
      <svg className="cb-share" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
        <rect className="cb-share-all" width="100" height="4" />
        <rect className="cb-share-part" width={share * 100} height="4" />
      </svg>
      <p className="cb-note">{say("count.share", { percent, total: formatNumber(total) })}</p>
    </>
  );
}

/** Only the number that stays is said: announcing each estimate would never be silent. */
function useSpokenCount(live: Live, isFresh: boolean): void {
  const { say, formatNumber, announce } = useSurroundings();
  const said = useRef<string | null>(null);
  const { count, isBusy } = live;
  useEffect(() => {
    if (!count || isBusy || !isFresh) return;
    const text = say(count.isExact ? "said.count" : "said.about", { number: formatNumber(count.number) });
    if (said.current !== null && said.current !== text) announce(text);
    said.current = text;
  }, [count, isBusy, isFresh]);
}

export function Trouble({ error, onRetry }: { error: NoAnswer; onRetry(): void }) {
  const { say } = useSurroundings();
  return (
    <div className="cb-trouble" role="alert">
      <p>{say(`error.${error.why}`, { status: error.status })}</p>
      <button type="button" className="btn btn-sm" onClick={onRetry}>
        <Icon name="refresh" size={14} />
        {say("builder.retry")}
      </button>
    </div>
  );
}

export function Sentence({ text, isStale }: { text: string; isStale: boolean }) {
  const { say } = useSurroundings();
  if (!text) return null;
  return (
    <div className="cb-sentence" data-faded={isStale || undefined}>
      <p className="cb-side-title">{say("sentence.title")}</p>
      <p>{text}</p>
    </div>
  );
}

/** So many people the server picks, when there are as many. */
const PICKED = 10;

/** `condition` is null while it cannot be asked. */
export function PeopleCard({ condition, salt }: { condition: string | null; salt: string }) {
  const { api, say } = useSurroundings();
  const [round, setRound] = useState(0);
  const answer = useAnswer<People>(round && condition !== null ? `${round} ${condition}` : null, (signal) =>
    api.pickPeople(JSON.parse(condition!), salt, signal),
  );
  const isShown = round > 0;
  // Who sees everybody already has no others to see.
  const hasOthers = !answer.found || answer.found.people.length >= PICKED;
  return (
    <div className="cb-side-part">
      {isShown && (
        <p className="cb-side-title cb-side-head">
          <span>{say("people.title")}</span>
          <button type="button" className="cb-add-small" onClick={() => setRound(0)}>
            {say("people.hide")}
          </button>
        </p>
      )}
      {isShown && condition !== null && <PeopleList answer={answer} onRetry={() => setRound((now) => now + 1)} />}
      {hasOthers && (
        <button type="button" className="btn btn-sm cb-people-button" disabled={condition === null} onClick={() => setRound((now) => now + 1)}>
          <Icon name={isShown ? "refresh" : "users"} size={15} />
          {say(isShown ? "people.again" : "people.show")}
        </button>
      )}
    </div>
  );
}

function PeopleList({ answer, onRetry }: { answer: Answer<People>; onRetry(): void }) {
  const { say } = useSurroundings();
  const { found, problem, error, isBusy } = answer;
  if (error) return <Trouble error={error} onRetry={onRetry} />;
  if (problem) return <p className="cb-problem">{problem}</p>;
  if (!found) return <p className="cb-note">{say("count.counting")}</p>;
  if (!found.people.length) return <p className="cb-note">{say("people.none")}</p>;
  return (
    <ul className="cb-people" aria-busy={isBusy}>
      {found.people.map(({ id, name, email, url }) => (
        <li key={id}>
          <a href={url} target="_blank" rel="noopener">
            <span>{name || email}</span>
            {name && <span className="cb-note">{email}</span>}
          </a>
        </li>
      ))}
    </ul>
  );
}

export function OverlapCard({ condition, salt }: { condition: string | null; salt: string }) {
  const { api, catalog, say, formatNumber } = useSurroundings();
  const [segment, setSegment] = useState("");
  const [round, setRound] = useState(0);
  const isAsked = segment && condition !== null;
  const answer = useAnswer<Overlap>(isAsked ? `${round} ${segment} ${condition}` : null, (signal) => api.overlap(JSON.parse(condition!), salt, segment, signal));
  const others = catalog.segments;
  if (!others.length) return null;
  const name = others.find(({ id }) => id === segment)?.name ?? segment;
  return (
    <div className="cb-side-part">
      <p className="cb-side-title">{say("overlap.title")}</p>
      <ChoiceBox
        label={say("overlap.label")}
        value={segment}
        placeholder={say("overlap.choose")}
        options={others.map(({ id, name: text, size }) => ({ key: id, text, ...(typeof size === "number" && { note: formatNumber(size) }) }))}
        onPick={setSegment}
      />
      {answer.error && <Trouble error={answer.error} onRetry={() => setRound((now) => now + 1)} />}
      {answer.problem && <p className="cb-problem">{answer.problem}</p>}
      {answer.isBusy && !answer.found && <p className="cb-note">{say("count.counting")}</p>}
      {answer.found && <OverlapView overlap={answer.found} name={name} isStale={answer.isBusy} />}
    </div>
  );
}

function OverlapView({ overlap, name, isStale }: { overlap: Overlap; name: string; isStale: boolean }) {
  const { say, formatNumber } = useSurroundings();
  const [here, there] = [Math.max(0, overlap.this - overlap.both), Math.max(0, overlap.other - overlap.both)];
  const numbers = { here: formatNumber(here), both: formatNumber(overlap.both), there: formatNumber(there), name };
  const { one, other } = layCircles(overlap.this, overlap.other, overlap.both);
  return (
    <div className="cb-overlap">
      <svg viewBox="0 0 200 92" role="img" aria-label={say("overlap.picture", numbers)} data-faded={isStale || undefined}>
        <circle className="cb-circle-one" cx={one.x} cy="46" r={one.r} />
        <circle className="cb-circle-other" cx={other.x} cy="46" r={other.r} />
      </svg>
      <dl>
        <OverlapLine className="cb-key-one" name={say("overlap.this")} number={numbers.here} />
        <OverlapLine className="cb-key-both" name={say("overlap.both")} number={numbers.both} />
        <OverlapLine className="cb-key-other" name={say("overlap.other", { name })} number={numbers.there} />
      </dl>
    </div>
  );
}

function OverlapLine({ className, name, number }: { className: string; name: string; number: string }) {
  return (
    <div>
      <dt className={className}>{name}</dt>
      <dd>{number}</dd>
    </div>
  );
}
