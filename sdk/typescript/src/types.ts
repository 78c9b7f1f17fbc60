// Written by `make sdk` from docs/api/openapi.json; do not edit.

export interface AttachmentInput {
  filename?: string;
  content?: string | null;
  media?: string;
  content_type?: string;
  content_id?: string;
}

export interface AttributeBody {
  id: string;
  key: string;
  label: string;
  type: string;
  choices: Array<string>;
  created_at: string;
  archived_at: string | null;
}

export interface AttributeChangeInput {
  label?: string | null;
  choices?: Array<string> | null;
  archived?: false | null;
}

export interface AttributeInput {
  label: string;
  type?: "boolean" | "choice" | "date" | "list" | "number" | "text" | "time";
  key?: string;
  choices?: Array<string>;
}

export interface AttributeList {
  data: Array<AttributeBody>;
  has_more: boolean;
  next: string | null;
}

export interface AttributeQuery {
  limit?: number;
  after?: string;
  archived?: boolean;
}

export interface AuthorizationBody {
  by: string;
  at: string;
  text: string;
}

export interface BatchInput {
  emails: Array<EmailInput>;
}

export interface BatchResults {
  accepted: number;
  refused: number;
  results: Array<EmailResult>;
}

export interface CampaignBody {
  id: string;
  name: string;
  state: string;
  subject: string;
  recipients: number;
  numbers: CampaignNumbersBody;
  created_at: string;
  updated_at: string;
  scheduled_at: string | null;
  launched_at: string | null;
  finished_at: string | null;
  version: number;
  topic: string | null;
  include_tags: Array<string>;
  exclude_tags: Array<string>;
  condition: Record<string, unknown>;
  sender: string | null;
  preheader: string;
  kind: string;
  body: string;
  text: string;
  utm: Record<string, string>;
  problem: string;
  remaining: number;
  deferred: number;
}

export interface CampaignChangeInput {
  topic?: string | null;
  include_tags?: Array<string> | null;
  exclude_tags?: Array<string> | null;
  condition?: Record<string, unknown> | null;
  segment?: string | null;
  sender?: string | null;
  subject?: string | null;
  preheader?: string | null;
  kind?: "html" | "mjml" | "text" | null;
  body?: string | null;
  text?: string | null;
  template?: string | null;
  utm?: UtmInput | null;
  name?: string | null;
  version?: number | null;
}

export interface CampaignInput {
  topic?: string | null;
  include_tags?: Array<string> | null;
  exclude_tags?: Array<string> | null;
  condition?: Record<string, unknown> | null;
  segment?: string | null;
  sender?: string | null;
  subject?: string | null;
  preheader?: string | null;
  kind?: "html" | "mjml" | "text" | null;
  body?: string | null;
  text?: string | null;
  template?: string | null;
  utm?: UtmInput | null;
  name: string;
}

export interface CampaignNumbersBody {
  delivered: number;
  bounced: number;
  suppressed: number;
  canceled: number;
  expired: number;
  unknown: number;
  opened: number;
  clicked: number;
  unsubscribed: number;
  complained: number;
  open_rate: number | null;
  click_rate: number | null;
  unsubscribe_rate: number | null;
  complaint_rate: number | null;
}

export interface CampaignQuery {
  limit?: number;
  after?: string;
  state?: string;
  name?: string;
}

export interface CampaignSummaryBody {
  id: string;
  name: string;
  state: string;
  subject: string;
  recipients: number;
  numbers: CampaignNumbersBody;
  created_at: string;
  updated_at: string;
  scheduled_at: string | null;
  launched_at: string | null;
  finished_at: string | null;
  version: number;
}

export interface CampaignSummaryList {
  data: Array<CampaignSummaryBody>;
  has_more: boolean;
  next: string | null;
}

export interface ChangeInput {
  send_at: string;
}

export interface ChangedBody {
  id: string;
  changed: number;
}

export interface ConfirmationBody {
  topic: string;
  state: string;
  asked_at: string | null;
  email: string | null;
}

export interface ConfirmationInput {
  text: string;
  from?: string;
  redirect_url?: string;
  source?: string;
  evidence?: Record<string, unknown>;
  tracking_allowed?: boolean | null;
}

