/** What the server says about the condition while it is edited: sentence, faults, and a count that gets exact. */

import { useEffect, useReducer, useState } from "react";

import { NoAnswer, type Api, type Person } from "./api";
import type { Json, PlacedFault } from "./model";

export interface Count {
  number: number;
  isExact: boolean;
  low?: number | undefined;
  high?: number | undefined;
  ms?: number | undefined;
}

export interface Live {
  sentence: string;
  faults: readonly PlacedFault[];
  notes: readonly PlacedFault[];
  /** The condition that sentence and faults are about; another one than is edited now while an answer is awaited. */
  checked: string | null;
  count: Count | null;
  /** Why there is no exact count. */
  problem: string;
  /** The condition that was counted. */
  counted: string | null;
  isBusy: boolean;
  error: NoAnswer | null;
}

const SETTLE_MS = 300;

type Change = Partial<Live> | ((live: Live) => Partial<Live>);

/** `condition` is its JSON text; null while something is not filled in. */
export function useLive(api: Api, condition: string | null, salt: string, first: readonly PlacedFault[] = []) {
  const [live, change] = useReducer((now: Live, next: Change) => ({ ...now, ...(typeof next === "function" ? next(now) : next) }), {
    sentence: "",
    faults: first,
    notes: [],
    checked: null,
    count: null,
    problem: "",
    counted: null,
    isBusy: false,
    error: null,
  });
  const [attempt, setAttempt] = useState(0);
  const retry = () => setAttempt((now) => now + 1);

  useEffect(() => {
    change({ isBusy: condition !== null });
    if (condition === null) return;
    const controller = new AbortController();
    const timer = window.setTimeout(() => void askAll(api, condition, salt, controller.signal, change), attempt ? 0 : SETTLE_MS);
    return () => {
      window.clearTimeout(timer);
      controller.abort();
    };
  }, [api, condition, salt, attempt]);

  useEffect(() => {
    if (!live.error) return;
    window.addEventListener("online", retry);
    return () => window.removeEventListener("online", retry);
  }, [live.error]);

  return { live, retry };
}

/** The three questions go out together; the estimate is shown until the exact count is there. */
async function askAll(api: Api, text: string, salt: string, signal: AbortSignal, change: (change: Change) => void): Promise<void> {
  const condition = JSON.parse(text) as Json;
  const tell = (next: Change) => signal.aborted || change(next);
  const counting = new AbortController();
  const stop = () => counting.abort();
  signal.addEventListener("abort", stop);
  const asked = [
    api.check(condition, signal).then(({ sentence = "", faults = [], notes = [] }) => tell({ sentence, faults, notes, checked: text, error: null })),
    api.estimate(condition, salt, counting.signal).then(
      (answer) => {
        if ("faults" in answer) return;
        const { number, low, high, ms } = answer;
        tell((live) => (live.count?.isExact && live.counted === text ? {} : { count: { number, low, high, ms, isExact: false }, problem: "", counted: text }));
      },
      // Without an estimate one waits for the count.
      () => undefined,
    ),
    api.count(condition, salt, signal).then((answer) => {
      if ("faults" in answer) return tell({ faults: answer.faults, notes: [], checked: text });
      if ("problem" in answer) return tell({ problem: answer.problem });
      stop();
      tell({ count: { ...answer, isExact: true }, problem: "", counted: text });
    }),
  ];
  const ends = await Promise.allSettled(asked);
  const failed = ends.find((end) => end.status === "rejected");
  tell({ isBusy: false, error: failed ? toNoAnswer(failed.reason) : null });
}

function toNoAnswer(reason: unknown): NoAnswer {
  return reason instanceof NoAnswer ? reason : new NoAnswer("server");
}

/** How many contacts there are at all, for the share; null when it is not known. */
export function useTotal(api: Api, isWanted: boolean): number | null {
  const [total, setTotal] = useState<number | null>(null);
  useEffect(() => {
    if (!isWanted) return;
    const controller = new AbortController();
    api.count({ all: [] }, "", controller.signal).then(
      (answer) => "number" in answer && setTotal(answer.number),
      () => undefined, // then there is no share to see
    );
    return () => controller.abort();
  }, [api, isWanted]);
  return total;
}

export interface Answer<Found> {
  found: Found | null;
  problem: string;
  error: NoAnswer | null;
  isBusy: boolean;
}

/** Asks again whenever the key changes; null asks nothing and forgets. */
export function useAnswer<Found>(key: string | null, ask: (signal: AbortSignal) => Promise<Found | { problem: string } | { faults: PlacedFault[] }>): Answer<Found> {
  const [answer, setAnswer] = useState<Answer<Found>>({ found: null, problem: "", error: null, isBusy: false });
  useEffect(() => {
    if (key === null) return setAnswer({ found: null, problem: "", error: null, isBusy: false });
    const controller = new AbortController();
    const { signal } = controller;
    const tell = (next: Partial<Answer<Found>>) => signal.aborted || setAnswer((now) => ({ ...now, isBusy: false, problem: "", error: null, ...next }));
    setAnswer((now) => ({ ...now, isBusy: true }));
    ask(signal).then(
      (got) => {
        if (typeof got === "object" && got !== null && "problem" in got) tell({ problem: got.problem, found: null });
        else if (typeof got === "object" && got !== null && "faults" in got) tell({ problem: got.faults[0]?.text ?? "", found: null });
        else tell({ found: got as Found });
      },
      (reason: unknown) => tell({ error: toNoAnswer(reason) }),
    );
    return () => controller.abort();
    // The key says all that the question depends on.
  }, [key]);
  return answer;
}

export type People = { people: Person[] };
