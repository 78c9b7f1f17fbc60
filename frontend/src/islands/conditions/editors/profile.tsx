/** Attributes, fields, tags, topics, sources, segments, standing and the checks of the address. */

import {
  BASES,
  FINDINGS,
  findAttribute,
  isNeverMissing,
  operatorsOf,
  REASONS,
  STANDINGS,
  STATES,
  TAG_OPS,
  typeOfField,
  WAYS,
} from "../catalog";
import { useSurroundings } from "../context";
import { Select, type Choice } from "../inputs/basic";
import { ChipBox, ChoiceBox } from "../inputs/combobox";
import {
  BARE_OPS,
  type AddressLeaf,
  type AttributeLeaf,
  type FieldLeaf,
  type Leaf,
  type SegmentLeaf,
  type SourceLeaf,
  type StandingLeaf,
  type TagLeaf,
  type TopicLeaf,
} from "../leaves";
import { sayOp, TestEditor } from "./values";
import { PeriodEditor } from "./periods";

export interface EditorProps<Kind extends Leaf> {
  leaf: Kind;
  onChange(leaf: Kind, tag?: string): void;
}

export function AttributeEditor({ leaf, onChange }: EditorProps<AttributeLeaf>) {
  const { catalog } = useSurroundings();
  const { kind, attribute } = leaf;
  const known = findAttribute(catalog, attribute);
  return (
    <TestEditor
      type={known?.type ?? "text"}
      test={leaf}
      choices={known?.choices}
      source={{ attribute }}
      onChange={(test, tag) => onChange({ kind, attribute, ...test }, tag)}
    />
  );
}

export function FieldEditor({ leaf, onChange }: EditorProps<FieldLeaf>) {
  const { catalog } = useSurroundings();
  const { kind, field } = leaf;
  const hasValues = field === "domain" || field === "language" || field === "timezone";
  return (
    <TestEditor
      type={typeOfField(field)}
      test={leaf}
      source={hasValues ? { field } : null}
      operators={operatorsOf(catalog, typeOfField(field), isNeverMissing(field))}
      onChange={(test, tag) => onChange({ kind, field, ...test }, tag)}
    />
  );
}

export function TagEditor({ leaf, onChange }: EditorProps<TagLeaf>) {
  const { catalog, say, formatNumber } = useSurroundings();
  const { op, tags = [] } = leaf;
  const isBare = BARE_OPS.has(op);
  const options = catalog.tags.map(({ id, name, contacts }) => ({
    key: id,
    text: name,
    ...(contacts !== undefined && { note: formatNumber(contacts) }),
  }));
  return (
    <>
      <Select
        label={say("op.label")}
        value={op}
        choices={TAG_OPS.map((one) => ({ value: one, text: sayOp(say, "tag", one) }))}
        onChange={(next) => onChange(BARE_OPS.has(next) ? { kind: "tag", op: next } : { kind: "tag", op: next, tags })}
      />
      {!isBare && <ChipBox label={say("kind.tag")} values={tags} options={options} onChange={(next) => onChange({ ...leaf, tags: next })} />}
    </>
  );
}

/** Is, is not: the leaves that have it of their own. */
function IsSelect({ not, words, onChange }: { not: boolean | undefined; words?: [string, string]; onChange(not: boolean): void }) {
  const { say } = useSurroundings();
  const [positive, negative] = words ?? [say("is.is"), say("is.not")];
  const choices = [
    { value: "is", text: positive },
    { value: "not", text: negative },
  ];
  return <Select label={say("is.label")} value={not ? "not" : "is"} choices={choices} onChange={(next) => onChange(next === "not")} />;
}

export function TopicEditor({ leaf, onChange }: EditorProps<TopicLeaf>) {
  const { catalog, say } = useSurroundings();
  const setState = (state: string) => {
    const { period: _when, ...rest } = leaf;
    onChange(state === "never_asked" ? { ...rest, state } : { ...leaf, state });
  };
  const setBasis = (basis: string) => {
    const { basis: _before, ...rest } = leaf;
    onChange(basis ? { ...rest, basis } : rest);
  };
  return (
    <>
      <ChoiceBox
        label={say("topic.name")}
        value={leaf.topic}
        options={catalog.topics.map(({ id, name }) => ({ key: id, text: name }))}
        isFirst={!leaf.topic}
        onPick={(topic) => onChange({ ...leaf, topic })}
      />
      <IsSelect not={leaf.not} onChange={(not) => onChange({ ...leaf, not })} />
      <Select
        label={say("topic.state")}
        value={leaf.state}
        choices={STATES.map((state) => ({ value: state, text: say(`topic.${state}`) }))}
        isFirst={!!leaf.topic}
        onChange={setState}
      />
      {leaf.state !== "never_asked" && (
        <>
          <Select
            label={say("topic.basis")}
            value={leaf.basis ?? ""}
            choices={[{ value: "", text: say("basis.any") }, ...BASES.map((basis) => ({ value: basis, text: say(`basis.${basis}`) }))]}
            onChange={setBasis}
          />
          <PeriodEditor period={leaf.period} onChange={(period, tag) => onChange(withPeriod(leaf, period), tag)} />
        </>
      )}
    </>
  );
}