export interface ContactBatchInput {
  contacts: Array<ContactInput>;
}

export interface ContactChangeInput {
  name?: string | null;
  language?: string | null;
  timezone?: string | null;
  attributes?: Record<string, unknown>;
  tags?: Array<string> | null;
  external_id?: string | null;
  email?: string | null;
}

export interface ContactFields {
  name?: string | null;
  language?: string | null;
  timezone?: string | null;
  attributes?: Record<string, unknown>;
  tags?: Array<string> | null;
  external_id?: string | null;
}

export interface ContactInput {
  name?: string | null;
  language?: string | null;
  timezone?: string | null;
  attributes?: Record<string, unknown>;
  tags?: Array<string> | null;
  external_id?: string | null;
  email: string;
}

export interface ContactQuery {
  limit?: number;
  after?: string;
  email?: string;
  tag?: string;
  topic?: string;
  topic_state?: string;
  state?: string;
  segment?: string;
  updated_since?: string | null;
}

export interface ContactResultBody {
  result: string;
  id?: string;
  email?: string;
  errors?: Array<FieldError>;
}

export interface ContactResultsBody {
  created: number;
  changed: number;
  unchanged: number;
  refused: number;
  results: Array<ContactResultBody>;
}

export interface ContactSearchInput {
  condition: unknown;
  limit?: number;
  after?: string;
}

export interface ContactSourceBody {
  kind: string;
  label: string;
}

export interface ContactTagsInput {
  add?: Array<string>;
  remove?: Array<string>;
}

export interface ContentBody {
  subject: string;
  html: string;
  text: string;
  headers: Array<Array<string>>;
  attachments: Array<FileBody>;
  raw: string | null;
}

export interface ContentProblemBody {
  field: string;
  severity: string;
  code: string;
  message: string;
  suggestion: string;
  line: number | null;
  column: number | null;
}

export interface DisclosureAuthorizationBody {
  id: string | null;
  at: string;
  by: string;
}

export interface DisclosureBody {
  id: string;
  at: string;
  first_at: string;
  times: number;
  to: ReceiverBody;
  authorization: DisclosureAuthorizationBody | null;
  event: string;
  fields: Array<string>;
  received: string;
}

export interface DisclosureList {
  data: Array<DisclosureBody>;
  has_more: boolean;
  next: string | null;
}

export interface DnsRecordBody {
  purpose: string;
  type: string;
  name: string;
  value: string;
  required: boolean;
  state: string;
  found: Array<string>;
}

export interface DomainBody {
  id: string;
  name: string;
  state: string;
  created_at: string;
  verified_at: string | null;
  failing_since: string | null;
  checked_at: string | null;
}

export interface DomainInput {
  name: string;
}

export interface DomainList {
  data: Array<DomainBody>;
  has_more: boolean;
  next: string | null;
}

export interface EmailBodyView {
  id: string;
  at: string;
  state: string;
  source: string;
  stream: string;
  from: string;
  reply_to: Array<string>;
  subject: string;
  recipients: Array<EmailRecipientBody>;
  tags: Array<string>;
  metadata: Record<string, string>;
  template: string | null;
  track_opens: boolean;
  track_clicks: boolean;
  send_at: string | null;
  is_test: boolean;
  message_id: string;
  size_bytes: number | null;
  has_content: boolean;
  has_one_time_values: boolean;
  timeline: Array<MomentBody>;
}

export interface EmailInput {
  from: string | Person;
  to?: string | Array<string | Person> | Person;
  cc?: string | Array<string | Person> | Person;
  bcc?: string | Array<string | Person> | Person;
  reply_to?: string | Array<string | Person> | Person;
  subject?: string;
  html?: string;
  text?: string | null;
  template?: EmailShapesTemplateInput | null;
  data?: Record<string, unknown>;
  headers?: Record<string, string>;
  attachments?: Array<AttachmentInput>;
  tags?: Array<string>;
  metadata?: Record<string, string>;
  stream?: string;
  topic?: string;
  track_opens?: boolean | null;
  track_clicks?: boolean | null;
  send_at?: string | null;
  separate?: boolean;
}

