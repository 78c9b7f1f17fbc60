"""What is said of campaigns to the API and by it. `docs/api/campaigns.md`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from dynamail.accounts.models import Account
from dynamail.api.answering import name_row
from dynamail.api.auth import Caller
from dynamail.api.errors import FieldError
from dynamail.api.reading import refuse
from dynamail.campaigns.audiences import find_faults
from dynamail.campaigns.models import Campaign
from dynamail.campaigns.readiness import Problem
from dynamail.campaigns.starting import find_defaults, start_from_template
from dynamail.campaigns.stats import Totals
from dynamail.consent.models import Topic
from dynamail.contacts.models import Tag
from dynamail.contacts.tags import list_tags
from dynamail.content.models import Template
from dynamail.segments.models import Segment
from dynamail.segments.wording import translate_fault
from dynamail.senders.models import Sender

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=150)]
Line = Annotated[str, msgspec.Meta(max_length=300)]
Source = Annotated[str, msgspec.Meta(max_length=1_000_000)]
TagNames = Annotated[list[Annotated[str, msgspec.Meta(max_length=60)]], msgspec.Meta(max_length=50)]


class UtmInput(msgspec.Struct, forbid_unknown_fields=True):
    """Tags that are put on links for web analytics; empty ones are left out."""

    source: Annotated[str, msgspec.Meta(max_length=100)] = ""
    medium: Annotated[str, msgspec.Meta(max_length=100)] = "email"
    campaign: Annotated[str, msgspec.Meta(max_length=100)] = ""
    content: Annotated[str, msgspec.Meta(max_length=100)] = ""


class CampaignFields(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What is left out stays. The audience: who subscribed to `topic`, has any of `include_tags` and none of `exclude_tags`, and fits
    `condition` or is in `segment`. The content: `kind` and `body`, or those of a `template`.
    """

    topic: str | None = None
    include_tags: TagNames | None = None
    exclude_tags: TagNames | None = None
    condition: dict[str, Any] | None = None
    segment: str | None = None
    sender: str | None = None
    subject: Line | None = None
    preheader: Line | None = None
    kind: Literal["mjml", "html", "text"] | None = None
    body: Source | None = None
    text: Source | None = None
    template: str | None = None
    utm: UtmInput | None = None


class CampaignInput(CampaignFields, forbid_unknown_fields=True, kw_only=True):
    name: Name


class CampaignChangeInput(CampaignFields, forbid_unknown_fields=True, kw_only=True):
    """With the `version` that was read, nobody's change is overwritten."""

    name: Name | None = None
    version: int | None = None


class CampaignNumbersBody(msgspec.Struct, frozen=True):
    """Recipients by outcome, and people by what they did. Rates are shares of the delivered, null where nothing can be said."""

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


class CampaignSummaryBody(msgspec.Struct, frozen=True):
    """`state` is draft, scheduled, launching, running, paused, finished or canceled; `recipients` are those at the launch."""

    id: str
    name: str
    state: str
    subject: str
    recipients: int
    numbers: CampaignNumbersBody
    created_at: datetime
    updated_at: datetime
    scheduled_at: datetime | None
    launched_at: datetime | None
    finished_at: datetime | None
    version: int


class CampaignBody(CampaignSummaryBody, frozen=True):
    """`problem` says why it was paused or is a draft again; `remaining` and `deferred` are recipients still to come."""

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


class ReadinessProblemBody(msgspec.Struct, frozen=True):
    """`card` is to, from, subject or content; what `blocks` refuses the launch, the rest warns or notes."""

    card: str
    severity: str
    code: str
    message: str
    suggestion: str
    line: int | None
    column: int | None


def read_fields(caller: Caller, said: CampaignFields) -> dict[str, Any]:
    """What is said, as the fields of a draft. Raises Problem (422)."""
    values: dict[str, Any] = {
        field: value
        for field in ("subject", "preheader", "kind", "body", "text")
        if (value := getattr(said, field)) is not None
    }
    if said.template:
        start = start_from_template(name_row(caller, Template, said.template, "template"))
        given = {
            "kind": start.kind,
            "body": start.body,
            "subject": start.subject,
            "preheader": start.preheader,
        }
        values = given | values
    if said.topic is not None:
        values["topic_id"] = name_row(caller, Topic, said.topic, "topic").pk
    if said.sender is not None:
        values["sender_id"] = name_row(caller, Sender, said.sender, "sender").pk
    for field in ("include_tags", "exclude_tags"):
        if (names := getattr(said, field)) is not None:
            values[field] = _find_tags(caller, names, field)
    if said.utm is not None:
        values["utm"] = {name: value for name, value in msgspec.to_builtins(said.utm).items() if value}
    return values | _read_condition(caller, said)


def find_draft_defaults(caller: Caller) -> dict[str, int]:
    """The default sender and the only topic, where there is one."""
    return find_defaults(Account.objects.get(pk=caller.account_id))


def _find_tags(caller: Caller, names: list[str], field: str) -> list[int]:
    known = {tag.name.casefold(): tag.pk for tag in list_tags(caller.account_id)}
    missing = [name for name in names if name.strip().casefold() not in known]
    if missing:
        raise refuse(FieldError(field, f"names a tag that is not known in this account: {missing[0][:60]}"))
    return sorted({known[name.strip().casefold()] for name in names})


def _read_condition(caller: Caller, said: CampaignFields) -> dict[str, Any]:
    if said.segment and said.condition:
        raise refuse(FieldError("segment", "cannot be given beside a condition: name it in the condition"))
    if said.segment:
        segment = name_row(caller, Segment, said.segment, "segment")
        return {"condition": {"kind": "segment", "segment": segment.public_id}}
    if said.condition is None:
        return {}
    if faults := find_faults(caller.account_id, said.condition):
        raise refuse(*(FieldError(f"condition{fault.path}", translate_fault(fault)) for fault in faults))
    return {"condition": said.condition}


def describe_summary(row: Campaign, totals: Totals) -> dict[str, Any]:
    """The fields of a CampaignSummaryBody."""
    return {
        "id": row.public_id,
        "name": row.name,
        "state": row.state,
        "subject": row.subject,
        "recipients": row.frozen,
        "numbers": describe_numbers(totals),
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "scheduled_at": row.scheduled_at,
        "launched_at": row.launched_at,
        "finished_at": row.finished_at,
        "version": row.version,
    }


def describe_numbers(totals: Totals) -> CampaignNumbersBody:
    return CampaignNumbersBody(
        **{name: getattr(totals, name) for name in CampaignNumbersBody.__struct_fields__}
    )


def describe_campaign(row: Campaign, totals: Totals, *, remaining: int, deferred: int) -> CampaignBody:
    tags = dict(Tag.objects.for_account(row.account_id).values_list("pk", "name"))
    return CampaignBody(
        **describe_summary(row, totals),
        topic=row.topic.public_id if row.topic else None,
        include_tags=[tags[tag] for tag in row.include_tags if tag in tags],
        exclude_tags=[tags[tag] for tag in row.exclude_tags if tag in tags],
        condition=row.condition,
        sender=row.sender.public_id if row.sender else None,
        preheader=row.preheader,
        kind=row.kind,
        body=row.body,
        text=row.text,
        utm=row.utm,
        problem=row.problem,
        remaining=remaining,
        deferred=deferred,
    )


def describe_readiness(problem: Problem) -> ReadinessProblemBody:
    return ReadinessProblemBody(
        card=problem.card.value,
        severity=problem.severity.value,
        code=problem.code,
        message=str(problem.sentence),
        suggestion=problem.suggestion,
        line=problem.line,
        column=problem.column,
    )
