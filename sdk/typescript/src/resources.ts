// Written by `make sdk` from docs/api/openapi.json; do not edit.

import type { Transport } from "./transport.js";
import type * as types from "./types.js";

export class Attributes {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Archive an attribute. */
  archive(attribute: string): Promise<void> {
    return this.#transport.send({ method: "DELETE", path: `/attributes/${encodeURIComponent(attribute)}` }) as Promise<void>;
  }

  /** Change an attribute. */
  change(attribute: string, body: types.AttributeChangeInput): Promise<types.AttributeBody> {
    return this.#transport.send({ method: "PATCH", path: `/attributes/${encodeURIComponent(attribute)}`, body }) as Promise<types.AttributeBody>;
  }

  /** Create an attribute. */
  create(body: types.AttributeInput, options: { idempotencyKey?: string } = {}): Promise<types.AttributeBody> {
    return this.#transport.send({ method: "POST", path: `/attributes`, body, ...options }) as Promise<types.AttributeBody>;
  }

  /** Read an attribute. */
  get(attribute: string): Promise<types.AttributeBody> {
    return this.#transport.send({ method: "GET", path: `/attributes/${encodeURIComponent(attribute)}` }) as Promise<types.AttributeBody>;
  }

  /** List attributes. */
  list(query: { limit?: number; after?: string; archived?: boolean } = {}): Promise<types.AttributeList> {
    return this.#transport.send({ method: "GET", path: `/attributes`, query }) as Promise<types.AttributeList>;
  }

  /** List attributes: page after page. */
  async *iterate(query: { limit?: number; after?: string; archived?: boolean } = {}): AsyncGenerator<types.AttributeBody> {
    let after: string | undefined;
    do {
      const page = await this.list({ ...query, ...(after ? { after } : {}) });
      yield* page.data;
      after = page.next ?? undefined;
    } while (after);
  }
}

export class Campaigns {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Cancel a campaign. */
  cancel(campaign: string, options: { idempotencyKey?: string } = {}): Promise<types.CampaignBody> {
    return this.#transport.send({ method: "POST", path: `/campaigns/${encodeURIComponent(campaign)}/cancel`, ...options }) as Promise<types.CampaignBody>;
  }

  /** Change a draft. */
  change(campaign: string, body: types.CampaignChangeInput): Promise<types.CampaignBody> {
    return this.#transport.send({ method: "PATCH", path: `/campaigns/${encodeURIComponent(campaign)}`, body }) as Promise<types.CampaignBody>;
  }

  /** What stands between a draft and its launch. */
  check(campaign: string): Promise<types.ReadinessBody> {
    return this.#transport.send({ method: "GET", path: `/campaigns/${encodeURIComponent(campaign)}/readiness` }) as Promise<types.ReadinessBody>;
  }

  /** Create a campaign. */
  create(body: types.CampaignInput, options: { idempotencyKey?: string } = {}): Promise<types.CampaignBody> {
    return this.#transport.send({ method: "POST", path: `/campaigns`, body, ...options }) as Promise<types.CampaignBody>;
  }

  /** Read a campaign. */
  get(campaign: string): Promise<types.CampaignBody> {
    return this.#transport.send({ method: "GET", path: `/campaigns/${encodeURIComponent(campaign)}` }) as Promise<types.CampaignBody>;
  }

  /** Launch a campaign. */
  launch(campaign: string, body: types.LaunchInput, options: { idempotencyKey?: string } = {}): Promise<types.CampaignBody> {
    return this.#transport.send({ method: "POST", path: `/campaigns/${encodeURIComponent(campaign)}/launch`, body, ...options }) as Promise<types.CampaignBody>;
  }

  /** List campaigns. */
  list(query: { limit?: number; after?: string; state?: string; name?: string } = {}): Promise<types.CampaignSummaryList> {
    return this.#transport.send({ method: "GET", path: `/campaigns`, query }) as Promise<types.CampaignSummaryList>;
  }

  /** List campaigns: page after page. */
  async *iterate(query: { limit?: number; after?: string; state?: string; name?: string } = {}): AsyncGenerator<types.CampaignSummaryBody> {
    let after: string | undefined;
    do {
      const page = await this.list({ ...query, ...(after ? { after } : {}) });
      yield* page.data;
      after = page.next ?? undefined;
    } while (after);
  }

  /** Links of a campaign with their clicks. */
  listLinks(campaign: string): Promise<types.LinkList> {
    return this.#transport.send({ method: "GET", path: `/campaigns/${encodeURIComponent(campaign)}/links` }) as Promise<types.LinkList>;
  }

  /** Recipients of a campaign by outcome. */
  listRecipients(campaign: string, query: { limit?: number; after?: string; outcome?: string } = {}): Promise<types.RecipientList> {
    return this.#transport.send({ method: "GET", path: `/campaigns/${encodeURIComponent(campaign)}/recipients`, query }) as Promise<types.RecipientList>;
  }

  /** Recipients of a campaign by outcome: page after page. */
  async *iterateRecipients(campaign: string, query: { limit?: number; after?: string; outcome?: string } = {}): AsyncGenerator<types.RecipientBody> {
    let after: string | undefined;
    do {
      const page = await this.listRecipients(campaign, { ...query, ...(after ? { after } : {}) });
      yield* page.data;
      after = page.next ?? undefined;
    } while (after);
  }

  /** Pause a campaign. */
  pause(campaign: string, options: { idempotencyKey?: string } = {}): Promise<types.CampaignBody> {
    return this.#transport.send({ method: "POST", path: `/campaigns/${encodeURIComponent(campaign)}/pause`, ...options }) as Promise<types.CampaignBody>;
  }

  /** Delete a draft. */
  remove(campaign: string): Promise<void> {
    return this.#transport.send({ method: "DELETE", path: `/campaigns/${encodeURIComponent(campaign)}` }) as Promise<void>;
  }