export interface EmailLineBody {
  id: string;
  at: string;
  state: string;
  source: string;
  stream: string;
  from: string;
  subject: string;
  recipients: Array<EmailRecipientBody>;
  tags: Array<string>;
  send_at: string | null;
  is_test: boolean;
}

export interface EmailLineList {
  data: Array<EmailLineBody>;
  has_more: boolean;
  next: string | null;
}

export interface EmailRecipientBody {
  id: string;
  email: string;
  name: string;
  kind: string;
  state: string;
  at?: string | null;
  next_attempt_at?: string | null;
  attempts?: number;
  code?: number;
  enhanced_code?: string;
  reply?: string;
  bounce_class?: string;
  contact?: string;
}

export interface EmailResult {
  result: "accepted" | "refused";
  id?: string;
  state?: string;
  recipients?: Array<TakenRecipient>;
  code?: string;
  errors?: Array<FieldError>;
}

export interface EmailShapesTemplateInput {
  id?: string;
  name?: string;
}

export interface EmailsQuery {
  limit?: number;
  after?: string;
  state?: "" | "accepted" | "bounced" | "canceled" | "deferred" | "delivered" | "expired" | "queued" | "scheduled" | "suppressed" | "unknown";
  reaction?: "" | "clicked" | "complained" | "opened" | "returned";
  recipient?: string;
  tag?: string;
  stream?: string;
  source?: "" | "api" | "smtp";
  subject?: string;
  is_test?: boolean | null;
  since?: string | null;
  until?: string | null;
}

export interface EmailsWanted {
  state?: "" | "accepted" | "bounced" | "canceled" | "deferred" | "delivered" | "expired" | "queued" | "scheduled" | "suppressed" | "unknown";
  reaction?: "" | "clicked" | "complained" | "opened" | "returned";
  recipient?: string;
  tag?: string;
  stream?: string;
  source?: "" | "api" | "smtp";
  subject?: string;
  is_test?: boolean | null;
  since?: string | null;
  until?: string | null;
}

export interface EventBatchInput {
  events: Array<EventInput>;
}

export interface EventInput {
  name: string;
  email?: string;
  contact?: string;
  at?: string | null;
  id?: string;
  properties?: Record<string, unknown>;
  create_contact?: boolean;
  external_id?: string;
}

export interface EventNameBody {
  id: string;
  name: string;
  description: string;
  properties: Record<string, string>;
  last_at: string | null;
}

export interface EventNameList {
  data: Array<EventNameBody>;
  has_more: boolean;
  next: string | null;
}

export interface EventResultBody {
  result: string;
  id?: string;
  code?: string;
  errors?: Array<FieldError>;
}

export interface EventResultsBody {
  accepted: number;
  duplicates: number;
  refused: number;
  results: Array<EventResultBody>;
}

export interface ExportBody {
  id: string;
  what: string;
  state: string;
  rows: number;
  size: number | null;
  problem: string;
  created_at: string;
  finished_at: string | null;
  expires_at: string | null;
}

export interface ExportInput {
  what?: "contacts" | "emails" | "suppressions";
  columns?: Array<string>;
  segment?: string;
  condition?: Record<string, unknown> | null;
  filters?: EmailsWanted | null;
}

export interface ExportList {
  data: Array<ExportBody>;
  has_more: boolean;
  next: string | null;
}

export interface FieldError {
  field: string;
  message: string;
}

export interface FileBody {
  filename: string;
  content_type: string;
  content_id: string;
  size_bytes: number;
}

export interface FullContactBody {
  id: string;
  email: string;
  name: string;
  language: string;
  timezone: string;
  state: string;
  attributes: Record<string, unknown>;
  tags: Array<string>;
  source: ContactSourceBody;
  created_at: string;
  updated_at: string;
  external_ids?: Array<string>;
}

export interface FullContactList {
  data: Array<FullContactBody>;
  has_more: boolean;
  next: string | null;
}

export interface FullDomainBody {
  id: string;
  name: string;
  state: string;
  created_at: string;
  verified_at: string | null;
  failing_since: string | null;
  checked_at: string | null;
  checking: boolean;
  records: Array<DnsRecordBody>;
}

export interface InboundAddressBody {
  id: string;
  address: string;
  note: string;
  created_at: string;
}

export interface InboundAddressInput {
  name?: string;
  note?: string;
}

