"""Where a contact stands on each topic, and what is recorded about them. `docs/api/contacts.md`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, get, put
from litestar.params import FromPath

from dynamail.accounts.api_keys import Scope
from dynamail.api.answering import answer, get_row, read_input
from dynamail.api.auth import ApiRequest, Caller, in_account
from dynamail.api.contacts import ONE, find_contact
from dynamail.api.describing import described
from dynamail.api.errors import FieldError, Problem
from dynamail.api.paging import Listed, Page, make_page, wrong_cursor
from dynamail.api.reading import read_query, refuse
from dynamail.consent.confirming import find_open_requests
from dynamail.consent.models import LawfulBasis, Subscription, Topic
from dynamail.consent.proof import Proof
from dynamail.consent.recording import find_subscriptions, give_consent, withdraw_consent
from dynamail.consent.topics import find_topics
from dynamail.contacts.models import Contact, ContactState
from dynamail.contacts.timeline import Moment, list_moments
from dynamail.lib.ids import to_public_id

METHOD = "api"
INSTANT = timedelta(microseconds=1)
MAX_EVIDENCE = 4_000  # characters of JSON
NEVER_ASKED = "none"


class SubscriptionInput(msgspec.Struct, forbid_unknown_fields=True):
    """What a person said about a topic, and how it can be proved.

    `text` holds the words that they agreed to; without it nobody is subscribed. `source` names the form, `since` the day when they
    agreed if that was not today, `evidence` whatever else proves it: address, page, a record's number.
    """

    state: Literal["subscribed", "unsubscribed"]
    text: Annotated[str, msgspec.Meta(max_length=2_000)] = ""
    source: Annotated[str, msgspec.Meta(max_length=200)] = ""
    basis: Literal["consent", "contract", "law"] = "consent"
    since: date | None = None
    evidence: dict[str, Any] = {}
    tracking_allowed: bool | None = None


class SubscriptionBody(msgspec.Struct, frozen=True):
    """`state` is subscribed, pending, unsubscribed, or none for who was never asked. `asked_at`: a mail asked them to confirm, and
    they have not answered yet."""

    topic: str
    name: str
    state: str
    basis: str
    tracking_allowed: bool | None
    changed_at: datetime | None
    asked_at: datetime | None = None


class SubscriptionsBody(msgspec.Struct, frozen=True):
    data: list[SubscriptionBody]


class TimelineBody(msgspec.Struct, frozen=True):
    """One thing that happened: a kind of event, `consent.<act>`, or `own` for the account's own events."""

    at: datetime
    kind: str
    topic: str | None
    message: str | None
    data: dict[str, Any]


@get(
    f"{ONE}/topics",
    **described(
        "Where a contact stands on each topic",
        scope=Scope.READ_CONTACTS,
        answers={200: SubscriptionsBody},
        statuses=(404,),
    ),
)
async def list_topics(request: ApiRequest, contact: FromPath[str]) -> Response[SubscriptionsBody]:
    """Every open topic, in the account's order."""

    def find(caller: Caller) -> SubscriptionsBody:
        who = find_contact(caller, contact)
        rows = find_subscriptions(caller.account_id, who.id)
        asked = find_open_requests(caller.account_id, who.id, now=caller.now)
        topics = find_topics(caller.account_id)
        return SubscriptionsBody(
            [_describe(topic, rows.get(topic.pk), asked.get(topic.pk)) for topic in topics]
        )

    return answer(await in_account(request, find))


@put(
    f"{ONE}/topics/{{topic:str}}",
    **described(
        "Subscribe or unsubscribe a contact",
        scope=Scope.WRITE_CONTACTS,
        body=SubscriptionInput,
        ids={"topic": "top"},
        answers={200: SubscriptionBody},
        statuses=(404, 409),
    ),
)
async def set_topic(
    request: ApiRequest, contact: FromPath[str], topic: FromPath[str]
) -> Response[SubscriptionBody]:
    """What the person said is kept as proof. Saying it again changes nothing. Suppressions stay."""
    said = await read_input(request, SubscriptionInput)

    def write(caller: Caller) -> SubscriptionBody:
        who, what = find_contact(caller, contact), get_row(caller, Topic, topic)
        _check_proof(said, caller)
        _record(caller, who, what, said)
        return _describe(what, find_subscriptions(caller.account_id, who.id).get(what.pk))

    return answer(await in_account(request, write))


