/** What people did: with our emails, and the account's own events. Also the random share and the score. */

import { useEffect, useRef, useState } from "react";

import { MEASURES, operatorsOf, operatorsOfMeasure, type KnownCampaign, type KnownEvent } from "../catalog";
import { useSurroundings } from "../context";
import { NumberBox, Select, type Choice } from "../inputs/basic";
import { ChoiceBox } from "../inputs/combobox";
import { Icon } from "../icons";
import {
  fitValue,
  needsProperty,
  startTest,
  type ActivityLeaf,
  type EventLeaf,
  type MeasureTest,
  type MessageChoice,
  type PropertyTest,
  type RandomLeaf,
  type ScoreLeaf,
  type Value,
} from "../leaves";
import { sayNamed } from "../strings";
import { PeriodEditor, TimesEditor } from "./periods";
import { withPeriod, type EditorProps } from "./profile";
import { TestEditor } from "./values";

export function ActivityEditor({ leaf, onChange }: EditorProps<ActivityLeaf>) {
  const setOf = (of: MessageChoice | undefined, tag?: string) => {
    const { of: _before, ...rest } = leaf;
    onChange(of ? { ...rest, of } : rest, tag);
  };
  const setTimes = (times: ActivityLeaf["times"], tag?: string) => {
    const { times: _before, ...rest } = leaf;
    onChange(times ? { ...rest, times } : rest, tag);
  };
  return (
    <>
      <TimesEditor times={leaf.times} countsMessages={leaf.act === "opened" || leaf.act === "clicked"} onChange={setTimes} />
      <MessageEditor act={leaf.act} of={leaf.of} onChange={setOf} />
      <PeriodEditor period={leaf.period} onChange={(period, tag) => onChange(withPeriod(leaf, period), tag)} />
    </>
  );
}

const STARTS: Record<string, MessageChoice | undefined> = {
  any: undefined,
  campaign: { campaign: "" },
  topic: { topic: "" },
  last: { last: 5 },
  last_topic: { last: 5, topic: "" },
};

function nameChoice(of: MessageChoice | undefined): string {
  if (!of) return "any";
  if (of.campaign !== undefined) return "campaign";
  if (of.last !== undefined) return of.topic !== undefined ? "last_topic" : "last";
  return of.topic !== undefined ? "topic" : "any";
}

function MessageEditor({ act, of, onChange }: { act: string; of: MessageChoice | undefined; onChange(of: MessageChoice | undefined, tag?: string): void }) {
  const { catalog, say } = useSurroundings();
  const kind = nameChoice(of);
  const topics = catalog.topics.map(({ id, name }) => ({ key: id, text: name }));
  return (
    <span className="cb-pair">
      <Select
        label={say("activity.of")}
        value={kind}
        choices={(["any", "campaign", "topic", "last", "last_topic"] as const).map((one) => ({ value: one, text: say(`activity.${one}`) }))}
        onChange={(next) => onChange(STARTS[next])}
      />
      {of?.last !== undefined && (
        <NumberBox label={say("activity.last_count")} value={of.last} isWhole isFirst onChange={(last) => onChange({ ...of, last }, "of.last")} />
      )}
      {of?.topic !== undefined && (
        <ChoiceBox label={say("topic.name")} value={of.topic} options={topics} isFirst onPick={(topic) => onChange({ ...of, topic })} />
      )}
      {of?.campaign !== undefined && <CampaignEditor act={act} of={of} onChange={onChange} />}
    </span>
  );
}

