/** How a request travels: the key in its header, JSON both ways, and a second try where that can do no harm. */
import { ApiError, NoAnswer } from "./errors.js";

const USER_AGENT = "dynamail-typescript/0.1.0";
const AGAIN = new Set([429, 502, 503, 504]);
const LONGEST_WAIT = 30_000; // milliseconds between two tries

export interface Settings {
  /** Where DynaMail answers, such as https://mail.example.com. */
  baseUrl: string;
  /** Milliseconds for one try; 30,000 unless told. */
  timeout?: number;
  /** Tries after the first; 2 unless told. */
  retries?: number;
  /** In place of the global fetch. */
  fetch?: typeof fetch;
}

/** One operation of the API. `content` is sent as it is instead of `body` as JSON. */
export interface Call {
  method: string;
  path: string;
  query?: Record<string, unknown>;
  body?: unknown;
  content?: Uint8Array;
  contentType?: string;
  idempotencyKey?: string;
  wantsBytes?: boolean;
}

export class Transport {
  readonly #key: string;
  readonly #settings: Settings;

  constructor(key: string, settings: Settings) {
    if (!/^dm_(live|test)_/.test(key)) {
      throw new TypeError("An API key begins with dm_live_ or dm_test_; make one under Settings → API keys.");
    }
    this.#key = key;
    this.#settings = settings;
  }

  async send(call: Call): Promise<unknown> {
    const retries = this.#settings.retries ?? 2;
    const [url, init] = this.#build(call);
    for (let attempt = 0; ; attempt += 1) {
      const isLast = attempt >= retries;
      let answer: Response;
      try {
        answer = await (this.#settings.fetch ?? fetch)(url, {
          ...init,
          signal: AbortSignal.timeout(this.#settings.timeout ?? 30_000),
        });
      } catch (error) {
        if (isLast) throw new NoAnswer(error);
        await sleep(findWait(attempt));
        continue;
      }
      if (isLast || !AGAIN.has(answer.status)) return read(call, answer);
      await answer.body?.cancel();
      await sleep(findWait(attempt, answer));
    }
  }

  #build(call: Call): [string, RequestInit] {
    const headers = new Headers({ authorization: `Bearer ${this.#key}`, "user-agent": USER_AGENT });
    // Always one, so that a second try cannot send twice.
    if (call.method === "POST") headers.set("idempotency-key", call.idempotencyKey ?? crypto.randomUUID());
    const init: RequestInit = { method: call.method, headers };
    if (call.content !== undefined) {
      headers.set("content-type", call.contentType ?? "application/octet-stream");
      init.body = call.content as BodyInit;
    } else if (call.body !== undefined) {
      headers.set("content-type", "application/json");
      init.body = JSON.stringify(call.body);
    }
    const url = new URL(`${this.#settings.baseUrl.replace(/\/+$/, "")}/api/v1${call.path}`);
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined && value !== null) url.searchParams.set(name, String(value));
    }
    return [url.href, init];
  }
}

async function read(call: Call, answer: Response): Promise<unknown> {
  if (!answer.ok) throw new ApiError(answer.status, await readObject(answer), answer.headers);
  if (call.wantsBytes) return new Uint8Array(await answer.arrayBuffer());
  const text = await answer.text();
  return text ? JSON.parse(text) : undefined;
}

async function readObject(answer: Response): Promise<Record<string, unknown>> {
  try {
    const told: unknown = await answer.json();
    return typeof told === "object" && told !== null ? (told as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** Milliseconds before the next try: what the server asks for, else 500, 1000, 2000 … with some chance in it. */
function findWait(attempt: number, answer?: Response): number {
  const asked = Number(answer?.headers.get("retry-after") ?? Number.NaN);
  if (Number.isFinite(asked)) return Math.min(Math.max(asked, 0) * 1000, LONGEST_WAIT);
  return Math.min(500 * 2 ** attempt, LONGEST_WAIT) * (0.75 + Math.random() / 2);
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
