/**
 * The client of DynaMail's API.
 *
 *     import { DynaMail } from "dynamail";
 *
 *     const dynamail = new DynaMail("dm_live_…", { baseUrl: "https://mail.example.com" });
 *     const sent = await dynamail.emails.send({ from: "Acme <hello@acme.example>", to: "ann@example.com", subject: "Hi", text: "Hello!" });
 */
import { Resources } from "./resources.js";
import { Transport, type Settings } from "./transport.js";

export { ApiError, NoAnswer, type FieldError } from "./errors.js";
export type { Settings } from "./transport.js";
export type * as types from "./types.js";
export { verifyWebhook, WebhookError, type WebhookEvent } from "./webhooks.js";

export class DynaMail extends Resources {
  constructor(key: string, settings: Settings) {
    super(new Transport(key, settings));
  }
}