  /** Resume a campaign. */
  resume(campaign: string, options: { idempotencyKey?: string } = {}): Promise<types.CampaignBody> {
    return this.#transport.send({ method: "POST", path: `/campaigns/${encodeURIComponent(campaign)}/resume`, ...options }) as Promise<types.CampaignBody>;
  }

  /** Schedule a campaign. */
  schedule(campaign: string, body: types.ScheduleInput, options: { idempotencyKey?: string } = {}): Promise<types.CampaignBody> {
    return this.#transport.send({ method: "POST", path: `/campaigns/${encodeURIComponent(campaign)}/schedule`, body, ...options }) as Promise<types.CampaignBody>;
  }

  /** Send a test. */
  test(campaign: string, body: types.TestInput, options: { idempotencyKey?: string } = {}): Promise<types.TestBody> {
    return this.#transport.send({ method: "POST", path: `/campaigns/${encodeURIComponent(campaign)}/test`, body, ...options }) as Promise<types.TestBody>;
  }

  /** Take a campaign off the schedule. */
  unschedule(campaign: string, options: { idempotencyKey?: string } = {}): Promise<types.CampaignBody> {
    return this.#transport.send({ method: "POST", path: `/campaigns/${encodeURIComponent(campaign)}/unschedule`, ...options }) as Promise<types.CampaignBody>;
  }
}

export class Contacts {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Change a contact. */
  change(contact: string, body: types.ContactChangeInput): Promise<types.FullContactBody> {
    return this.#transport.send({ method: "PATCH", path: `/contacts/${encodeURIComponent(contact)}`, body }) as Promise<types.FullContactBody>;
  }

  /** Give and take tags of a contact. */
  changeTags(contact: string, body: types.ContactTagsInput, options: { idempotencyKey?: string } = {}): Promise<types.FullContactBody> {
    return this.#transport.send({ method: "POST", path: `/contacts/${encodeURIComponent(contact)}/tags`, body, ...options }) as Promise<types.FullContactBody>;
  }

  /** Add a contact. */
  create(body: types.NewContactInput, options: { idempotencyKey?: string } = {}): Promise<types.FullContactBody> {
    return this.#transport.send({ method: "POST", path: `/contacts`, body, ...options }) as Promise<types.FullContactBody>;
  }

  /** Read a contact. */
  get(contact: string): Promise<types.FullContactBody> {
    return this.#transport.send({ method: "GET", path: `/contacts/${encodeURIComponent(contact)}` }) as Promise<types.FullContactBody>;
  }

  /** List contacts. */
  list(query: { limit?: number; after?: string; email?: string; tag?: string; topic?: string; topic_state?: string; state?: string; segment?: string; updated_since?: string | null } = {}): Promise<types.FullContactList> {
    return this.#transport.send({ method: "GET", path: `/contacts`, query }) as Promise<types.FullContactList>;
  }

  /** List contacts: page after page. */
  async *iterate(query: { limit?: number; after?: string; email?: string; tag?: string; topic?: string; topic_state?: string; state?: string; segment?: string; updated_since?: string | null } = {}): AsyncGenerator<types.FullContactBody> {
    let after: string | undefined;
    do {
      const page = await this.list({ ...query, ...(after ? { after } : {}) });
      yield* page.data;
      after = page.next ?? undefined;
    } while (after);
  }

  /** To whom a contact's data was handed over. */
  listDisclosures(contact: string, query: { limit?: number; after?: string } = {}): Promise<types.DisclosureList> {
    return this.#transport.send({ method: "GET", path: `/contacts/${encodeURIComponent(contact)}/disclosures`, query }) as Promise<types.DisclosureList>;
  }

  /** To whom a contact's data was handed over: page after page. */
  async *iterateDisclosures(contact: string, query: { limit?: number; after?: string } = {}): AsyncGenerator<types.DisclosureBody> {
    let after: string | undefined;
    do {
      const page = await this.listDisclosures(contact, { ...query, ...(after ? { after } : {}) });
      yield* page.data;
      after = page.next ?? undefined;
    } while (after);
  }

  /** What happened with a contact. */
  listTimeline(contact: string, query: { limit?: number; after?: string } = {}): Promise<types.TimelineList> {
    return this.#transport.send({ method: "GET", path: `/contacts/${encodeURIComponent(contact)}/timeline`, query }) as Promise<types.TimelineList>;
  }

  /** What happened with a contact: page after page. */
  async *iterateTimeline(contact: string, query: { limit?: number; after?: string } = {}): AsyncGenerator<types.TimelineBody> {
    let after: string | undefined;
    do {
      const page = await this.listTimeline(contact, { ...query, ...(after ? { after } : {}) });
      yield* page.data;
      after = page.next ?? undefined;
    } while (after);
  }

  /** Where a contact stands on each topic. */
  listTopics(contact: string): Promise<types.SubscriptionsBody> {
    return this.#transport.send({ method: "GET", path: `/contacts/${encodeURIComponent(contact)}/topics` }) as Promise<types.SubscriptionsBody>;
  }

  /** Delete a contact. */
  remove(contact: string): Promise<void> {
    return this.#transport.send({ method: "DELETE", path: `/contacts/${encodeURIComponent(contact)}` }) as Promise<void>;
  }

  /** Ask a contact to confirm a subscription. */
  requestConfirmation(contact: string, topic: string, body: types.ConfirmationInput, options: { idempotencyKey?: string } = {}): Promise<types.ConfirmationBody> {
    return this.#transport.send({ method: "POST", path: `/contacts/${encodeURIComponent(contact)}/topics/${encodeURIComponent(topic)}/confirmation`, body, ...options }) as Promise<types.ConfirmationBody>;
  }

  /** Find contacts by a condition. */
  search(body: types.ContactSearchInput, options: { idempotencyKey?: string } = {}): Promise<types.FullContactList> {
    return this.#transport.send({ method: "POST", path: `/contacts/search`, body, ...options }) as Promise<types.FullContactList>;
  }