export interface InboundAddressList {
  data: Array<InboundAddressBody>;
  has_more: boolean;
  next: string | null;
}

export interface InboundDomainBody {
  id: string;
  name: string;
  verified: boolean;
  records: Array<InboundRecordBody>;
  created_at: string;
  verified_at: string | null;
  checked_at: string | null;
}

export interface InboundDomainInput {
  name: string;
}

export interface InboundDomainList {
  data: Array<InboundDomainBody>;
  has_more: boolean;
  next: string | null;
}

export interface InboundRecordBody {
  type: string;
  name: string;
  value: string;
}

export interface LaunchInput {
  version?: number | null;
}

export interface LiftQuery {
  scope?: "all" | "marketing" | "transactional" | null;
  confirm?: Array<string>;
}

export interface LinkBody {
  number: number;
  url: string;
  label: string;
  people: number | null;
  clicks: number;
  share: number;
}

export interface LinkList {
  data: Array<LinkBody>;
  has_more: boolean;
  next: string | null;
}

export interface MediaBody {
  id: string;
  filename: string;
  content_type: string;
  size: number;
  created_at: string;
}

export interface MediaList {
  data: Array<MediaBody>;
  has_more: boolean;
  next: string | null;
}

export type Mode = "create" | "upsert";

export interface MomentBody {
  at: string;
  type: string;
  message?: string;
  data?: Record<string, unknown>;
}

export interface NewContactInput {
  name?: string | null;
  language?: string | null;
  timezone?: string | null;
  attributes?: Record<string, unknown>;
  tags?: Array<string> | null;
  external_id?: string | null;
  email: string;
  mode?: Mode;
}

export interface NewWebhookBody {
  id: string;
  url: string;
  description: string;
  events: Array<string>;
  fields: Array<string>;
  state: string;
  reason: string;
  authorization: AuthorizationBody | null;
  public_key: string;
  version: string;
  failing_since: string | null;
  last_success_at: string | null;
  old_keys_until: string | null;
  created_at: string;
  secret: string;
}

export interface OneScopeQuery {
  scope?: "all" | "marketing" | "transactional" | null;
}

export interface Page {
  limit?: number;
  after?: string;
}

export interface Person {
  email: string;
  name?: string;
}

export interface ProblemBody {
  status: number;
  title: string;
  code: string;
  detail: string;
  hint: string;
  request_id: string;
  type?: string;
  errors?: Array<FieldError>;
}

export interface ReadinessBody {
  ready: boolean;
  recipients: number;
  problems: Array<ReadinessProblemBody>;
}

export interface ReadinessProblemBody {
  card: string;
  severity: string;
  code: string;
  message: string;
  suggestion: string;
  line: number | null;
  column: number | null;
}

export interface ReceivedBody {
  id: string;
  received_at: string;
  from: string;
  from_name: string;
  to: string;
  subject: string;
  spf: string;
  dkim: string;
  dmarc: string;
  auto_reply: boolean;
  message_id: string | null;
  email_id: string | null;
  contact_id: string | null;
  size: number;
  attachments: Array<ReceivedFileBody>;
}

export interface ReceivedFileBody {
  number: number;
  filename: string;
  content_type: string;
  size: number;
}

export interface ReceivedList {
  data: Array<ReceivedBody>;
  has_more: boolean;
  next: string | null;
}

export interface ReceivedPartsBody {
  id: string;
  received_at: string;
  from: string;
  from_name: string;
  to: string;
  subject: string;
  spf: string;
  dkim: string;
  dmarc: string;
  auto_reply: boolean;
  message_id: string | null;
  email_id: string | null;
  contact_id: string | null;
  size: number;
  attachments: Array<ReceivedFileBody>;
  text: string | null;
  html: string | null;
  reply: string | null;
  headers: Array<Array<unknown>>;
}

export interface ReceivedQuery {
  limit?: number;
  after?: string;
  to?: string;
  from?: string;
  email_id?: string;
  search?: string;
  replies_only?: boolean;
}

export interface ReceiverBody {
  kind: string;
  id: string | null;
  host: string;
  name: string;
}

