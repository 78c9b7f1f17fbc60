/** When, and how often. */

import { useSurroundings } from "../context";
import { DateBox, NumberBox, Select } from "../inputs/basic";
import { COUNT_OPS } from "../catalog";
import type { Period, Times } from "../leaves";

export function PeriodEditor({ period, onChange }: { period: Period | undefined; onChange(period: Period | undefined, tag?: string): void }) {
  const { say } = useSurroundings();
  const kind = !period ? "ever" : "last_days" in period ? "last" : "between";
  const choose = (next: string) => onChange(next === "ever" ? undefined : next === "last" ? { last_days: 30 } : {});
  const setDay = (end: "from" | "to", day: string) => {
    const { [end]: _gone, ...rest } = period ?? {};
    onChange(day ? { ...rest, [end]: day } : rest, `period.${end}`);
  };
  return (
    <span className="cb-pair">
      <Select
        label={say("period.label")}
        value={kind}
        choices={(["ever", "last", "between"] as const).map((one) => ({ value: one, text: say(`period.${one}`) }))}
        onChange={choose}
      />
      {kind === "last" && (
        <>
          <NumberBox label={say("period.days")} value={period?.last_days ?? null} isWhole onChange={(days) => onChange({ last_days: days }, "period.days")} />
          <span className="cb-word">{say("period.days")}</span>
        </>
      )}
      {kind === "between" && (
        <>
          <DateBox label={say("period.from")} value={period?.from ?? ""} onChange={(day) => setDay("from", day)} />
          <span className="cb-word">{say("period.to")}</span>
          <DateBox label={say("period.to")} value={period?.to ?? ""} onChange={(day) => setDay("to", day)} />
        </>
      )}
    </span>
  );
}

/** At least once and never are choices of their own: nobody thinks of them as numbers. */
export function TimesEditor({ times, countsMessages, onChange }: { times: Times | undefined; countsMessages: boolean; onChange(times: Times | undefined, tag?: string): void }) {
  const { say } = useSurroundings();
  const kind = nameTimes(times);
  const isNumbered = kind !== "once" && kind !== "never";
  const choose = (next: string) => {
    if (next === "once") onChange(undefined);
    else if (next === "never") onChange({ op: "equals", n: 0 });
    else onChange({ ...times, op: next, n: isNumbered ? (times?.n ?? null) : 2 });
  };
  const units = (["times", "messages"] as const).map((one) => ({ value: one, text: say(`times.${one}`) }));
  return (
    <span className="cb-pair">
      <Select
        label={say("times.label")}
        value={kind}
        choices={(["once", "never", ...COUNT_OPS] as const).map((one) => ({ value: one, text: say(`times.${one}`) }))}
        onChange={choose}
      />
      {isNumbered && times && (
        <>
          <NumberBox label={say("times.number")} value={times.n} isWhole isFirst onChange={(n) => onChange({ ...times, n }, "times.n")} />
          {countsMessages ? (
            <Select label={say("times.unit")} value={times.messages ? "messages" : "times"} choices={units} onChange={(unit) => onChange({ ...times, messages: unit === "messages" })} />
          ) : (
            <span className="cb-word">{say("times.times")}</span>
          )}
        </>
      )}
    </span>
  );
}

function nameTimes(times: Times | undefined): string {
  if (!times || (times.op === "at_least" && times.n === 1 && !times.messages)) return "once";
  return times.op === "equals" && times.n === 0 ? "never" : times.op;
}