@get(
    f"{ONE}/timeline",
    **described(
        "What happened with a contact",
        scope=Scope.READ_CONTACTS,
        query=Page,
        answers={200: Listed[TimelineBody]},
        statuses=(404,),
    ),
)
async def list_timeline(request: ApiRequest, contact: FromPath[str]) -> Response[Listed[TimelineBody]]:
    """Edits, tags, consent, mail and own events, the latest first."""
    page = read_query(request, Page)
    until, seen = _read_place(page.after)

    def find(caller: Caller) -> Listed[TimelineBody]:
        who = find_contact(caller, contact)
        before = None if until is None else until + INSTANT
        found = list_moments(caller.account_id, who.id, before=before, limit=seen + page.limit + 1)
        topics = {topic.pk: topic.public_id for topic in find_topics(caller.account_id, with_archived=True)}
        shown = found[seen : seen + page.limit]
        return make_page(
            [_describe_moment(one, topics) for one in shown],
            _write_place(found[: seen + page.limit]) if len(found) > seen + page.limit else None,
        )

    return answer(await in_account(request, find))


HANDLERS = [list_topics, set_topic, list_timeline]


def _check_proof(said: SubscriptionInput, caller: Caller) -> None:
    """Raises Problem (422)."""
    errors = []
    if said.state == "subscribed" and not said.text.strip():
        message = "is missing: give the words that the person agreed to; they are the proof of consent"
        errors.append(FieldError("text", message))
    if said.since is not None and not date(1990, 1, 1) <= said.since <= caller.now.date():
        errors.append(FieldError("since", "must be a day in the past, after 1989"))
    errors += check_evidence(said.evidence)
    if errors:
        raise refuse(*errors)


def check_evidence(evidence: dict[str, Any]) -> list[FieldError]:
    if len(msgspec.json.encode(evidence)) <= MAX_EVIDENCE:
        return []
    return [FieldError("evidence", f"must not be longer than {MAX_EVIDENCE} characters of JSON")]


def check_open(contact: Contact, topic: Topic) -> None:
    """May the contact be subscribed to the topic at all? Raises Problem (409)."""
    if contact.state == ContactState.RESTRICTED:
        raise Problem(409, "restricted", "This contact asked to be left alone; they cannot be subscribed.")
    if topic.archived_at is not None:
        raise Problem(409, "topic_archived", "This topic is archived; nothing is sent to it any more.")


def _record(caller: Caller, contact: Contact, topic: Topic, said: SubscriptionInput) -> None:
    """Raises Problem (409)."""
    proof = Proof(
        method=METHOD,
        basis=LawfulBasis(said.basis),
        text=said.text.strip(),
        since=said.since,
        source_kind="api_key",
        source_id=caller.key.public_id,
        evidence={**said.evidence, **({"source": said.source} if said.source else {})},
    )
    if said.state == "unsubscribed":
        withdraw_consent(caller.account_id, contact.id, topic.pk, proof=proof, now=caller.now)
        return
    check_open(contact, topic)
    give_consent(
        caller.account_id,
        contact.id,
        topic.pk,
        proof=proof,
        now=caller.now,
        allow_tracking=said.tracking_allowed,
    )


def _write_place(shown: Sequence[Moment]) -> str:
    """The last moment, and how many entries of it were shown: what one request did with a contact has one moment."""
    last = shown[-1].at
    return f"{last.isoformat()}~{sum(one.at == last for one in shown)}"


def _read_place(text: str) -> tuple[datetime | None, int]:
    if not text:
        return None, 0
    said, _, seen = text.partition("~")
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        raise wrong_cursor() from None
    is_number = seen.isascii() and seen.isdecimal() and len(seen) < 6
    if moment.tzinfo is None or not is_number or not 1970 < moment.year < 9999:
        raise wrong_cursor()
    return moment, int(seen)


def _describe(topic: Topic, row: Subscription | None, asked_at: datetime | None = None) -> SubscriptionBody:
    if row is None:
        return SubscriptionBody(topic.public_id, topic.name, NEVER_ASKED, "", None, None)
    return SubscriptionBody(
        topic.public_id, topic.name, row.state, row.basis, row.tracking_allowed, row.changed_at, asked_at
    )


def _describe_moment(moment: Moment, topics: dict[int, str]) -> TimelineBody:
    data = {
        name: value for name, value in moment.data.items() if value not in (None, "") and name != "topic_id"
    }
    topic_id = moment.topic_id or moment.data.get("topic_id")
    return TimelineBody(
        at=moment.at,
        kind=moment.kind,
        topic=topics.get(topic_id) if isinstance(topic_id, int) else None,
        message=to_public_id("msg", moment.message_id) if moment.message_id else None,
        data=data,
    )
