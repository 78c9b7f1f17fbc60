/** Is this webhook from your DynaMail? Standard Webhooks 1.0: https://www.standardwebhooks.com */

/** It is not from your DynaMail, or not from now. Answer with 400 and do nothing else. */
export class WebhookError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "WebhookError";
  }
}

export interface WebhookEvent {
  type: string;
  timestamp: string;
  data: Record<string, unknown>;
}

type NamedValues = Headers | Record<string, string | string[] | undefined>;

/**
 * The event, once its signature is proved. Throws WebhookError.
 *
 * `body` is the request's body as it came, before any parsing. `secret` is the endpoint's `whsec_…`, or its public key `whpk_…`. The
 * same `webhook-id` may come more than once: remember those that you have handled. `tolerance` is in seconds.
 */
export async function verifyWebhook(
  body: string | Uint8Array,
  headers: NamedValues,
  secret: string,
  options: { tolerance?: number; now?: number } = {},
): Promise<WebhookEvent> {
  const id = find(headers, "webhook-id");
  const timestamp = find(headers, "webhook-timestamp");
  const signatures = find(headers, "webhook-signature");
  if (!id || !/^\d+$/.test(timestamp) || !signatures) {
    throw new WebhookError("The webhook's headers are missing or cannot be read.");
  }
  const now = options.now ?? Date.now() / 1000;
  if (Math.abs(now - Number(timestamp)) > (options.tolerance ?? 300)) {
    throw new WebhookError("The webhook is too old, or one of the clocks is wrong.");
  }
  const octets = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const head = new TextEncoder().encode(`${id}.${timestamp}.`);
  const signed = new Uint8Array(head.length + octets.length);
  signed.set(head);
  signed.set(octets, head.length);
  if (!(await isSigned(signed, signatures.split(" "), secret))) {
    throw new WebhookError("The webhook's signature does not fit.");
  }
  return JSON.parse(new TextDecoder().decode(octets)) as WebhookEvent;
}

async function isSigned(signed: Uint8Array, signatures: string[], secret: string): Promise<boolean> {
  const isPublic = secret.startsWith("whpk_");
  const version = isPublic ? "v1a" : "v1";
  const key = await importKey(decode(secret.slice(secret.indexOf("_") + 1)), isPublic);
  for (const signature of signatures) {
    const comma = signature.indexOf(",");
    if (signature.slice(0, comma) !== version) continue;
    const code = decodeOrNothing(signature.slice(comma + 1));
    // The comparison takes the same time whatever differs: WebCrypto's own.
    if (code && (await crypto.subtle.verify(key.algorithm.name, key, code as BufferSource, signed as BufferSource))) return true;
  }
  return false;
}

function importKey(raw: Uint8Array, isPublic: boolean): Promise<CryptoKey> {
  const algorithm = isPublic ? { name: "Ed25519" } : { name: "HMAC", hash: "SHA-256" };
  return crypto.subtle.importKey("raw", raw as BufferSource, algorithm, false, ["verify"]);
}

function decode(text: string): Uint8Array {
  const octets = decodeOrNothing(text);
  if (!octets) throw new WebhookError("The secret is not one of a webhook: it begins with whsec_ or whpk_.");
  return octets;
}

function decodeOrNothing(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}

function find(headers: NamedValues, name: string): string {
  if (headers instanceof Headers) return headers.get(name) ?? "";
  for (const [key, value] of Object.entries(headers)) {
    if (key.toLowerCase() === name) return Array.isArray(value) ? (value[0] ?? "") : (value ?? "");
  }
  return "";
}