export interface RecipientBody {
  email: string;
  contact: string | null;
  outcome: string;
  reason: string;
  at: string | null;
  smtp_code: number;
  enhanced_code: string;
  reply: string;
  opened: boolean;
  clicked: boolean;
}

export interface RecipientList {
  data: Array<RecipientBody>;
  has_more: boolean;
  next: string | null;
}

export interface RecipientQuery {
  limit?: number;
  after?: string;
  outcome?: string;
}

export interface RenderInput {
  data?: Record<string, unknown>;
  contact?: Record<string, unknown> | null;
  stream?: "marketing" | "transactional";
}

export interface RenderedBody {
  subject: string;
  html: string | null;
  text: string;
  problems: Array<ContentProblemBody>;
}

export interface RequestBody {
  id: string;
  at: string;
  door: string;
  method: string;
  path: string;
  status: number;
  code: string;
  detail: string;
  milliseconds: number;
  email: string | null;
  body: unknown;
}

export interface RequestList {
  data: Array<RequestBody>;
  has_more: boolean;
  next: string | null;
}

export interface RequestsQuery {
  limit?: number;
  after?: string;
  status?: string;
  code?: string;
  method?: string;
  path?: string;
  door?: string;
  since?: string | null;
  until?: string | null;
  search?: string;
}

export interface ScheduleInput {
  at: string;
  version?: number | null;
}

export interface SegmentBody {
  id: string;
  name: string;
  description: string;
  definition: unknown;
  version: number;
  keeps_members: boolean;
  size: number | null;
  counted_at: string | null;
  problem: string;
  created_at: string;
  updated_at: string;
  archived_at: string | null;
}

export interface SegmentChangeInput {
  name?: string | null;
  definition?: Record<string, unknown> | null;
  description?: string | null;
  keeps_members?: boolean | null;
  version?: number | null;
}

export interface SegmentChangesQuery {
  limit?: number;
  after?: string;
  act?: "entered" | "left" | null;
}

export interface SegmentContactBody {
  id: string;
  email: string;
  name: string;
  language: string;
  created_at: string;
}

export interface SegmentContactList {
  data: Array<SegmentContactBody>;
  has_more: boolean;
  next: string | null;
}

export interface SegmentCountBody {
  number: number;
  milliseconds: number;
}

export interface SegmentEntryBody {
  id: string;
  at: string;
  act: "entered" | "left";
  contact: string;
  email: string | null;
}

export interface SegmentEntryList {
  data: Array<SegmentEntryBody>;
  has_more: boolean;
  next: string | null;
}

export interface SegmentInput {
  name: string;
  definition: unknown;
  description?: string;
  keeps_members?: boolean;
}

export interface SegmentList {
  data: Array<SegmentBody>;
  has_more: boolean;
  next: string | null;
}

export interface SegmentPageQuery {
  limit?: number;
  after?: string;
}

export interface SegmentQuestionInput {
  condition: unknown;
}

export interface SegmentsQuery {
  limit?: number;
  after?: string;
  state?: "active" | "archived";
  name?: string;
}

export interface SenderBody {
  id: string;
  email: string;
  name: string;
  reply_to: string;
  is_default: boolean;
  verified_at: string | null;
  created_at: string;
}

export interface SenderInput {
  email: string;
  name?: string;
  reply_to?: string;
}

export interface SenderList {
  data: Array<SenderBody>;
  has_more: boolean;
  next: string | null;
}

export interface ShortPage {
  limit?: number;
  after?: string;
}

export interface StreamBody {
  id: string;
  key: string;
  name: string;
  kind: string;
  built_in: boolean;
  body_days: number;
  log_days: number;
  tracks_opens: boolean;
  tracks_clicks: boolean;
  created_at: string;
  archived_at: string | null;
}

export interface StreamChangeInput {
  name?: string | null;
  body_days?: number | null;
  log_days?: number | null;
  tracks_opens?: boolean | null;
  tracks_clicks?: boolean | null;
  archived?: false | null;
}

export interface StreamCountsBody {
  delivered: number;
  bounced: number;
  suppressed: number;
  canceled: number;
  expired: number;
  unknown: number;
  opened: number;
  clicked: number;
  complained: number;
}