function CampaignEditor({ act, of, onChange }: { act: string; of: MessageChoice; onChange(of: MessageChoice): void }) {
  const { catalog, say } = useSurroundings();
  const campaign = catalog.campaigns.find(({ id }) => id === of.campaign);
  const links: Choice[] = [
    { value: "", text: say("activity.any_link") },
    ...(campaign?.links ?? []).map(({ number, url }) => ({ value: String(number), text: shortenUrl(url) })),
  ];
  const setLink = (value: string) => {
    const { link: _before, ...rest } = of;
    onChange(value ? { ...rest, link: Number(value) } : rest);
  };
  return (
    <>
      <ChoiceBox
        label={say("activity.campaign")}
        value={of.campaign ?? ""}
        options={catalog.campaigns.map(nameCampaign)}
        isFirst
        onPick={(id) => onChange({ campaign: id })}
      />
      {act === "clicked" && links.length > 1 && (
        <Select label={say("activity.link")} value={String(of.link ?? "")} choices={links} className="cb-link" onChange={setLink} />
      )}
    </>
  );
}

function nameCampaign({ id, name, launched_at }: KnownCampaign) {
  return { key: id, text: name, ...(launched_at && { note: launched_at.slice(0, 10) }) };
}

function shortenUrl(url: string): string {
  const short = url.replace(/^https?:\/\/(www\.)?/, "");
  return short.length > 48 ? `${short.slice(0, 30)}…${short.slice(-17)}` : short;
}

export function EventEditor({ leaf, onChange }: EditorProps<EventLeaf>) {
  const { catalog, say } = useSurroundings();
  const known = catalog.events.find(({ name }) => name === leaf.event);
  // Once chosen the name stays where it was chosen: taking the field away would lose the focus.
  const [isNamedHere] = useState(!known);
  const { where = [], measures = [] } = leaf;
  const { adders, focusLine } = useLineFocus();
  const [first, ...others] = measures;
  const countsFirst = isPlainCount(first);
  const rest = countsFirst || !first ? others : measures;
  const setMeasures = (next: MeasureTest[], tag?: string) => onChange({ ...leaf, measures: next }, tag);
  const setRest = (next: MeasureTest[], tag?: string) => {
    const all = countsFirst && first ? [first, ...next] : next;
    setMeasures(all.length ? all : [{ measure: "count", op: "at_least", value: 1 }], tag);
  };
  const setWhere = (next: PropertyTest[], tag?: string) => {
    const { where: _before, ...others } = leaf;
    onChange(next.length ? { ...others, where: next } : others, tag);
  };
  const property = Object.keys(known?.properties ?? {})[0] ?? "";
  const type = known?.properties?.[property] ?? "text";
  return (
    <>
      {(isNamedHere || !known) && (
        <ChoiceBox
          label={say("event.name")}
          value={leaf.event}
          options={catalog.events.map(({ name, count }) => ({ key: name, text: name, ...(count !== undefined && { note: String(count) }) }))}
          isFree
          isFirst={!leaf.event}
          onPick={(event) => onChange({ ...leaf, event })}
        />
      )}
      {countsFirst && first && (
        <TimesEditor
          times={{ op: first.op, n: typeof first.value === "number" ? first.value : null }}
          countsMessages={false}
          onChange={(times, tag) => setMeasures([{ measure: "count", op: times?.op ?? "at_least", value: times ? times.n : 1 }, ...others], tag)}
        />
      )}
      <PeriodEditor period={leaf.period} onChange={(period, tag) => onChange(withPeriod(leaf, period), tag)} />
      {where.map((test, index) => (
        <PropertyRow
          key={index}
          event={known}
          name={leaf.event}
          test={test}
          word={say(index ? "event.with" : "event.where")}
          onChange={(next, tag) => setWhere(where.with(index, next), tag && `where.${index}.${tag}`)}
          onRemove={() => {
            setWhere(where.toSpliced(index, 1));
            focusLine("adders");
          }}
        />
      ))}
      {rest.map((test, index) => (
        <MeasureRow
          key={`m${index}`}
          event={known}
          test={test}
          onChange={(next, tag) => setRest(rest.with(index, next), tag && `measures.${index}.${tag}`)}
          onRemove={() => {
            setRest(rest.toSpliced(index, 1));
            focusLine("adders");
          }}
        />
      ))}
      <span ref={adders} className="cb-line cb-adders">
        <button
          type="button"
          className="cb-add-small"
          onClick={() => {
            setWhere([...where, { property, ...startTest(type, operatorsOf(catalog, type)) }]);
            focusLine(where.length);
          }}
        >
          <Icon name="plus" size={14} />
          {say("event.add_where")}
        </button>
        <button
          type="button"
          className="cb-add-small"
          onClick={() => {
            setRest([...rest, startMeasure(known)]);
            focusLine(where.length + rest.length);
          }}
        >
          <Icon name="plus" size={14} />
          {say("event.add_measure")}
        </button>
      </span>
    </>
  );
}