/** No period is no key: absent means ever. */
export function withPeriod<Kind extends { period?: unknown }>(leaf: Kind, period: unknown): Kind {
  const { period: _before, ...rest } = leaf;
  return (period ? { ...rest, period } : rest) as Kind;
}

export function SourceEditor({ leaf, onChange }: EditorProps<SourceLeaf>) {
  const { catalog, say } = useSurroundings();
  const ones = catalog.sources.filter(({ id }) => !(WAYS as readonly string[]).includes(id));
  const choices: Choice[] = [
    ...WAYS.map((way) => ({ value: way, text: say(`source.${way}`), group: say("source.ways") })),
    ...ones.map(({ id, label }) => ({ value: id, text: label, group: say("source.ones") })),
  ];
  const choose = (value: string) => {
    const { id: _before, ...rest } = leaf;
    const isOne = ones.some(({ id }) => id === value);
    onChange(isOne ? { ...rest, source: value.startsWith("imp_") ? "import" : leaf.source, id: value } : { ...rest, source: value });
  };
  return (
    <>
      <IsSelect not={leaf.not} onChange={(not) => onChange({ ...leaf, not })} />
      <Select label={say("source.label")} value={leaf.id ?? leaf.source} choices={choices} isFirst onChange={choose} />
    </>
  );
}

export function SegmentEditor({ leaf, onChange }: EditorProps<SegmentLeaf>) {
  const { catalog, say, formatNumber } = useSurroundings();
  const options = catalog.segments.map(({ id, name, size }) => ({
    key: id,
    text: name,
    ...(typeof size === "number" && { note: formatNumber(size) }),
  }));
  return (
    <>
      <IsSelect not={leaf.not} words={[say("is.in"), say("is.not_in")]} onChange={(not) => onChange({ ...leaf, not })} />
      <ChoiceBox label={say("segment.name")} value={leaf.segment} options={options} isFirst onPick={(segment) => onChange({ ...leaf, segment })} />
    </>
  );
}

export function StandingEditor({ leaf, onChange }: EditorProps<StandingLeaf>) {
  const { say } = useSurroundings();
  const setStanding = (standing: string) => {
    const { reason: _before, ...rest } = leaf;
    onChange(standing === "suppressed" ? { ...leaf, standing } : { ...rest, standing });
  };
  const setReason = (reason: string) => {
    const { reason: _before, ...rest } = leaf;
    onChange(reason ? { ...rest, reason } : rest);
  };
  const reasons = [{ value: "", text: say("reason.any") }, ...REASONS.map((reason) => ({ value: reason, text: say(`reason.${reason}`) }))];
  return (
    <>
      <IsSelect not={leaf.not} onChange={(not) => onChange({ ...leaf, not })} />
      <Select
        label={say("standing.label")}
        value={leaf.standing}
        choices={STANDINGS.map((standing) => ({ value: standing, text: say(`standing.${standing}`) }))}
        isFirst
        onChange={setStanding}
      />
      {leaf.standing === "suppressed" && <Select label={say("standing.reason")} value={leaf.reason ?? ""} choices={reasons} onChange={setReason} />}
    </>
  );
}

export function AddressEditor({ leaf, onChange }: EditorProps<AddressLeaf>) {
  const { say } = useSurroundings();
  return (
    <>
      <IsSelect not={leaf.not} onChange={(not) => onChange({ ...leaf, not })} />
      <Select
        label={say("finding.label")}
        value={leaf.finding}
        choices={FINDINGS.map((finding) => ({ value: finding, text: say(`finding.${finding}`) }))}
        isFirst
        onChange={(finding) => onChange({ ...leaf, finding })}
      />
    </>
  );
}