  /** Subscribe or unsubscribe a contact. */
  setTopic(contact: string, topic: string, body: types.SubscriptionInput): Promise<types.SubscriptionBody> {
    return this.#transport.send({ method: "PUT", path: `/contacts/${encodeURIComponent(contact)}/topics/${encodeURIComponent(topic)}`, body }) as Promise<types.SubscriptionBody>;
  }

  /** Take an external id off a contact. */
  unlink(contact: string, externalId: string): Promise<void> {
    return this.#transport.send({ method: "DELETE", path: `/contacts/${encodeURIComponent(contact)}/external_ids/${encodeURIComponent(externalId)}` }) as Promise<void>;
  }

  /** Add or change a contact. */
  upsert(contact: string, body: types.ContactFields): Promise<types.FullContactBody> {
    return this.#transport.send({ method: "PUT", path: `/contacts/${encodeURIComponent(contact)}`, body }) as Promise<types.FullContactBody>;
  }

  /** Add or change up to 500 contacts. */
  upsertBatch(body: types.ContactBatchInput, options: { idempotencyKey?: string } = {}): Promise<types.ContactResultsBody> {
    return this.#transport.send({ method: "POST", path: `/contacts/batch`, body, ...options }) as Promise<types.ContactResultsBody>;
  }
}

export class Domains {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Add a sending domain. */
  add(body: types.DomainInput, options: { idempotencyKey?: string } = {}): Promise<types.FullDomainBody> {
    return this.#transport.send({ method: "POST", path: `/domains`, body, ...options }) as Promise<types.FullDomainBody>;
  }

  /** Check a sending domain now. */
  check(domain: string, options: { idempotencyKey?: string } = {}): Promise<types.FullDomainBody> {
    return this.#transport.send({ method: "POST", path: `/domains/${encodeURIComponent(domain)}/check`, ...options }) as Promise<types.FullDomainBody>;
  }

  /** Read a sending domain. */
  get(domain: string): Promise<types.FullDomainBody> {
    return this.#transport.send({ method: "GET", path: `/domains/${encodeURIComponent(domain)}` }) as Promise<types.FullDomainBody>;
  }

  /** List sending domains. */
  list(query: { limit?: number; after?: string } = {}): Promise<types.DomainList> {
    return this.#transport.send({ method: "GET", path: `/domains`, query }) as Promise<types.DomainList>;
  }

  /** List sending domains: page after page. */
  async *iterate(query: { limit?: number; after?: string } = {}): AsyncGenerator<types.DomainBody> {
    let after: string | undefined;
    do {
      const page = await this.list({ ...query, ...(after ? { after } : {}) });
      yield* page.data;
      after = page.next ?? undefined;
    } while (after);
  }

  /** Remove a sending domain. */
  remove(domain: string): Promise<void> {
    return this.#transport.send({ method: "DELETE", path: `/domains/${encodeURIComponent(domain)}` }) as Promise<void>;
  }
}

export class Emails {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Cancel an email. */
  cancel(emailId: string, options: { idempotencyKey?: string } = {}): Promise<types.ChangedBody> {
    return this.#transport.send({ method: "POST", path: `/emails/${encodeURIComponent(emailId)}/cancel`, ...options }) as Promise<types.ChangedBody>;
  }

  /** Reschedule an email. */
  change(emailId: string, body: types.ChangeInput): Promise<types.ChangedBody> {
    return this.#transport.send({ method: "PATCH", path: `/emails/${encodeURIComponent(emailId)}`, body }) as Promise<types.ChangedBody>;
  }

  /** Get one email with its timeline. */
  get(emailId: string): Promise<types.EmailBodyView> {
    return this.#transport.send({ method: "GET", path: `/emails/${encodeURIComponent(emailId)}` }) as Promise<types.EmailBodyView>;
  }

  /** Get what an email says. */
  getContent(emailId: string): Promise<types.ContentBody> {
    return this.#transport.send({ method: "GET", path: `/emails/${encodeURIComponent(emailId)}/content` }) as Promise<types.ContentBody>;
  }

  /** List emails, the latest first. */
  list(query: { limit?: number; after?: string; state?: "" | "accepted" | "bounced" | "canceled" | "deferred" | "delivered" | "expired" | "queued" | "scheduled" | "suppressed" | "unknown"; reaction?: "" | "clicked" | "complained" | "opened" | "returned"; recipient?: string; tag?: string; stream?: string; source?: "" | "api" | "smtp"; subject?: string; is_test?: boolean | null; since?: string | null; until?: string | null } = {}): Promise<types.EmailLineList> {
    return this.#transport.send({ method: "GET", path: `/emails`, query }) as Promise<types.EmailLineList>;
  }

  /** List emails, the latest first: page after page. */
  async *iterate(query: { limit?: number; after?: string; state?: "" | "accepted" | "bounced" | "canceled" | "deferred" | "delivered" | "expired" | "queued" | "scheduled" | "suppressed" | "unknown"; reaction?: "" | "clicked" | "complained" | "opened" | "returned"; recipient?: string; tag?: string; stream?: string; source?: "" | "api" | "smtp"; subject?: string; is_test?: boolean | null; since?: string | null; until?: string | null } = {}): AsyncGenerator<types.EmailLineBody> {
    let after: string | undefined;
    do {
      const page = await this.list({ ...query, ...(after ? { after } : {}) });
      yield* page.data;
      after = page.next ?? undefined;
    } while (after);
  }

  /** Send an email again. */
  resend(emailId: string, options: { idempotencyKey?: string } = {}): Promise<types.TakenEmail> {
    return this.#transport.send({ method: "POST", path: `/emails/${encodeURIComponent(emailId)}/resend`, ...options }) as Promise<types.TakenEmail>;
  }

  /** Send one email. */
  send(body: types.EmailInput, options: { idempotencyKey?: string } = {}): Promise<types.TakenEmail> {
    return this.#transport.send({ method: "POST", path: `/emails`, body, ...options }) as Promise<types.TakenEmail>;
  }

  /** Send up to 500 emails. */
  sendBatch(body: types.BatchInput, options: { idempotencyKey?: string } = {}): Promise<types.BatchResults> {
    return this.#transport.send({ method: "POST", path: `/emails/batch`, body, ...options }) as Promise<types.BatchResults>;
  }
}