/** A new line takes the focus; when one is gone, the buttons below do. */
function useLineFocus() {
  const adders = useRef<HTMLSpanElement>(null);
  const wish = useRef<number | "adders" | null>(null);
  useEffect(() => {
    if (wish.current === null) return;
    const lines = adders.current?.parentElement?.querySelectorAll(".cb-line:not(.cb-adders)");
    const place = wish.current === "adders" ? adders.current : lines?.[wish.current];
    wish.current = null;
    place?.querySelector<HTMLElement>("input, select, button")?.focus();
  });
  return { adders, focusLine: (line: number | "adders") => void (wish.current = line) };
}

function isPlainCount(test: MeasureTest | undefined): boolean {
  return test?.measure === "count" && ["at_least", "at_most", "equals"].includes(test.op);
}

function startMeasure(event: KnownEvent | undefined): MeasureTest {
  const numeric = Object.entries(event?.properties ?? {}).find(([, type]) => type === "number")?.[0] ?? "";
  return { measure: "sum", property: numeric, op: "at_least", value: null };
}

interface RowProps<Test> {
  event: KnownEvent | undefined;
  test: Test;
  onChange(test: Test, tag?: string): void;
  onRemove(): void;
}

function PropertyBox({ event, value, onPick }: { event: KnownEvent | undefined; value: string; onPick(property: string): void }) {
  const { say } = useSurroundings();
  const options = Object.keys(event?.properties ?? {}).map((name) => ({ key: name, text: name }));
  return <ChoiceBox label={say("event.property")} value={value} options={options} isFree onPick={onPick} />;
}

function PropertyRow({ event, name, test, word, onChange, onRemove }: RowProps<PropertyTest> & { name: string; word: string }) {
  const { catalog, say } = useSurroundings();
  const { property, op, value } = test;
  const type = event?.properties?.[property] ?? typeOfValue(value);
  const choose = (next: string) => {
    const nextType = event?.properties?.[next] ?? "text";
    onChange(nextType === type ? { ...test, property: next } : { property: next, ...startTest(nextType, operatorsOf(catalog, nextType)) });
  };
  return (
    <span className="cb-line">
      <span className="cb-word cb-word-lead">{word}</span>
      <PropertyBox event={event} value={property} onPick={choose} />
      <TestEditor type={type} test={{ op, ...(value !== undefined && { value }) }} source={{ event: name, property }} onChange={(next, tag) => onChange({ property, ...next }, tag)} />
      <RemoveButton label={say("event.remove_where")} onRemove={onRemove} />
    </span>
  );
}

function typeOfValue(value: Value | undefined): string {
  const one = Array.isArray(value) ? value[0] : value;
  return typeof one === "number" ? "number" : typeof one === "boolean" ? "boolean" : "text";
}

