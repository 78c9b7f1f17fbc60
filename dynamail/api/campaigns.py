"""Campaigns: drafts, and what becomes of them. Sending and stopping stand in `campaign_acts.py`. `docs/api/campaigns.md`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, TypeVar
from uuid import UUID

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.params import FromPath

from dynamail.accounts.api_keys import Scope
from dynamail.api.answering import answer, not_found, read_input
from dynamail.api.auth import ApiRequest, Caller, in_account
from dynamail.api.campaign_shapes import (
    CampaignBody,
    CampaignChangeInput,
    CampaignInput,
    CampaignSummaryBody,
    describe_campaign,
    describe_summary,
    find_draft_defaults,
    read_fields,
)
from dynamail.api.describing import described
from dynamail.api.errors import FieldError, Problem
from dynamail.api.paging import Listed, Page, list_page, make_page, read_after
from dynamail.api.reading import read_query, refuse
from dynamail.campaigns.drafting import create_campaign, delete_draft, save_draft
from dynamail.campaigns.errors import CampaignError, ChangedMeanwhile, NotReady, TestRefused
from dynamail.campaigns.models import Campaign, CampaignState
from dynamail.campaigns.recipients import Person, list_people
from dynamail.campaigns.stats import read_links, summarize_campaigns
from dynamail.lib.ids import UnknownId, to_public_id
from dynamail.messages.accounting import Whereabouts, count_outcomes
from dynamail.segments.counting import TooCostly
from dynamail.segments.wording import describe_costly

PATH = "/api/v1/campaigns"
ONE = f"{PATH}/{{campaign:str}}"
CURSOR = "rcp"  # of lists of recipients; not an id that anything else takes

Answer = TypeVar("Answer")


class CampaignQuery(Page, frozen=True, forbid_unknown_fields=True):
    state: Annotated[str, msgspec.Meta(description=", ".join(CampaignState.values))] = ""
    name: Annotated[str, msgspec.Meta(max_length=150, description="A part of the name.")] = ""


class RecipientQuery(Page, frozen=True, forbid_unknown_fields=True):
    outcome: Annotated[str, msgspec.Meta(description=", ".join(Whereabouts))] = Whereabouts.DELIVERED.value


class RecipientBody(msgspec.Struct, frozen=True):
    """One recipient. `reply` is the receiving server's own text."""

    email: str
    contact: str | None
    outcome: str
    reason: str
    at: datetime | None
    smtp_code: int
    enhanced_code: str
    reply: str
    opened: bool
    clicked: bool


class LinkBody(msgspec.Struct, frozen=True):
    """`people` is null where acts are not tied to persons; `share` is of all clicks."""

    number: int
    url: str
    label: str
    people: int | None
    clicks: int
    share: float


# ── Drafts ───────────────────────────────────────────────────────────────────────────────────────────────────────────
@get(
    PATH,
    **described(
        "List campaigns",
        scope=Scope.READ_CAMPAIGNS,
        query=CampaignQuery,
        answers={200: Listed[CampaignSummaryBody]},
    ),
)
async def list_(request: ApiRequest) -> Response[Listed[CampaignSummaryBody]]:
    """The newest first, with their numbers and without their content."""
    query = read_query(request, CampaignQuery)
    if query.state and query.state not in CampaignState.values:
        raise refuse(FieldError("state", f"must be one of {', '.join(CampaignState.values)}"))
    before = read_after(query, Campaign.public_prefix)

    def find(caller: Caller) -> Listed[CampaignSummaryBody]:
        rows = _list_rows(caller, query, before)
        totals = summarize_campaigns(caller.account_id, rows)
        return list_page(
            rows,
            query.limit,
            lambda row: CampaignSummaryBody(**describe_summary(row, totals[row.uid])),
            lambda row: row.public_id,
        )

    return answer(await in_account(request, find))


@post(
    PATH,
    **described(
        "Create a campaign", scope=Scope.WRITE_CAMPAIGNS, body=CampaignInput, answers={201: CampaignBody}
    ),
)
async def create(request: ApiRequest) -> Response[CampaignBody]:
    """A draft, with the default sender and the only topic where none is named. Nothing is sent."""
    said = await read_input(request, CampaignInput)

    def write(caller: Caller) -> CampaignBody:
        values = find_draft_defaults(caller) | read_fields(caller, said)
        row = create_campaign(
            caller.account_id, name=_clean_name(said.name), by=caller.key, now=caller.now, **values
        )
        return describe(row)

    return answer(await in_account(request, write), status=201)


@get(
    ONE,
    **described(
        "Read a campaign",
        scope=Scope.READ_CAMPAIGNS,
        answers={200: CampaignBody},
        statuses=(404,),
        ids={"campaign": "cmp"},
    ),
)
async def get_(request: ApiRequest, campaign: FromPath[str]) -> Response[CampaignBody]:
    """With its content, its state and what was counted."""
    return answer(await in_account(request, lambda caller: describe(find_campaign(caller, campaign))))


@patch(
    ONE,
    **described(
        "Change a draft",
        scope=Scope.WRITE_CAMPAIGNS,
        body=CampaignChangeInput,
        answers={200: CampaignBody},
        statuses=(404, 409),
        ids={"campaign": "cmp"},
    ),
)
async def change(request: ApiRequest, campaign: FromPath[str]) -> Response[CampaignBody]:
    """409 when it is no draft any more, or somebody saved another version meanwhile."""
    said = await read_input(request, CampaignChangeInput)

    def write(caller: Caller) -> CampaignBody:
        row = find_campaign(caller, campaign)
        values = read_fields(caller, said)
        if said.name is not None:
            values["name"] = _clean_name(said.name)
        if values or said.version is not None:
            save_draft(row, version=said.version, by=caller.key, now=caller.now, **values)
        return describe(row)

    return answer(await in_account(request, lambda caller: refusing(lambda: write(caller))))