export class Events {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** List the names of events. */
  listNames(query: { limit?: number; after?: string } = {}): Promise<types.EventNameList> {
    return this.#transport.send({ method: "GET", path: `/events/names`, query }) as Promise<types.EventNameList>;
  }

  /** List the names of events: page after page. */
  async *iterateNames(query: { limit?: number; after?: string } = {}): AsyncGenerator<types.EventNameBody> {
    let after: string | undefined;
    do {
      const page = await this.listNames({ ...query, ...(after ? { after } : {}) });
      yield* page.data;
      after = page.next ?? undefined;
    } while (after);
  }

  /** Send an event about a contact. */
  send(body: types.EventInput, options: { idempotencyKey?: string } = {}): Promise<types.TakenEventBody> {
    return this.#transport.send({ method: "POST", path: `/events`, body, ...options }) as Promise<types.TakenEventBody>;
  }

  /** Send up to 500 events. */
  sendBatch(body: types.EventBatchInput, options: { idempotencyKey?: string } = {}): Promise<types.EventResultsBody> {
    return this.#transport.send({ method: "POST", path: `/events/batch`, body, ...options }) as Promise<types.EventResultsBody>;
  }
}

export class Exports {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Fetch the file of an export. */
  download(exportId: string): Promise<Uint8Array> {
    return this.#transport.send({ method: "GET", path: `/exports/${encodeURIComponent(exportId)}/content`, wantsBytes: true }) as Promise<Uint8Array>;
  }

  /** Read an export. */
  get(exportId: string): Promise<types.ExportBody> {
    return this.#transport.send({ method: "GET", path: `/exports/${encodeURIComponent(exportId)}` }) as Promise<types.ExportBody>;
  }

  /** List exports. */
  list(query: { limit?: number; after?: string } = {}): Promise<types.ExportList> {
    return this.#transport.send({ method: "GET", path: `/exports`, query }) as Promise<types.ExportList>;
  }

  /** List exports: page after page. */
  async *iterate(query: { limit?: number; after?: string } = {}): AsyncGenerator<types.ExportBody> {
    let after: string | undefined;
    do {
      const page = await this.list({ ...query, ...(after ? { after } : {}) });
      yield* page.data;
      after = page.next ?? undefined;
    } while (after);
  }

  /** Start an export. */
  start(body: types.ExportInput, options: { idempotencyKey?: string } = {}): Promise<types.ExportBody> {
    return this.#transport.send({ method: "POST", path: `/exports`, body, ...options }) as Promise<types.ExportBody>;
  }
}

export class Inbound {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Check a domain for incoming mail. */
  checkDomain(domain: string, options: { idempotencyKey?: string } = {}): Promise<types.InboundDomainBody> {
    return this.#transport.send({ method: "POST", path: `/inbound/domains/${encodeURIComponent(domain)}/check`, ...options }) as Promise<types.InboundDomainBody>;
  }

  /** Create an address for incoming mail. */
  createAddress(body: types.InboundAddressInput, options: { idempotencyKey?: string } = {}): Promise<types.InboundAddressBody> {
    return this.#transport.send({ method: "POST", path: `/inbound/addresses`, body, ...options }) as Promise<types.InboundAddressBody>;
  }

  /** Add a domain for incoming mail. */
  createDomain(body: types.InboundDomainInput, options: { idempotencyKey?: string } = {}): Promise<types.InboundDomainBody> {
    return this.#transport.send({ method: "POST", path: `/inbound/domains`, body, ...options }) as Promise<types.InboundDomainBody>;
  }

  /** Remove an address for incoming mail. */
  deleteAddress(address: string): Promise<void> {
    return this.#transport.send({ method: "DELETE", path: `/inbound/addresses/${encodeURIComponent(address)}` }) as Promise<void>;
  }

  /** Remove a domain for incoming mail. */
  deleteDomain(domain: string): Promise<void> {
    return this.#transport.send({ method: "DELETE", path: `/inbound/domains/${encodeURIComponent(domain)}` }) as Promise<void>;
  }

  /** Fetch a file of an incoming message. */
  getAttachment(message: string, number: string): Promise<Uint8Array> {
    return this.#transport.send({ method: "GET", path: `/inbound/messages/${encodeURIComponent(message)}/attachments/${encodeURIComponent(number)}`, wantsBytes: true }) as Promise<Uint8Array>;
  }

  /** Read an incoming message. */
  getMessage(message: string): Promise<types.ReceivedPartsBody> {
    return this.#transport.send({ method: "GET", path: `/inbound/messages/${encodeURIComponent(message)}` }) as Promise<types.ReceivedPartsBody>;
  }

  /** Fetch an incoming message as it came. */
  getRaw(message: string): Promise<Uint8Array> {
    return this.#transport.send({ method: "GET", path: `/inbound/messages/${encodeURIComponent(message)}/raw`, wantsBytes: true }) as Promise<Uint8Array>;
  }

  /** List addresses for incoming mail. */
  listAddresses(query: { limit?: number; after?: string } = {}): Promise<types.InboundAddressList> {
    return this.#transport.send({ method: "GET", path: `/inbound/addresses`, query }) as Promise<types.InboundAddressList>;
  }

  /** List addresses for incoming mail: page after page. */
  async *iterateAddresses(query: { limit?: number; after?: string } = {}): AsyncGenerator<types.InboundAddressBody> {
    let after: string | undefined;
    do {
      const page = await this.listAddresses({ ...query, ...(after ? { after } : {}) });
      yield* page.data;
      after = page.next ?? undefined;
    } while (after);
  }

  /** List domains for incoming mail. */
  listDomains(query: { limit?: number; after?: string } = {}): Promise<types.InboundDomainList> {
    return this.#transport.send({ method: "GET", path: `/inbound/domains`, query }) as Promise<types.InboundDomainList>;
  }

