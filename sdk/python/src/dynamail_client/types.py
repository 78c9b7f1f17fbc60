"""Written by `make sdk` from docs/api/openapi.json; do not edit."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict


class AttachmentInput(TypedDict):
    filename: NotRequired[str]
    content: NotRequired[str | None]
    media: NotRequired[str]
    content_type: NotRequired[str]
    content_id: NotRequired[str]


class AttributeBody(TypedDict):
    id: str
    key: str
    label: str
    type: str
    choices: list[str]
    created_at: str
    archived_at: str | None


class AttributeChangeInput(TypedDict):
    label: NotRequired[str | None]
    choices: NotRequired[list[str] | None]
    archived: NotRequired[Literal[False] | None]


class AttributeInput(TypedDict):
    label: str
    type: NotRequired[Literal["boolean", "choice", "date", "list", "number", "text", "time"]]
    key: NotRequired[str]
    choices: NotRequired[list[str]]


class AttributeList(TypedDict):
    data: list[AttributeBody]
    has_more: bool
    next: str | None


class AttributeQuery(TypedDict):
    limit: NotRequired[int]
    after: NotRequired[str]
    archived: NotRequired[bool]


class AuthorizationBody(TypedDict):
    by: str
    at: str
    text: str


class BatchInput(TypedDict):
    emails: list[EmailInput]


class BatchResults(TypedDict):
    accepted: int
    refused: int
    results: list[EmailResult]


class CampaignBody(TypedDict):
    id: str
    name: str
    state: str
    subject: str
    recipients: int
    numbers: CampaignNumbersBody
    created_at: str
    updated_at: str
    scheduled_at: str | None
    launched_at: str | None
    finished_at: str | None
    version: int
    topic: str | None
    include_tags: list[str]
    exclude_tags: list[str]
    condition: dict[str, Any]
    sender: str | None
    preheader: str
    kind: str
    body: str
    text: str
    utm: dict[str, str]
    problem: str
    remaining: int
    deferred: int


class CampaignChangeInput(TypedDict):
    topic: NotRequired[str | None]
    include_tags: NotRequired[list[str] | None]
    exclude_tags: NotRequired[list[str] | None]
    condition: NotRequired[dict[str, Any] | None]
    segment: NotRequired[str | None]
    sender: NotRequired[str | None]
    subject: NotRequired[str | None]
    preheader: NotRequired[str | None]
    kind: NotRequired[Literal["html", "mjml", "text"] | None]
    body: NotRequired[str | None]
    text: NotRequired[str | None]
    template: NotRequired[str | None]
    utm: NotRequired[UtmInput | None]
    name: NotRequired[str | None]
    version: NotRequired[int | None]


class CampaignInput(TypedDict):
    topic: NotRequired[str | None]
    include_tags: NotRequired[list[str] | None]
    exclude_tags: NotRequired[list[str] | None]
    condition: NotRequired[dict[str, Any] | None]
    segment: NotRequired[str | None]
    sender: NotRequired[str | None]
    subject: NotRequired[str | None]
    preheader: NotRequired[str | None]
    kind: NotRequired[Literal["html", "mjml", "text"] | None]
    body: NotRequired[str | None]
    text: NotRequired[str | None]
    template: NotRequired[str | None]
    utm: NotRequired[UtmInput | None]
    name: str


class CampaignNumbersBody(TypedDict):
    delivered: int
    bounced: int
    suppressed: int
    canceled: int
    expired: int
    unknown: int
    opened: int
    clicked: int
    unsubscribed: int
    complained: int
    open_rate: float | None
    click_rate: float | None
    unsubscribe_rate: float | None
    complaint_rate: float | None


class CampaignQuery(TypedDict):
    limit: NotRequired[int]
    after: NotRequired[str]
    state: NotRequired[str]
    name: NotRequired[str]


class CampaignSummaryBody(TypedDict):
    id: str
    name: str
    state: str
    subject: str
    recipients: int
    numbers: CampaignNumbersBody
    created_at: str
    updated_at: str
    scheduled_at: str | None
    launched_at: str | None
    finished_at: str | None
    version: int


class CampaignSummaryList(TypedDict):
    data: list[CampaignSummaryBody]
    has_more: bool
    next: str | None


class ChangeInput(TypedDict):
    send_at: str


class ChangedBody(TypedDict):
    id: str
    changed: int


class ConfirmationBody(TypedDict):
    topic: str
    state: str
    asked_at: str | None
    email: str | None


ConfirmationInput = TypedDict(
    "ConfirmationInput",
    {
        "text": str,
        "from": NotRequired[str],
        "redirect_url": NotRequired[str],
        "source": NotRequired[str],
        "evidence": NotRequired[dict[str, Any]],
        "tracking_allowed": NotRequired[bool | None],
    },
)


class ContactBatchInput(TypedDict):
    contacts: list[ContactInput]


class ContactChangeInput(TypedDict):
    name: NotRequired[str | None]
    language: NotRequired[str | None]
    timezone: NotRequired[str | None]
    attributes: NotRequired[dict[str, Any]]
    tags: NotRequired[list[str] | None]
    external_id: NotRequired[str | None]
    email: NotRequired[str | None]


class ContactFields(TypedDict):
    name: NotRequired[str | None]
    language: NotRequired[str | None]
    timezone: NotRequired[str | None]
    attributes: NotRequired[dict[str, Any]]
    tags: NotRequired[list[str] | None]
    external_id: NotRequired[str | None]


class ContactInput(TypedDict):
    name: NotRequired[str | None]
    language: NotRequired[str | None]
    timezone: NotRequired[str | None]
    attributes: NotRequired[dict[str, Any]]
    tags: NotRequired[list[str] | None]
    external_id: NotRequired[str | None]
    email: str


class ContactQuery(TypedDict):
    limit: NotRequired[int]
    after: NotRequired[str]
    email: NotRequired[str]
    tag: NotRequired[str]
    topic: NotRequired[str]
    topic_state: NotRequired[str]
    state: NotRequired[str]
    segment: NotRequired[str]
    updated_since: NotRequired[str | None]


class ContactResultBody(TypedDict):
    result: str
    id: NotRequired[str]
    email: NotRequired[str]
    errors: NotRequired[list[FieldError]]


class ContactResultsBody(TypedDict):
    created: int
    changed: int
    unchanged: int
    refused: int
    results: list[ContactResultBody]


class ContactSearchInput(TypedDict):
    condition: Any
    limit: NotRequired[int]
    after: NotRequired[str]


class ContactSourceBody(TypedDict):
    kind: str
    label: str


class ContactTagsInput(TypedDict):
    add: NotRequired[list[str]]
    remove: NotRequired[list[str]]


class ContentBody(TypedDict):
    subject: str
    html: str
    text: str
    headers: list[list[str]]
    attachments: list[FileBody]
    raw: str | None


class ContentProblemBody(TypedDict):
    field: str
    severity: str
    code: str
    message: str
    suggestion: str
    line: int | None
    column: int | None


class DisclosureAuthorizationBody(TypedDict):
    id: str | None
    at: str
    by: str


class DisclosureBody(TypedDict):
    id: str
    at: str
    first_at: str
    times: int
    to: ReceiverBody
    authorization: DisclosureAuthorizationBody | None
    event: str
    fields: list[str]
    received: str


class DisclosureList(TypedDict):
    data: list[DisclosureBody]
    has_more: bool
    next: str | None


class DnsRecordBody(TypedDict):
    purpose: str
    type: str
    name: str
    value: str
    required: bool
    state: str
    found: list[str]


class DomainBody(TypedDict):
    id: str
    name: str
    state: str
    created_at: str
    verified_at: str | None
    failing_since: str | None
    checked_at: str | None


class DomainInput(TypedDict):
    name: str


class DomainList(TypedDict):
    data: list[DomainBody]
    has_more: bool
    next: str | None


EmailBodyView = TypedDict(
    "EmailBodyView",
    {
        "id": str,
        "at": str,
        "state": str,
        "source": str,
        "stream": str,
        "from": str,
        "reply_to": list[str],
        "subject": str,
        "recipients": "list[EmailRecipientBody]",
        "tags": list[str],
        "metadata": dict[str, str],
        "template": str | None,
        "track_opens": bool,
        "track_clicks": bool,
        "send_at": str | None,
        "is_test": bool,
        "message_id": str,
        "size_bytes": int | None,
        "has_content": bool,
        "has_one_time_values": bool,
        "timeline": "list[MomentBody]",
    },
)

EmailInput = TypedDict(
    "EmailInput",
    {
        "from": "str | Person",
        "to": NotRequired["str | list[str | Person] | Person"],
        "cc": NotRequired["str | list[str | Person] | Person"],
        "bcc": NotRequired["str | list[str | Person] | Person"],
        "reply_to": NotRequired["str | list[str | Person] | Person"],
        "subject": NotRequired[str],
        "html": NotRequired[str],
        "text": NotRequired[str | None],
        "template": NotRequired["EmailShapesTemplateInput | None"],
        "data": NotRequired[dict[str, Any]],
        "headers": NotRequired[dict[str, str]],
        "attachments": NotRequired["list[AttachmentInput]"],
        "tags": NotRequired[list[str]],
        "metadata": NotRequired[dict[str, str]],
        "stream": NotRequired[str],
        "topic": NotRequired[str],
        "track_opens": NotRequired[bool | None],
        "track_clicks": NotRequired[bool | None],
        "send_at": NotRequired[str | None],
        "separate": NotRequired[bool],
    },
)

EmailLineBody = TypedDict(
    "EmailLineBody",
    {
        "id": str,
        "at": str,
        "state": str,
        "source": str,
        "stream": str,
        "from": str,
        "subject": str,
        "recipients": "list[EmailRecipientBody]",
        "tags": list[str],
        "send_at": str | None,
        "is_test": bool,
    },
)


class EmailLineList(TypedDict):
    data: list[EmailLineBody]
    has_more: bool
    next: str | None


class EmailRecipientBody(TypedDict):
    id: str
    email: str
    name: str
    kind: str
    state: str
    at: NotRequired[str | None]
    next_attempt_at: NotRequired[str | None]
    attempts: NotRequired[int]
    code: NotRequired[int]
    enhanced_code: NotRequired[str]
    reply: NotRequired[str]
    bounce_class: NotRequired[str]
    contact: NotRequired[str]


class EmailResult(TypedDict):
    result: Literal["accepted", "refused"]
    id: NotRequired[str]
    state: NotRequired[str]
    recipients: NotRequired[list[TakenRecipient]]
    code: NotRequired[str]
    errors: NotRequired[list[FieldError]]


class EmailShapesTemplateInput(TypedDict):
    id: NotRequired[str]
    name: NotRequired[str]


class EmailsQuery(TypedDict):
    limit: NotRequired[int]
    after: NotRequired[str]
    state: NotRequired[
        Literal[
            "",
            "accepted",
            "bounced",
            "canceled",
            "deferred",
            "delivered",
            "expired",
            "queued",
            "scheduled",
            "suppressed",
            "unknown",
        ]
    ]
    reaction: NotRequired[Literal["", "clicked", "complained", "opened", "returned"]]
    recipient: NotRequired[str]
    tag: NotRequired[str]
    stream: NotRequired[str]
    source: NotRequired[Literal["", "api", "smtp"]]
    subject: NotRequired[str]
    is_test: NotRequired[bool | None]
    since: NotRequired[str | None]
    until: NotRequired[str | None]


class EmailsWanted(TypedDict):
    state: NotRequired[
        Literal[
            "",
            "accepted",
            "bounced",
            "canceled",
            "deferred",
            "delivered",
            "expired",
            "queued",
            "scheduled",
            "suppressed",
            "unknown",
        ]
    ]
    reaction: NotRequired[Literal["", "clicked", "complained", "opened", "returned"]]
    recipient: NotRequired[str]
    tag: NotRequired[str]
    stream: NotRequired[str]
    source: NotRequired[Literal["", "api", "smtp"]]
    subject: NotRequired[str]
    is_test: NotRequired[bool | None]
    since: NotRequired[str | None]
    until: NotRequired[str | None]


class EventBatchInput(TypedDict):
    events: list[EventInput]


class EventInput(TypedDict):
    name: str
    email: NotRequired[str]
    contact: NotRequired[str]
    at: NotRequired[str | None]
    id: NotRequired[str]
    properties: NotRequired[dict[str, Any]]
    create_contact: NotRequired[bool]
    external_id: NotRequired[str]


class EventNameBody(TypedDict):
    id: str
    name: str
    description: str
    properties: dict[str, str]
    last_at: str | None


class EventNameList(TypedDict):
    data: list[EventNameBody]
    has_more: bool
    next: str | None


class EventResultBody(TypedDict):
    result: str
    id: NotRequired[str]
    code: NotRequired[str]
    errors: NotRequired[list[FieldError]]


class EventResultsBody(TypedDict):
    accepted: int
    duplicates: int
    refused: int
    results: list[EventResultBody]


class ExportBody(TypedDict):
    id: str
    what: str
    state: str
    rows: int
    size: int | None
    problem: str
    created_at: str
    finished_at: str | None
    expires_at: str | None


class ExportInput(TypedDict):
    what: NotRequired[Literal["contacts", "emails", "suppressions"]]
    columns: NotRequired[list[str]]
    segment: NotRequired[str]
    condition: NotRequired[dict[str, Any] | None]
    filters: NotRequired[EmailsWanted | None]


class ExportList(TypedDict):
    data: list[ExportBody]
    has_more: bool
    next: str | None


class FieldError(TypedDict):
    field: str
    message: str


class FileBody(TypedDict):
    filename: str
    content_type: str
    content_id: str
    size_bytes: int


class FullContactBody(TypedDict):
    id: str
    email: str
    name: str
    language: str
    timezone: str
    state: str
    attributes: dict[str, Any]
    tags: list[str]
    source: ContactSourceBody
    created_at: str
    updated_at: str
    external_ids: NotRequired[list[str]]


class FullContactList(TypedDict):
    data: list[FullContactBody]
    has_more: bool
    next: str | None


class FullDomainBody(TypedDict):
    id: str
    name: str
    state: str
    created_at: str
    verified_at: str | None
    failing_since: str | None
    checked_at: str | None
    checking: bool
    records: list[DnsRecordBody]


class InboundAddressBody(TypedDict):
    id: str
    address: str
    note: str
    created_at: str


class InboundAddressInput(TypedDict):
    name: NotRequired[str]
    note: NotRequired[str]


class InboundAddressList(TypedDict):
    data: list[InboundAddressBody]
    has_more: bool
    next: str | None


class InboundDomainBody(TypedDict):
    id: str
    name: str
    verified: bool
    records: list[InboundRecordBody]
    created_at: str
    verified_at: str | None
    checked_at: str | None


class InboundDomainInput(TypedDict):
    name: str


class InboundDomainList(TypedDict):
    data: list[InboundDomainBody]
    has_more: bool
    next: str | None


class InboundRecordBody(TypedDict):
    type: str
    name: str
    value: str


class LaunchInput(TypedDict):
    version: NotRequired[int | None]


class LiftQuery(TypedDict):
    scope: NotRequired[Literal["all", "marketing", "transactional"] | None]
    confirm: NotRequired[list[str]]


class LinkBody(TypedDict):
    number: int
    url: str
    label: str
    people: int | None
    clicks: int
    share: float


class LinkList(TypedDict):
    data: list[LinkBody]
    has_more: bool
    next: str | None


class MediaBody(TypedDict):
    id: str
    filename: str
    content_type: str
    size: int
    created_at: str


class MediaList(TypedDict):
    data: list[MediaBody]
    has_more: bool
    next: str | None


Mode: TypeAlias = Literal["create", "upsert"]


class MomentBody(TypedDict):
    at: str
    type: str
    message: NotRequired[str]
    data: NotRequired[dict[str, Any]]


class NewContactInput(TypedDict):
    name: NotRequired[str | None]
    language: NotRequired[str | None]
    timezone: NotRequired[str | None]
    attributes: NotRequired[dict[str, Any]]
    tags: NotRequired[list[str] | None]
    external_id: NotRequired[str | None]
    email: str
    mode: NotRequired[Mode]


class NewWebhookBody(TypedDict):
    id: str
    url: str
    description: str
    events: list[str]
    fields: list[str]
    state: str
    reason: str
    authorization: AuthorizationBody | None
    public_key: str
    version: str
    failing_since: str | None
    last_success_at: str | None
    old_keys_until: str | None
    created_at: str
    secret: str


class OneScopeQuery(TypedDict):
    scope: NotRequired[Literal["all", "marketing", "transactional"] | None]


class Page(TypedDict):
    limit: NotRequired[int]
    after: NotRequired[str]


class Person(TypedDict):
    email: str
    name: NotRequired[str]


class ProblemBody(TypedDict):
    status: int
    title: str
    code: str
    detail: str
    hint: str
    request_id: str
    type: NotRequired[str]
    errors: NotRequired[list[FieldError]]


class ReadinessBody(TypedDict):
    ready: bool
    recipients: int
    problems: list[ReadinessProblemBody]


class ReadinessProblemBody(TypedDict):
    card: str
    severity: str
    code: str
    message: str
    suggestion: str
    line: int | None
    column: int | None


ReceivedBody = TypedDict(
    "ReceivedBody",
    {
        "id": str,
        "received_at": str,
        "from": str,
        "from_name": str,
        "to": str,
        "subject": str,
        "spf": str,
        "dkim": str,
        "dmarc": str,
        "auto_reply": bool,
        "message_id": str | None,
        "email_id": str | None,
        "contact_id": str | None,
        "size": int,
        "attachments": "list[ReceivedFileBody]",
    },
)


class ReceivedFileBody(TypedDict):
    number: int
    filename: str
    content_type: str
    size: int


class ReceivedList(TypedDict):
    data: list[ReceivedBody]
    has_more: bool
    next: str | None


ReceivedPartsBody = TypedDict(
    "ReceivedPartsBody",
    {
        "id": str,
        "received_at": str,
        "from": str,
        "from_name": str,
        "to": str,
        "subject": str,
        "spf": str,
        "dkim": str,
        "dmarc": str,
        "auto_reply": bool,
        "message_id": str | None,
        "email_id": str | None,
        "contact_id": str | None,
        "size": int,
        "attachments": "list[ReceivedFileBody]",
        "text": str | None,
        "html": str | None,
        "reply": str | None,
        "headers": list[list[Any]],
    },
)

ReceivedQuery = TypedDict(
    "ReceivedQuery",
    {
        "limit": NotRequired[int],
        "after": NotRequired[str],
        "to": NotRequired[str],
        "from": NotRequired[str],
        "email_id": NotRequired[str],
        "search": NotRequired[str],
        "replies_only": NotRequired[bool],
    },
)


class ReceiverBody(TypedDict):
    kind: str
    id: str | None
    host: str
    name: str


class RecipientBody(TypedDict):
    email: str
    contact: str | None
    outcome: str
    reason: str
    at: str | None
    smtp_code: int
    enhanced_code: str
    reply: str
    opened: bool
    clicked: bool


class RecipientList(TypedDict):
    data: list[RecipientBody]
    has_more: bool
    next: str | None


class RecipientQuery(TypedDict):
    limit: NotRequired[int]
    after: NotRequired[str]
    outcome: NotRequired[str]


class RenderInput(TypedDict):
    data: NotRequired[dict[str, Any]]
    contact: NotRequired[dict[str, Any] | None]
    stream: NotRequired[Literal["marketing", "transactional"]]


class RenderedBody(TypedDict):
    subject: str
    html: str | None
    text: str
    problems: list[ContentProblemBody]


class RequestBody(TypedDict):
    id: str
    at: str
    door: str
    method: str
    path: str
    status: int
    code: str
    detail: str
    milliseconds: int
    email: str | None
    body: Any


class RequestList(TypedDict):
    data: list[RequestBody]
    has_more: bool
    next: str | None


class RequestsQuery(TypedDict):
    limit: NotRequired[int]
    after: NotRequired[str]
    status: NotRequired[str]
    code: NotRequired[str]
    method: NotRequired[str]
    path: NotRequired[str]
    door: NotRequired[str]
    since: NotRequired[str | None]
    until: NotRequired[str | None]
    search: NotRequired[str]


class ScheduleInput(TypedDict):
    at: str
    version: NotRequired[int | None]


class SegmentBody(TypedDict):
    id: str
    name: str
    description: str
    definition: Any
    version: int
    keeps_members: bool
    size: int | None
    counted_at: str | None
    problem: str
    created_at: str
    updated_at: str
    archived_at: str | None


class SegmentChangeInput(TypedDict):
    name: NotRequired[str | None]
    definition: NotRequired[dict[str, Any] | None]
    description: NotRequired[str | None]
    keeps_members: NotRequired[bool | None]
    version: NotRequired[int | None]


class SegmentChangesQuery(TypedDict):
    limit: NotRequired[int]
    after: NotRequired[str]
    act: NotRequired[Literal["entered", "left"] | None]


class SegmentContactBody(TypedDict):
    id: str
    email: str
    name: str
    language: str
    created_at: str


class SegmentContactList(TypedDict):
    data: list[SegmentContactBody]
    has_more: bool
    next: str | None


class SegmentCountBody(TypedDict):
    number: int
    milliseconds: float


class SegmentEntryBody(TypedDict):
    id: str
    at: str
    act: Literal["entered", "left"]
    contact: str
    email: str | None


class SegmentEntryList(TypedDict):
    data: list[SegmentEntryBody]
    has_more: bool
    next: str | None


class SegmentInput(TypedDict):
    name: str
    definition: Any
    description: NotRequired[str]
    keeps_members: NotRequired[bool]


class SegmentList(TypedDict):
    data: list[SegmentBody]
    has_more: bool
    next: str | None


class SegmentPageQuery(TypedDict):
    limit: NotRequired[int]
    after: NotRequired[str]


class SegmentQuestionInput(TypedDict):
    condition: Any


class SegmentsQuery(TypedDict):
    limit: NotRequired[int]
    after: NotRequired[str]
    state: NotRequired[Literal["active", "archived"]]
    name: NotRequired[str]


class SenderBody(TypedDict):
    id: str
    email: str
    name: str
    reply_to: str
    is_default: bool
    verified_at: str | None
    created_at: str


class SenderInput(TypedDict):
    email: str
    name: NotRequired[str]
    reply_to: NotRequired[str]


class SenderList(TypedDict):
    data: list[SenderBody]
    has_more: bool
    next: str | None


class ShortPage(TypedDict):
    limit: NotRequired[int]
    after: NotRequired[str]


class StreamBody(TypedDict):
    id: str
    key: str
    name: str
    kind: str
    built_in: bool
    body_days: int
    log_days: int
    tracks_opens: bool
    tracks_clicks: bool
    created_at: str
    archived_at: str | None


class StreamChangeInput(TypedDict):
    name: NotRequired[str | None]
    body_days: NotRequired[int | None]
    log_days: NotRequired[int | None]
    tracks_opens: NotRequired[bool | None]
    tracks_clicks: NotRequired[bool | None]
    archived: NotRequired[Literal[False] | None]


class StreamCountsBody(TypedDict):
    delivered: int
    bounced: int
    suppressed: int
    canceled: int
    expired: int
    unknown: int
    opened: int
    clicked: int
    complained: int


class StreamInput(TypedDict):
    name: str
    key: NotRequired[str]
    kind: NotRequired[Literal["marketing", "transactional"]]
    body_days: NotRequired[int]
    log_days: NotRequired[int]
    tracks_opens: NotRequired[bool]
    tracks_clicks: NotRequired[bool]


class StreamList(TypedDict):
    data: list[StreamBody]
    has_more: bool
    next: str | None


class StreamQuery(TypedDict):
    limit: NotRequired[int]
    after: NotRequired[str]
    archived: NotRequired[bool]


class StreamWithCountsBody(TypedDict):
    id: str
    key: str
    name: str
    kind: str
    built_in: bool
    body_days: int
    log_days: int
    tracks_opens: bool
    tracks_clicks: bool
    created_at: str
    archived_at: str | None
    counts: StreamCountsBody


class SubscriptionBody(TypedDict):
    topic: str
    name: str
    state: str
    basis: str
    tracking_allowed: bool | None
    changed_at: str | None
    asked_at: NotRequired[str | None]


class SubscriptionInput(TypedDict):
    state: Literal["subscribed", "unsubscribed"]
    text: NotRequired[str]
    source: NotRequired[str]
    basis: NotRequired[Literal["consent", "contract", "law"]]
    since: NotRequired[str | None]
    evidence: NotRequired[dict[str, Any]]
    tracking_allowed: NotRequired[bool | None]


class SubscriptionsBody(TypedDict):
    data: list[SubscriptionBody]


class SuppressionBody(TypedDict):
    email: str | None
    reason: Literal["complaint", "erasure", "hard_bounce", "manual", "unsubscribe"]
    scope: Literal["all", "marketing", "transactional"]
    in_force: bool
    since: str
    expires_at: str | None
    note: str
    source: SuppressionSourceBody | None


class SuppressionInput(TypedDict):
    email: str
    reason: NotRequired[Literal["complaint", "hard_bounce", "manual", "unsubscribe"]]
    scope: NotRequired[Literal["all", "marketing", "transactional"] | None]
    note: NotRequired[str]
    since: NotRequired[str | None]
    expires_at: NotRequired[str | None]


class SuppressionList(TypedDict):
    data: list[SuppressionBody]
    has_more: bool
    next: str | None


class SuppressionResultBody(TypedDict):
    email: str
    result: str
    errors: NotRequired[list[FieldError]]


class SuppressionResultsBody(TypedDict):
    added: int
    already_suppressed: int
    invalid: int
    results: list[SuppressionResultBody]


class SuppressionSourceBody(TypedDict):
    kind: str
    id: str


class SuppressionsQuery(TypedDict):
    limit: NotRequired[int]
    after: NotRequired[str]
    email: NotRequired[str]
    reason: NotRequired[Literal["complaint", "erasure", "hard_bounce", "manual", "unsubscribe"] | None]
    scope: NotRequired[Literal["all", "marketing", "transactional"] | None]
    state: NotRequired[Literal["any", "ended", "in_force"]]


class TagBody(TypedDict):
    id: str
    name: str
    created_at: str


class TagInput(TypedDict):
    name: str


class TagList(TypedDict):
    data: list[TagBody]
    has_more: bool
    next: str | None


class TakenEmail(TypedDict):
    id: str
    state: Literal["queued", "scheduled"]
    at: str
    send_at: str
    recipients: list[TakenRecipient]


class TakenEventBody(TypedDict):
    id: str
    duplicate: bool


class TakenRecipient(TypedDict):
    id: str
    email: str
    kind: str
    refused: NotRequired[str]


class TemplateBody(TypedDict):
    id: str
    name: str
    kind: str
    subject: str
    preheader: str
    source: str
    version: int
    created_at: str
    updated_at: str
    archived_at: str | None
    problems: list[ContentProblemBody]


class TemplateChangeInput(TypedDict):
    name: NotRequired[str | None]
    kind: NotRequired[Literal["html", "mjml", "text"] | None]
    subject: NotRequired[str | None]
    preheader: NotRequired[str | None]
    source: NotRequired[str | None]
    draft: NotRequired[bool]
    version: NotRequired[int | None]
    archived: NotRequired[Literal[False] | None]


class TemplateQuery(TypedDict):
    limit: NotRequired[int]
    after: NotRequired[str]
    name: NotRequired[str]
    archived: NotRequired[bool]


class TemplateSummaryBody(TypedDict):
    id: str
    name: str
    kind: str
    subject: str
    version: int
    created_at: str
    updated_at: str
    archived_at: str | None


class TemplateSummaryList(TypedDict):
    data: list[TemplateSummaryBody]
    has_more: bool
    next: str | None


class TemplatesTemplateInput(TypedDict):
    name: str
    kind: NotRequired[Literal["html", "mjml", "text"]]
    subject: NotRequired[str]
    preheader: NotRequired[str]
    source: NotRequired[str]
    draft: NotRequired[bool]


class TestBody(TypedDict):
    messages: list[str]


class TestInput(TypedDict):
    to: list[str]
    contact: NotRequired[str]


class TimelineBody(TypedDict):
    at: str
    kind: str
    topic: str | None
    message: str | None
    data: dict[str, Any]


class TimelineList(TypedDict):
    data: list[TimelineBody]
    has_more: bool
    next: str | None


class TopicBody(TypedDict):
    id: str
    name: str
    description: str
    is_public: bool
    tracking: str
    created_at: str
    archived_at: str | None


class TopicChangeInput(TypedDict):
    name: NotRequired[str | None]
    description: NotRequired[str | None]
    is_public: NotRequired[bool | None]
    tracking: NotRequired[Literal["aggregate", "individual", "none"] | None]
    archived: NotRequired[Literal[False] | None]


class TopicInput(TypedDict):
    name: str
    description: NotRequired[str]
    is_public: NotRequired[bool]
    tracking: NotRequired[Literal["aggregate", "individual", "none"] | None]


class TopicList(TypedDict):
    data: list[TopicBody]
    has_more: bool
    next: str | None


class TopicQuery(TypedDict):
    limit: NotRequired[int]
    after: NotRequired[str]
    archived: NotRequired[bool]


class UploadQuery(TypedDict):
    filename: NotRequired[str]


class UtmInput(TypedDict):
    source: NotRequired[str]
    medium: NotRequired[str]
    campaign: NotRequired[str]
    content: NotRequired[str]


class WebhookAttemptBody(TypedDict):
    at: str
    status: int | None
    error: str
    duration_ms: int
    answer: str


class WebhookAuthorizationBody(TypedDict):
    by: str
    at: str
    text: str
    id: str
    url: str
    events: list[str]
    fields: list[str]
    end: str
    ended_at: str | None
    ended_by: str


class WebhookAuthorizationList(TypedDict):
    data: list[WebhookAuthorizationBody]
    has_more: bool
    next: str | None


class WebhookBody(TypedDict):
    id: str
    url: str
    description: str
    events: list[str]
    fields: list[str]
    state: str
    reason: str
    authorization: AuthorizationBody | None
    public_key: str
    version: str
    failing_since: str | None
    last_success_at: str | None
    old_keys_until: str | None
    created_at: str


class WebhookChangeInput(TypedDict):
    url: NotRequired[str | None]
    events: NotRequired[list[str] | None]
    fields: NotRequired[list[Literal["address", "link", "metadata", "reply", "subject", "tags"]] | None]
    description: NotRequired[str | None]
    authorized: NotRequired[bool]
    state: NotRequired[Literal["active", "paused"] | None]


class WebhookDeliveriesQuery(TypedDict):
    limit: NotRequired[int]
    after: NotRequired[str]
    state: NotRequired[Literal["delivered", "failed", "given_up", "waiting"] | None]
    event: NotRequired[str]


class WebhookDeliveryBody(TypedDict):
    id: str
    message_id: str
    event: str
    state: str
    attempts: int
    status: int | None
    error: str
    duration_ms: int
    created_at: str
    delivered_at: str | None
    next_attempt_at: str | None


class WebhookDeliveryDetailBody(TypedDict):
    id: str
    message_id: str
    event: str
    state: str
    attempts: int
    status: int | None
    error: str
    duration_ms: int
    created_at: str
    delivered_at: str | None
    next_attempt_at: str | None
    payload: Any
    log: list[WebhookAttemptBody]


class WebhookDeliveryList(TypedDict):
    data: list[WebhookDeliveryBody]
    has_more: bool
    next: str | None


class WebhookInput(TypedDict):
    url: str
    events: list[str]
    fields: NotRequired[list[Literal["address", "link", "metadata", "reply", "subject", "tags"]]]
    description: NotRequired[str]
    authorized: NotRequired[bool]


class WebhookList(TypedDict):
    data: list[WebhookBody]
    has_more: bool
    next: str | None


class WebhookReplayBody(TypedDict):
    work: str


class WebhookReplayInput(TypedDict):
    since: str
    until: NotRequired[str | None]
    events: NotRequired[list[str]]
    only_missing: NotRequired[bool]


class WorkBody(TypedDict):
    id: str
    kind: str
    title: str
    state: str
    done: int
    total: int | None
    result: dict[str, int]
    problem: str
    created_at: str
    started_at: str | None
    finished_at: str | None