export interface StreamInput {
  name: string;
  key?: string;
  kind?: "marketing" | "transactional";
  body_days?: number;
  log_days?: number;
  tracks_opens?: boolean;
  tracks_clicks?: boolean;
}

export interface StreamList {
  data: Array<StreamBody>;
  has_more: boolean;
  next: string | null;
}

export interface StreamQuery {
  limit?: number;
  after?: string;
  archived?: boolean;
}

export interface StreamWithCountsBody {
  id: string;
  key: string;
  name: string;
  kind: string;
  built_in: boolean;
  body_days: number;
  log_days: number;
  tracks_opens: boolean;
  tracks_clicks: boolean;
  created_at: string;
  archived_at: string | null;
  counts: StreamCountsBody;
}

export interface SubscriptionBody {
  topic: string;
  name: string;
  state: string;
  basis: string;
  tracking_allowed: boolean | null;
  changed_at: string | null;
  asked_at?: string | null;
}

export interface SubscriptionInput {
  state: "subscribed" | "unsubscribed";
  text?: string;
  source?: string;
  basis?: "consent" | "contract" | "law";
  since?: string | null;
  evidence?: Record<string, unknown>;
  tracking_allowed?: boolean | null;
}

export interface SubscriptionsBody {
  data: Array<SubscriptionBody>;
}

export interface SuppressionBody {
  email: string | null;
  reason: "complaint" | "erasure" | "hard_bounce" | "manual" | "unsubscribe";
  scope: "all" | "marketing" | "transactional";
  in_force: boolean;
  since: string;
  expires_at: string | null;
  note: string;
  source: SuppressionSourceBody | null;
}

export interface SuppressionInput {
  email: string;
  reason?: "complaint" | "hard_bounce" | "manual" | "unsubscribe";
  scope?: "all" | "marketing" | "transactional" | null;
  note?: string;
  since?: string | null;
  expires_at?: string | null;
}

export interface SuppressionList {
  data: Array<SuppressionBody>;
  has_more: boolean;
  next: string | null;
}

export interface SuppressionResultBody {
  email: string;
  result: string;
  errors?: Array<FieldError>;
}

export interface SuppressionResultsBody {
  added: number;
  already_suppressed: number;
  invalid: number;
  results: Array<SuppressionResultBody>;
}

export interface SuppressionSourceBody {
  kind: string;
  id: string;
}

export interface SuppressionsQuery {
  limit?: number;
  after?: string;
  email?: string;
  reason?: "complaint" | "erasure" | "hard_bounce" | "manual" | "unsubscribe" | null;
  scope?: "all" | "marketing" | "transactional" | null;
  state?: "any" | "ended" | "in_force";
}

export interface TagBody {
  id: string;
  name: string;
  created_at: string;
}

export interface TagInput {
  name: string;
}

export interface TagList {
  data: Array<TagBody>;
  has_more: boolean;
  next: string | null;
}

export interface TakenEmail {
  id: string;
  state: "queued" | "scheduled";
  at: string;
  send_at: string;
  recipients: Array<TakenRecipient>;
}

export interface TakenEventBody {
  id: string;
  duplicate: boolean;
}

export interface TakenRecipient {
  id: string;
  email: string;
  kind: string;
  refused?: string;
}

export interface TemplateBody {
  id: string;
  name: string;
  kind: string;
  subject: string;
  preheader: string;
  source: string;
  version: number;
  created_at: string;
  updated_at: string;
  archived_at: string | null;
  problems: Array<ContentProblemBody>;
}

export interface TemplateChangeInput {
  name?: string | null;
  kind?: "html" | "mjml" | "text" | null;
  subject?: string | null;
  preheader?: string | null;
  source?: string | null;
  draft?: boolean;
  version?: number | null;
  archived?: false | null;
}

export interface TemplateQuery {
  limit?: number;
  after?: string;
  name?: string;
  archived?: boolean;
}

export interface TemplateSummaryBody {
  id: string;
  name: string;
  kind: string;
  subject: string;
  version: number;
  created_at: string;
  updated_at: string;
  archived_at: string | null;
}

export interface TemplateSummaryList {
  data: Array<TemplateSummaryBody>;
  has_more: boolean;
  next: string | null;
}