  /** List domains for incoming mail: page after page. */
  async *iterateDomains(query: { limit?: number; after?: string } = {}): AsyncGenerator<types.InboundDomainBody> {
    let after: string | undefined;
    do {
      const page = await this.listDomains({ ...query, ...(after ? { after } : {}) });
      yield* page.data;
      after = page.next ?? undefined;
    } while (after);
  }

  /** List incoming messages. */
  listMessages(query: { limit?: number; after?: string; to?: string; from?: string; email_id?: string; search?: string; replies_only?: boolean } = {}): Promise<types.ReceivedList> {
    return this.#transport.send({ method: "GET", path: `/inbound/messages`, query }) as Promise<types.ReceivedList>;
  }

  /** List incoming messages: page after page. */
  async *iterateMessages(query: { limit?: number; after?: string; to?: string; from?: string; email_id?: string; search?: string; replies_only?: boolean } = {}): AsyncGenerator<types.ReceivedBody> {
    let after: string | undefined;
    do {
      const page = await this.listMessages({ ...query, ...(after ? { after } : {}) });
      yield* page.data;
      after = page.next ?? undefined;
    } while (after);
  }
}

export class Media {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Fetch a file. */
  download(media: string): Promise<Uint8Array> {
    return this.#transport.send({ method: "GET", path: `/media/${encodeURIComponent(media)}/content`, wantsBytes: true }) as Promise<Uint8Array>;
  }

  /** Read about a file. */
  get(media: string): Promise<types.MediaBody> {
    return this.#transport.send({ method: "GET", path: `/media/${encodeURIComponent(media)}` }) as Promise<types.MediaBody>;
  }

  /** List files. */
  list(query: { limit?: number; after?: string } = {}): Promise<types.MediaList> {
    return this.#transport.send({ method: "GET", path: `/media`, query }) as Promise<types.MediaList>;
  }

  /** List files: page after page. */
  async *iterate(query: { limit?: number; after?: string } = {}): AsyncGenerator<types.MediaBody> {
    let after: string | undefined;
    do {
      const page = await this.list({ ...query, ...(after ? { after } : {}) });
      yield* page.data;
      after = page.next ?? undefined;
    } while (after);
  }

  /** Delete a file. */
  remove(media: string): Promise<void> {
    return this.#transport.send({ method: "DELETE", path: `/media/${encodeURIComponent(media)}` }) as Promise<void>;
  }

  /** Keep a file. */
  upload(content: Uint8Array, query: { filename?: string } = {}, options: { idempotencyKey?: string; contentType?: string } = {}): Promise<types.MediaBody> {
    return this.#transport.send({ method: "POST", path: `/media`, query, content, ...options }) as Promise<types.MediaBody>;
  }
}

export class Requests {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Get one request. */
  get(requestId: string): Promise<types.RequestBody> {
    return this.#transport.send({ method: "GET", path: `/requests/${encodeURIComponent(requestId)}` }) as Promise<types.RequestBody>;
  }

  /** List requests. */
  list(query: { limit?: number; after?: string; status?: string; code?: string; method?: string; path?: string; door?: string; since?: string | null; until?: string | null; search?: string } = {}): Promise<types.RequestList> {
    return this.#transport.send({ method: "GET", path: `/requests`, query }) as Promise<types.RequestList>;
  }

  /** List requests: page after page. */
  async *iterate(query: { limit?: number; after?: string; status?: string; code?: string; method?: string; path?: string; door?: string; since?: string | null; until?: string | null; search?: string } = {}): AsyncGenerator<types.RequestBody> {
    let after: string | undefined;
    do {
      const page = await this.list({ ...query, ...(after ? { after } : {}) });
      yield* page.data;
      after = page.next ?? undefined;
    } while (after);
  }
}

export class Segments {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Change a segment. */
  change(segmentId: string, body: types.SegmentChangeInput): Promise<types.SegmentBody> {
    return this.#transport.send({ method: "PATCH", path: `/segments/${encodeURIComponent(segmentId)}`, body }) as Promise<types.SegmentBody>;
  }

  /** Count contacts by a condition. */
  count(body: types.SegmentQuestionInput, options: { idempotencyKey?: string } = {}): Promise<types.SegmentCountBody> {
    return this.#transport.send({ method: "POST", path: `/segments/count`, body, ...options }) as Promise<types.SegmentCountBody>;
  }

  /** Create a segment. */
  create(body: types.SegmentInput, options: { idempotencyKey?: string } = {}): Promise<types.SegmentBody> {
    return this.#transport.send({ method: "POST", path: `/segments`, body, ...options }) as Promise<types.SegmentBody>;
  }

  /** Get a segment. */
  get(segmentId: string): Promise<types.SegmentBody> {
    return this.#transport.send({ method: "GET", path: `/segments/${encodeURIComponent(segmentId)}` }) as Promise<types.SegmentBody>;
  }

  /** List segments. */
  list(query: { limit?: number; after?: string; state?: "active" | "archived"; name?: string } = {}): Promise<types.SegmentList> {
    return this.#transport.send({ method: "GET", path: `/segments`, query }) as Promise<types.SegmentList>;
  }

  /** List segments: page after page. */
  async *iterate(query: { limit?: number; after?: string; state?: "active" | "archived"; name?: string } = {}): AsyncGenerator<types.SegmentBody> {
    let after: string | undefined;
    do {
      const page = await this.list({ ...query, ...(after ? { after } : {}) });
      yield* page.data;
      after = page.next ?? undefined;
    } while (after);
  }

  /** List who joined and left a segment. */
  listChanges(segmentId: string, query: { limit?: number; after?: string; act?: "entered" | "left" | null } = {}): Promise<types.SegmentEntryList> {
    return this.#transport.send({ method: "GET", path: `/segments/${encodeURIComponent(segmentId)}/changes`, query }) as Promise<types.SegmentEntryList>;
  }

