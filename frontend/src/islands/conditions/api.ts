/** The builder's questions to the server: small JSON requests with the page's session. */

import { getCsrfToken } from "../../lib/requests";
import type { Catalog } from "./catalog";
import type { Json, PlacedFault } from "./model";

export interface Urls {
  catalog: string;
  check: string;
  estimate: string;
  count: string;
  people: string;
  overlap: string;
  values: string;
}
export interface Checked {
  sentence?: string;
  faults?: PlacedFault[];
  /** What hinders nobody, but is worth knowing: an event that never arrived. */
  notes?: PlacedFault[];
}
export interface Estimated {
  number: number;
  low?: number;
  high?: number;
  ms?: number;
}
export interface Faulty {
  faults: PlacedFault[];
}
export interface Counted {
  number: number;
  ms: number;
}
export interface Person {
  id: string;
  name: string;
  email: string;
  url: string;
}
export interface Overlap {
  this: number;
  other: number;
  both: number;
}
export interface Suggestion {
  value: string | number | boolean;
  contacts?: number;
}
/** What values are asked for: one attribute, field, or property of an event. */
export type ValueSource = { attribute: string } | { field: string } | { event: string; property: string };

/** Why there is no answer: no way to the server, no session, or the server's own trouble. */
export class NoAnswer extends Error {
  constructor(
    readonly why: "offline" | "signed_out" | "server",
    readonly status = 0,
  ) {
    super(`${why} ${status}`);
  }
}

export interface Api {
  loadCatalog(signal?: AbortSignal): Promise<Catalog>;
  check(condition: Json, signal?: AbortSignal): Promise<Checked>;
  estimate(condition: Json, salt: string, signal?: AbortSignal): Promise<Estimated | Faulty>;
  count(condition: Json, salt: string, signal?: AbortSignal): Promise<Counted | { problem: string } | Faulty>;
  pickPeople(condition: Json, salt: string, signal?: AbortSignal): Promise<{ people: Person[] } | Faulty>;
  overlap(condition: Json, salt: string, segment: string, signal?: AbortSignal): Promise<Overlap | { problem: string } | Faulty>;
  suggest(source: ValueSource, prefix: string, signal?: AbortSignal): Promise<{ values: Suggestion[] }>;
}

export function makeApi(urls: Urls): Api {
  const withSalt = (condition: Json, salt: string): Record<string, Json> => (salt ? { condition, salt } : { condition });
  return {
    loadCatalog: (signal) => ask(urls.catalog, undefined, signal),
    check: (condition, signal) => ask(urls.check, { condition }, signal),
    estimate: (condition, salt, signal) => ask(urls.estimate, withSalt(condition, salt), signal),
    count: (condition, salt, signal) => ask(urls.count, withSalt(condition, salt), signal),
    pickPeople: (condition, salt, signal) => ask(urls.people, withSalt(condition, salt), signal),
    overlap: (condition, salt, segment, signal) => ask(urls.overlap, { ...withSalt(condition, salt), segment }, signal),
    suggest: (source, prefix, signal) => ask(`${urls.values}?${new URLSearchParams({ ...source, prefix })}`, undefined, signal),
  };
}

/** Faults come with 200 or with a 4xx; both are answers. */
async function ask<Answer>(url: string, body?: Json, signal?: AbortSignal): Promise<Answer> {
  const response = await send(url, body, signal);
  const isJson = response.headers.get("Content-Type")?.includes("json");
  if (response.redirected || response.status === 401 || response.status === 403) throw new NoAnswer("signed_out", response.status);
  if (!isJson) throw new NoAnswer("server", response.status);
  const answer = (await response.json()) as Answer & { faults?: unknown };
  if (response.ok || Array.isArray(answer.faults)) return answer;
  throw new NoAnswer("server", response.status);
}

async function send(url: string, body: Json | undefined, signal: AbortSignal | undefined): Promise<Response> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (body !== undefined) Object.assign(headers, { "Content-Type": "application/json", "X-CSRFToken": getCsrfToken() });
  try {
    return await fetch(url, {
      method: body === undefined ? "GET" : "POST",
      headers,
      credentials: "same-origin",
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new NoAnswer("offline");
  }
}