function MeasureRow({ event, test, onChange, onRemove }: RowProps<MeasureTest>) {
  const { catalog, say } = useSurroundings();
  const { measure, property = "", op, value } = test;
  const type = typeOfMeasure(measure, property, event);
  const setMeasure = (next: string) => {
    const kept = next === "count" ? {} : { property };
    const nextType = typeOfMeasure(next, property, event);
    const fitted = nextType === type ? { op, value: fitValue(value, op, op) ?? null } : startTest(nextType, operatorsOfMeasure(catalog, nextType));
    onChange({ measure: next, ...kept, ...fitted });
  };
  return (
    <span className="cb-line">
      <span className="cb-word cb-word-lead">{say("event.with")}</span>
      <Select
        label={say("event.measure")}
        value={measure}
        choices={MEASURES.map((one) => ({ value: one, text: sayNamed(say, "measure", one) }))}
        onChange={setMeasure}
      />
      {measure !== "count" && (
        <PropertyBox event={event} value={property || (needsProperty(measure) ? "" : say("event.moment"))} onPick={(next) => onChange({ ...test, property: next })} />
      )}
      <TestEditor
        type={type}
        test={{ op, ...(value !== undefined && { value }) }}
        source={null}
        operators={property && type !== "number" ? operatorsOf(catalog, type) : operatorsOfMeasure(catalog, type)}
        onChange={(next, tag) => onChange({ measure, ...(measure !== "count" && property && { property }), ...next }, tag)}
      />
      <RemoveButton label={say("event.remove_measure")} onRemove={onRemove} />
    </span>
  );
}

function typeOfMeasure(measure: string, property: string, event: KnownEvent | undefined): string {
  if (measure !== "first" && measure !== "last") return "number";
  return property ? (event?.properties?.[property] ?? "text") : "time";
}

function RemoveButton({ label, onRemove }: { label: string; onRemove(): void }) {
  return (
    <button type="button" className="cb-act" aria-label={label} title={label} onClick={onRemove}>
      <Icon name="x" size={15} />
    </button>
  );
}

export function RandomEditor({ leaf, onChange }: EditorProps<RandomLeaf>) {
  const { say } = useSurroundings();
  return (
    <span className="cb-pair">
      <NumberBox label={say("random.percent")} value={leaf.percent} isFirst onChange={(percent) => onChange({ ...leaf, percent }, "percent")} />
      <span className="cb-word">{say("random.unit")}</span>
    </span>
  );
}

export function ScoreEditor({ leaf, onChange }: EditorProps<ScoreLeaf>) {
  const { say } = useSurroundings();
  const { op, value } = leaf;
  const [first = null, second = null] = (Array.isArray(value) ? value : [value]) as (number | null)[];
  const set = (next: Value) => onChange({ ...leaf, value: next }, "score");
  const ops = ["at_least", "at_most", "between"].map((one) => ({ value: one, text: sayNamed(say, "op", one) }));
  return (
    <span className="cb-pair">
      <Select label={say("op.label")} value={op} choices={ops} onChange={(next) => onChange({ ...leaf, op: next, value: fitValue(value, op, next) ?? null })} />
      <NumberBox label={say("value.label")} value={first} isWhole isFirst onChange={(next) => set(op === "between" ? [next, second] : next)} />
      {op === "between" && (
        <>
          <span className="cb-word">{say("value.and")}</span>
          <NumberBox label={say("value.second")} value={second} isWhole onChange={(next) => set([first, next])} />
        </>
      )}
      <span className="cb-scale" aria-hidden="true">
        <span>{say("score.low")}</span>
        <ScoreBar from={op === "at_most" ? 0 : (first ?? 0)} to={op === "at_least" ? 100 : op === "between" ? (second ?? 100) : (first ?? 100)} />
        <span>{say("score.high")}</span>
      </span>
    </span>
  );
}

function ScoreBar({ from, to }: { from: number; to: number }) {
  const [low, high] = [Math.max(0, Math.min(from, to, 100)), Math.min(100, Math.max(from, to, 0))];
  return (
    <svg className="cb-score" viewBox="0 0 100 6" preserveAspectRatio="none">
      <rect className="cb-score-all" width="100" height="6" rx="3" />
      <rect className="cb-score-part" x={low} width={Math.max(1, high - low)} height="6" rx="3" />
    </svg>
  );
}