  /** List who joined and left a segment: page after page. */
  async *iterateChanges(segmentId: string, query: { limit?: number; after?: string; act?: "entered" | "left" | null } = {}): AsyncGenerator<types.SegmentEntryBody> {
    let after: string | undefined;
    do {
      const page = await this.listChanges(segmentId, { ...query, ...(after ? { after } : {}) });
      yield* page.data;
      after = page.next ?? undefined;
    } while (after);
  }

  /** List the contacts of a segment. */
  listContacts(segmentId: string, query: { limit?: number; after?: string } = {}): Promise<types.SegmentContactList> {
    return this.#transport.send({ method: "GET", path: `/segments/${encodeURIComponent(segmentId)}/contacts`, query }) as Promise<types.SegmentContactList>;
  }

  /** List the contacts of a segment: page after page. */
  async *iterateContacts(segmentId: string, query: { limit?: number; after?: string } = {}): AsyncGenerator<types.SegmentContactBody> {
    let after: string | undefined;
    do {
      const page = await this.listContacts(segmentId, { ...query, ...(after ? { after } : {}) });
      yield* page.data;
      after = page.next ?? undefined;
    } while (after);
  }

  /** Archive a segment. */
  remove(segmentId: string): Promise<void> {
    return this.#transport.send({ method: "DELETE", path: `/segments/${encodeURIComponent(segmentId)}` }) as Promise<void>;
  }
}

export class Senders {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Add a sender. */
  create(body: types.SenderInput, options: { idempotencyKey?: string } = {}): Promise<types.SenderBody> {
    return this.#transport.send({ method: "POST", path: `/senders`, body, ...options }) as Promise<types.SenderBody>;
  }

  /** Read a sender. */
  get(sender: string): Promise<types.SenderBody> {
    return this.#transport.send({ method: "GET", path: `/senders/${encodeURIComponent(sender)}` }) as Promise<types.SenderBody>;
  }

  /** List senders. */
  list(query: { limit?: number; after?: string } = {}): Promise<types.SenderList> {
    return this.#transport.send({ method: "GET", path: `/senders`, query }) as Promise<types.SenderList>;
  }

  /** List senders: page after page. */
  async *iterate(query: { limit?: number; after?: string } = {}): AsyncGenerator<types.SenderBody> {
    let after: string | undefined;
    do {
      const page = await this.list({ ...query, ...(after ? { after } : {}) });
      yield* page.data;
      after = page.next ?? undefined;
    } while (after);
  }
}

export class Streams {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Archive a stream. */
  archive(stream: string): Promise<void> {
    return this.#transport.send({ method: "DELETE", path: `/streams/${encodeURIComponent(stream)}` }) as Promise<void>;
  }

  /** Change a stream. */
  change(stream: string, body: types.StreamChangeInput): Promise<types.StreamBody> {
    return this.#transport.send({ method: "PATCH", path: `/streams/${encodeURIComponent(stream)}`, body }) as Promise<types.StreamBody>;
  }

  /** Create a stream. */
  create(body: types.StreamInput, options: { idempotencyKey?: string } = {}): Promise<types.StreamBody> {
    return this.#transport.send({ method: "POST", path: `/streams`, body, ...options }) as Promise<types.StreamBody>;
  }

  /** Read a stream. */
  get(stream: string): Promise<types.StreamWithCountsBody> {
    return this.#transport.send({ method: "GET", path: `/streams/${encodeURIComponent(stream)}` }) as Promise<types.StreamWithCountsBody>;
  }

  /** List streams. */
  list(query: { limit?: number; after?: string; archived?: boolean } = {}): Promise<types.StreamList> {
    return this.#transport.send({ method: "GET", path: `/streams`, query }) as Promise<types.StreamList>;
  }

  /** List streams: page after page. */
  async *iterate(query: { limit?: number; after?: string; archived?: boolean } = {}): AsyncGenerator<types.StreamBody> {
    let after: string | undefined;
    do {
      const page = await this.list({ ...query, ...(after ? { after } : {}) });
      yield* page.data;
      after = page.next ?? undefined;
    } while (after);
  }
}

export class Suppressions {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Suppress an address, or a list of them. */
  add(body: types.SuppressionInput | Array<types.SuppressionInput>, options: { idempotencyKey?: string } = {}): Promise<types.SuppressionBody | types.SuppressionResultsBody> {
    return this.#transport.send({ method: "POST", path: `/suppressions`, body, ...options }) as Promise<types.SuppressionBody | types.SuppressionResultsBody>;
  }

  /** Look one address up. */
  get(email: string, query: { scope?: "all" | "marketing" | "transactional" | null } = {}): Promise<types.SuppressionList> {
    return this.#transport.send({ method: "GET", path: `/suppressions/${encodeURIComponent(email)}`, query }) as Promise<types.SuppressionList>;
  }

  /** List suppressions. */
  list(query: { limit?: number; after?: string; email?: string; reason?: "complaint" | "erasure" | "hard_bounce" | "manual" | "unsubscribe" | null; scope?: "all" | "marketing" | "transactional" | null; state?: "any" | "ended" | "in_force" } = {}): Promise<types.SuppressionList> {
    return this.#transport.send({ method: "GET", path: `/suppressions`, query }) as Promise<types.SuppressionList>;
  }

  /** List suppressions: page after page. */
  async *iterate(query: { limit?: number; after?: string; email?: string; reason?: "complaint" | "erasure" | "hard_bounce" | "manual" | "unsubscribe" | null; scope?: "all" | "marketing" | "transactional" | null; state?: "any" | "ended" | "in_force" } = {}): AsyncGenerator<types.SuppressionBody> {
    let after: string | undefined;
    do {
      const page = await this.list({ ...query, ...(after ? { after } : {}) });
      yield* page.data;
      after = page.next ?? undefined;
    } while (after);
  }

  /** Lift what stands against one address. */
  remove(email: string, query: { scope?: "all" | "marketing" | "transactional" | null; confirm?: Array<string> } = {}): Promise<void> {
    return this.#transport.send({ method: "DELETE", path: `/suppressions/${encodeURIComponent(email)}`, query }) as Promise<void>;
  }
}