export interface TemplatesTemplateInput {
  name: string;
  kind?: "html" | "mjml" | "text";
  subject?: string;
  preheader?: string;
  source?: string;
  draft?: boolean;
}

export interface TestBody {
  messages: Array<string>;
}

export interface TestInput {
  to: Array<string>;
  contact?: string;
}

export interface TimelineBody {
  at: string;
  kind: string;
  topic: string | null;
  message: string | null;
  data: Record<string, unknown>;
}

export interface TimelineList {
  data: Array<TimelineBody>;
  has_more: boolean;
  next: string | null;
}

export interface TopicBody {
  id: string;
  name: string;
  description: string;
  is_public: boolean;
  tracking: string;
  created_at: string;
  archived_at: string | null;
}

export interface TopicChangeInput {
  name?: string | null;
  description?: string | null;
  is_public?: boolean | null;
  tracking?: "aggregate" | "individual" | "none" | null;
  archived?: false | null;
}

export interface TopicInput {
  name: string;
  description?: string;
  is_public?: boolean;
  tracking?: "aggregate" | "individual" | "none" | null;
}

export interface TopicList {
  data: Array<TopicBody>;
  has_more: boolean;
  next: string | null;
}

export interface TopicQuery {
  limit?: number;
  after?: string;
  archived?: boolean;
}

export interface UploadQuery {
  filename?: string;
}

export interface UtmInput {
  source?: string;
  medium?: string;
  campaign?: string;
  content?: string;
}

export interface WebhookAttemptBody {
  at: string;
  status: number | null;
  error: string;
  duration_ms: number;
  answer: string;
}

export interface WebhookAuthorizationBody {
  by: string;
  at: string;
  text: string;
  id: string;
  url: string;
  events: Array<string>;
  fields: Array<string>;
  end: string;
  ended_at: string | null;
  ended_by: string;
}

export interface WebhookAuthorizationList {
  data: Array<WebhookAuthorizationBody>;
  has_more: boolean;
  next: string | null;
}

export interface WebhookBody {
  id: string;
  url: string;
  description: string;
  events: Array<string>;
  fields: Array<string>;
  state: string;
  reason: string;
  authorization: AuthorizationBody | null;
  public_key: string;
  version: string;
  failing_since: string | null;
  last_success_at: string | null;
  old_keys_until: string | null;
  created_at: string;
}

export interface WebhookChangeInput {
  url?: string | null;
  events?: Array<string> | null;
  fields?: Array<"address" | "link" | "metadata" | "reply" | "subject" | "tags"> | null;
  description?: string | null;
  authorized?: boolean;
  state?: "active" | "paused" | null;
}

export interface WebhookDeliveriesQuery {
  limit?: number;
  after?: string;
  state?: "delivered" | "failed" | "given_up" | "waiting" | null;
  event?: string;
}

export interface WebhookDeliveryBody {
  id: string;
  message_id: string;
  event: string;
  state: string;
  attempts: number;
  status: number | null;
  error: string;
  duration_ms: number;
  created_at: string;
  delivered_at: string | null;
  next_attempt_at: string | null;
}

export interface WebhookDeliveryDetailBody {
  id: string;
  message_id: string;
  event: string;
  state: string;
  attempts: number;
  status: number | null;
  error: string;
  duration_ms: number;
  created_at: string;
  delivered_at: string | null;
  next_attempt_at: string | null;
  payload: unknown;
  log: Array<WebhookAttemptBody>;
}

export interface WebhookDeliveryList {
  data: Array<WebhookDeliveryBody>;
  has_more: boolean;
  next: string | null;
}

export interface WebhookInput {
  url: string;
  events: Array<string>;
  fields?: Array<"address" | "link" | "metadata" | "reply" | "subject" | "tags">;
  description?: string;
  authorized?: boolean;
}

export interface WebhookList {
  data: Array<WebhookBody>;
  has_more: boolean;
  next: string | null;
}

export interface WebhookReplayBody {
  work: string;
}

export interface WebhookReplayInput {
  since: string;
  until?: string | null;
  events?: Array<string>;
  only_missing?: boolean;
}

export interface WorkBody {
  id: string;
  kind: string;
  title: string;
  state: string;
  done: number;
  total: number | null;
  result: Record<string, number>;
  problem: string;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
}