@delete(
    ONE,
    **described(
        "Delete a draft",
        scope=Scope.WRITE_CAMPAIGNS,
        answers={204: None},
        statuses=(404, 409),
        ids={"campaign": "cmp"},
    ),
)
async def remove(request: ApiRequest, campaign: FromPath[str]) -> None:
    """409 for what was launched: its numbers are a record."""

    def write(caller: Caller) -> None:
        delete_draft(find_campaign(caller, campaign), by=caller.key)

    await in_account(request, lambda caller: refusing(lambda: write(caller)))


# ── Reports ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@get(
    f"{ONE}/recipients",
    **described(
        "Recipients of a campaign by outcome",
        scope=Scope.READ_CAMPAIGNS,
        also=(Scope.READ_CONTACTS,),
        query=RecipientQuery,
        answers={200: Listed[RecipientBody]},
        statuses=(404,),
        ids={"campaign": "cmp"},
    ),
)
async def list_recipients(request: ApiRequest, campaign: FromPath[str]) -> Response[Listed[RecipientBody]]:
    """Needs the scope contacts.read as well."""
    query = read_query(request, RecipientQuery)
    if query.outcome not in set(Whereabouts):
        raise refuse(FieldError("outcome", f"must be one of {', '.join(Whereabouts)}"))
    after = read_after(query, CURSOR)

    def find(caller: Caller) -> Listed[RecipientBody]:
        row = find_campaign(caller, campaign)
        place, size = Whereabouts(query.outcome), query.limit + 1
        people = list_people(caller.account_id, row, place, after=after, size=size)
        return list_page(
            people, query.limit, _describe_person, lambda person: to_public_id(CURSOR, person.key)
        )

    return answer(await in_account(request, find))


@get(
    f"{ONE}/links",
    **described(
        "Links of a campaign with their clicks",
        scope=Scope.READ_CAMPAIGNS,
        answers={200: Listed[LinkBody]},
        statuses=(404,),
        ids={"campaign": "cmp"},
    ),
)
async def list_links(request: ApiRequest, campaign: FromPath[str]) -> Response[Listed[LinkBody]]:
    """All on one page, in the order of the message."""

    def find(caller: Caller) -> Listed[LinkBody]:
        links = read_links(caller.account_id, find_campaign(caller, campaign))
        found = [LinkBody(one.number, one.url, one.label, one.people, one.clicks, one.share) for one in links]
        return make_page(found, None)

    return answer(await in_account(request, find))


HANDLERS = [list_, create, get_, change, remove, list_recipients, list_links]


# ── Finding, refusing, describing ────────────────────────────────────────────────────────────────────────────────────
def find_campaign(caller: Caller, public_id: str) -> Campaign:
    """With what stands beside it. Raises Problem (404)."""
    try:
        uid = Campaign.uid_from(public_id)
    except UnknownId:
        raise not_found("campaign") from None
    rows = Campaign.objects.for_account(caller.account_id).filter(uid=uid)
    row: Campaign | None = rows.select_related("account", "topic", "sender").first()
    if row is None:
        raise not_found("campaign")
    return row


def refusing(verb: Callable[[], Answer]) -> Answer:
    """Run a verb, and say what it refuses as the API says it."""
    try:
        return verb()
    except ChangedMeanwhile as error:
        saved = FieldError("version", str(error.saved_version))
        detail = "Somebody else saved this campaign in the meantime; read it again and repeat your change."
        raise Problem(409, error.code, detail, (saved,)) from None
    except NotReady as error:
        missing = tuple(FieldError(one.card.value, str(one.sentence)) for one in error.problems)
        raise Problem(409, error.code, "This campaign cannot be sent yet; see “errors”.", missing) from None
    except TestRefused as error:
        raise Problem(422, error.code, str(error), (FieldError("to", str(error)),)) from None
    except TooCostly as error:
        raise Problem(422, "too_costly", describe_costly(error)) from None
    except CampaignError as error:
        raise Problem(409, error.code, str(error)) from None


def describe(row: Campaign) -> CampaignBody:
    """As it is saved now."""
    rows = Campaign.objects.for_account(row.account_id).select_related("topic", "sender")
    saved = rows.get(pk=row.pk)
    totals = summarize_campaigns(row.account_id, [saved])[saved.uid]
    if saved.launched_at is None:
        return describe_campaign(saved, totals, remaining=0, deferred=0)
    places = count_outcomes(row.account_id, saved.uid)
    return describe_campaign(saved, totals, remaining=places.remaining, deferred=places.deferred)


def _list_rows(caller: Caller, query: CampaignQuery, before: UUID | None) -> list[Campaign]:
    rows = Campaign.objects.for_account(caller.account_id).defer("body", "text").order_by("-uid")
    if query.state:
        rows = rows.filter(state=query.state)
    if query.name:
        rows = rows.filter(name__icontains=query.name.replace("\x00", ""))
    if before is not None:
        rows = rows.filter(uid__lt=before)
    return list(rows[: query.limit + 1])


def _clean_name(name: str) -> str:
    cleaned = " ".join(name.replace("\x00", "").split())
    if not cleaned:
        raise refuse(FieldError("name", "must not be empty"))
    return cleaned


def _describe_person(person: Person) -> RecipientBody:
    return RecipientBody(
        email=person.email,
        contact=person.contact_public_id or None,
        outcome=person.outcome,
        reason=person.reason,
        at=person.at,
        smtp_code=person.smtp_code,
        enhanced_code=person.enhanced_code,
        reply=person.reply,
        opened=person.opened,
        clicked=person.clicked,
    )