export class Tags {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Create a tag. */
  add(body: types.TagInput, options: { idempotencyKey?: string } = {}): Promise<types.TagBody> {
    return this.#transport.send({ method: "POST", path: `/tags`, body, ...options }) as Promise<types.TagBody>;
  }

  /** List tags. */
  list(query: { limit?: number; after?: string } = {}): Promise<types.TagList> {
    return this.#transport.send({ method: "GET", path: `/tags`, query }) as Promise<types.TagList>;
  }

  /** List tags: page after page. */
  async *iterate(query: { limit?: number; after?: string } = {}): AsyncGenerator<types.TagBody> {
    let after: string | undefined;
    do {
      const page = await this.list({ ...query, ...(after ? { after } : {}) });
      yield* page.data;
      after = page.next ?? undefined;
    } while (after);
  }

  /** Delete a tag. */
  remove(tag: string): Promise<void> {
    return this.#transport.send({ method: "DELETE", path: `/tags/${encodeURIComponent(tag)}` }) as Promise<void>;
  }

  /** Rename a tag. */
  rename(tag: string, body: types.TagInput): Promise<types.TagBody> {
    return this.#transport.send({ method: "PATCH", path: `/tags/${encodeURIComponent(tag)}`, body }) as Promise<types.TagBody>;
  }
}

export class Templates {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Archive a template. */
  archive(template: string): Promise<void> {
    return this.#transport.send({ method: "DELETE", path: `/templates/${encodeURIComponent(template)}` }) as Promise<void>;
  }

  /** Change a template. */
  change(template: string, body: types.TemplateChangeInput): Promise<types.TemplateBody> {
    return this.#transport.send({ method: "PATCH", path: `/templates/${encodeURIComponent(template)}`, body }) as Promise<types.TemplateBody>;
  }

  /** Create a template. */
  create(body: types.TemplatesTemplateInput, options: { idempotencyKey?: string } = {}): Promise<types.TemplateBody> {
    return this.#transport.send({ method: "POST", path: `/templates`, body, ...options }) as Promise<types.TemplateBody>;
  }

  /** Read a template. */
  get(template: string): Promise<types.TemplateBody> {
    return this.#transport.send({ method: "GET", path: `/templates/${encodeURIComponent(template)}` }) as Promise<types.TemplateBody>;
  }

  /** List templates. */
  list(query: { limit?: number; after?: string; name?: string; archived?: boolean } = {}): Promise<types.TemplateSummaryList> {
    return this.#transport.send({ method: "GET", path: `/templates`, query }) as Promise<types.TemplateSummaryList>;
  }

  /** List templates: page after page. */
  async *iterate(query: { limit?: number; after?: string; name?: string; archived?: boolean } = {}): AsyncGenerator<types.TemplateSummaryBody> {
    let after: string | undefined;
    do {
      const page = await this.list({ ...query, ...(after ? { after } : {}) });
      yield* page.data;
      after = page.next ?? undefined;
    } while (after);
  }

  /** Render a template. */
  render(template: string, body: types.RenderInput, options: { idempotencyKey?: string } = {}): Promise<types.RenderedBody> {
    return this.#transport.send({ method: "POST", path: `/templates/${encodeURIComponent(template)}/render`, body, ...options }) as Promise<types.RenderedBody>;
  }
}

export class Topics {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Archive a topic. */
  archive(topic: string): Promise<void> {
    return this.#transport.send({ method: "DELETE", path: `/topics/${encodeURIComponent(topic)}` }) as Promise<void>;
  }

  /** Change a topic. */
  change(topic: string, body: types.TopicChangeInput): Promise<types.TopicBody> {
    return this.#transport.send({ method: "PATCH", path: `/topics/${encodeURIComponent(topic)}`, body }) as Promise<types.TopicBody>;
  }

  /** Create a topic. */
  create(body: types.TopicInput, options: { idempotencyKey?: string } = {}): Promise<types.TopicBody> {
    return this.#transport.send({ method: "POST", path: `/topics`, body, ...options }) as Promise<types.TopicBody>;
  }

  /** Read a topic. */
  get(topic: string): Promise<types.TopicBody> {
    return this.#transport.send({ method: "GET", path: `/topics/${encodeURIComponent(topic)}` }) as Promise<types.TopicBody>;
  }

  /** List topics. */
  list(query: { limit?: number; after?: string; archived?: boolean } = {}): Promise<types.TopicList> {
    return this.#transport.send({ method: "GET", path: `/topics`, query }) as Promise<types.TopicList>;
  }

  /** List topics: page after page. */
  async *iterate(query: { limit?: number; after?: string; archived?: boolean } = {}): AsyncGenerator<types.TopicBody> {
    let after: string | undefined;
    do {
      const page = await this.list({ ...query, ...(after ? { after } : {}) });
      yield* page.data;
      after = page.next ?? undefined;
    } while (after);
  }
}

export class Webhooks {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Change a webhook. */
  change(webhook: string, body: types.WebhookChangeInput): Promise<types.WebhookBody> {
    return this.#transport.send({ method: "PATCH", path: `/webhooks/${encodeURIComponent(webhook)}`, body }) as Promise<types.WebhookBody>;
  }

  /** Create a webhook. */
  create(body: types.WebhookInput, options: { idempotencyKey?: string } = {}): Promise<types.NewWebhookBody> {
    return this.#transport.send({ method: "POST", path: `/webhooks`, body, ...options }) as Promise<types.NewWebhookBody>;
  }

  /** Get a webhook. */
  get(webhook: string): Promise<types.WebhookBody> {
    return this.#transport.send({ method: "GET", path: `/webhooks/${encodeURIComponent(webhook)}` }) as Promise<types.WebhookBody>;
  }

  /** Get a delivery. */
  getDelivery(webhook: string, delivery: string): Promise<types.WebhookDeliveryDetailBody> {
    return this.#transport.send({ method: "GET", path: `/webhooks/${encodeURIComponent(webhook)}/deliveries/${encodeURIComponent(delivery)}` }) as Promise<types.WebhookDeliveryDetailBody>;
  }

  /** List webhooks. */
  list(query: { limit?: number; after?: string } = {}): Promise<types.WebhookList> {
    return this.#transport.send({ method: "GET", path: `/webhooks`, query }) as Promise<types.WebhookList>;
  }

  /** List webhooks: page after page. */
  async *iterate(query: { limit?: number; after?: string } = {}): AsyncGenerator<types.WebhookBody> {
    let after: string | undefined;
    do {
      const page = await this.list({ ...query, ...(after ? { after } : {}) });
      yield* page.data;
      after = page.next ?? undefined;
    } while (after);
  }

  /** List the authorizations of a webhook. */
  listAllAuthorizations(webhook: string, query: { limit?: number; after?: string } = {}): Promise<types.WebhookAuthorizationList> {
    return this.#transport.send({ method: "GET", path: `/webhooks/${encodeURIComponent(webhook)}/authorizations`, query }) as Promise<types.WebhookAuthorizationList>;
  }

  /** List the authorizations of a webhook: page after page. */
  async *iterateAllAuthorizations(webhook: string, query: { limit?: number; after?: string } = {}): AsyncGenerator<types.WebhookAuthorizationBody> {
    let after: string | undefined;
    do {
      const page = await this.listAllAuthorizations(webhook, { ...query, ...(after ? { after } : {}) });
      yield* page.data;
      after = page.next ?? undefined;
    } while (after);
  }

  /** List the deliveries of a webhook. */
  listAllDeliveries(webhook: string, query: { limit?: number; after?: string; state?: "delivered" | "failed" | "given_up" | "waiting" | null; event?: string } = {}): Promise<types.WebhookDeliveryList> {
    return this.#transport.send({ method: "GET", path: `/webhooks/${encodeURIComponent(webhook)}/deliveries`, query }) as Promise<types.WebhookDeliveryList>;
  }

  /** List the deliveries of a webhook: page after page. */
  async *iterateAllDeliveries(webhook: string, query: { limit?: number; after?: string; state?: "delivered" | "failed" | "given_up" | "waiting" | null; event?: string } = {}): AsyncGenerator<types.WebhookDeliveryBody> {
    let after: string | undefined;
    do {
      const page = await this.listAllDeliveries(webhook, { ...query, ...(after ? { after } : {}) });
      yield* page.data;
      after = page.next ?? undefined;
    } while (after);
  }

  /** Remove a webhook. */
  remove(webhook: string): Promise<void> {
    return this.#transport.send({ method: "DELETE", path: `/webhooks/${encodeURIComponent(webhook)}` }) as Promise<void>;
  }

  /** Send a range of events again. */
  replayMany(webhook: string, body: types.WebhookReplayInput, options: { idempotencyKey?: string } = {}): Promise<types.WebhookReplayBody> {
    return this.#transport.send({ method: "POST", path: `/webhooks/${encodeURIComponent(webhook)}/replay`, body, ...options }) as Promise<types.WebhookReplayBody>;
  }

  /** Send a delivery again. */
  replayOne(webhook: string, delivery: string, options: { idempotencyKey?: string } = {}): Promise<types.WebhookDeliveryBody> {
    return this.#transport.send({ method: "POST", path: `/webhooks/${encodeURIComponent(webhook)}/deliveries/${encodeURIComponent(delivery)}/replay`, ...options }) as Promise<types.WebhookDeliveryBody>;
  }

  /** Make new signing keys. */
  rotate(webhook: string, options: { idempotencyKey?: string } = {}): Promise<types.NewWebhookBody> {
    return this.#transport.send({ method: "POST", path: `/webhooks/${encodeURIComponent(webhook)}/rotate`, ...options }) as Promise<types.NewWebhookBody>;
  }

  /** Send a test event. */
  test(webhook: string, options: { idempotencyKey?: string } = {}): Promise<types.WebhookDeliveryBody> {
    return this.#transport.send({ method: "POST", path: `/webhooks/${encodeURIComponent(webhook)}/test`, ...options }) as Promise<types.WebhookDeliveryBody>;
  }

  /** Withdraw the authorization. */
  withdraw(webhook: string): Promise<types.WebhookBody> {
    return this.#transport.send({ method: "DELETE", path: `/webhooks/${encodeURIComponent(webhook)}/authorization` }) as Promise<types.WebhookBody>;
  }
}

export class Work {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Read how far work in the background is. */
  get(work: string): Promise<types.WorkBody> {
    return this.#transport.send({ method: "GET", path: `/work/${encodeURIComponent(work)}` }) as Promise<types.WorkBody>;
  }
}

/** Everything that the API offers, by noun. */
export class Resources {
  readonly attributes: Attributes;
  readonly campaigns: Campaigns;
  readonly contacts: Contacts;
  readonly domains: Domains;
  readonly emails: Emails;
  readonly events: Events;
  readonly exports: Exports;
  readonly inbound: Inbound;
  readonly media: Media;
  readonly requests: Requests;
  readonly segments: Segments;
  readonly senders: Senders;
  readonly streams: Streams;
  readonly suppressions: Suppressions;
  readonly tags: Tags;
  readonly templates: Templates;
  readonly topics: Topics;
  readonly webhooks: Webhooks;
  readonly work: Work;

  constructor(transport: Transport) {
    this.attributes = new Attributes(transport);
    this.campaigns = new Campaigns(transport);
    this.contacts = new Contacts(transport);
    this.domains = new Domains(transport);
    this.emails = new Emails(transport);
    this.events = new Events(transport);
    this.exports = new Exports(transport);
    this.inbound = new Inbound(transport);
    this.media = new Media(transport);
    this.requests = new Requests(transport);
    this.segments = new Segments(transport);
    this.senders = new Senders(transport);
    this.streams = new Streams(transport);
    this.suppressions = new Suppressions(transport);
    this.tags = new Tags(transport);
    this.templates = new Templates(transport);
    this.topics = new Topics(transport);
    this.webhooks = new Webhooks(transport);
    this.work = new Work(transport);
  }
}
