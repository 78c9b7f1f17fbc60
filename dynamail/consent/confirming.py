"""Confirmed subscriptions: the person is asked by mail, and is subscribed when they answer (double opt-in).

What was asked is a consent record with the act `requested`; its id stands in the signed link. The answer is a record of its own,
`confirmed`, that names the request. A link speaks for one address: it is over after 14 days, when the person left meanwhile, when the
contact has another address now, and when the address is suppressed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.db import connections, transaction
from django.db.models import QuerySet

from dynamail.consent.address_hash import hash_address
from dynamail.consent.leaving import Person
from dynamail.consent.models import ConsentRecord, ConsentState, Topic
from dynamail.consent.proof import Proof
from dynamail.consent.recording import find_subscriptions, give_consent
from dynamail.consent.suppressing import ALL, MARKETING, find_suppression
from dynamail.lib.personal_data import RETENTION_DAYS, Retention
from dynamail.lib.sql import load_sql

METHOD = "confirmation"
VALID_FOR = timedelta(days=RETENTION_DAYS[Retention.UNCONFIRMED] or 0)
MOST_PER_DAY = 3  # mails to one person, whatever the topics: nobody is bombed by somebody else's sign-ups
DAY = timedelta(days=1)
_NOTES = "confirmation"  # of the evidence: what the request keeps for the day when the person answers

Act = ConsentRecord.Act


class AskedTooOften(Exception):
    """The person got as many of these mails in a day as anybody may; `wait` says for how long there is none."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__("No more mails to confirm a subscription for now.")
        self.wait = wait


class Standing(StrEnum):
    """Where a request stands: it waits for the person, they are subscribed, or its link is of no use any more."""

    OPEN = "open"
    DONE = "done"
    OVER = "over"


@dataclass(frozen=True, kw_only=True)
class Notes:
    """What a request keeps besides its proof: the mail that was sent, where the answer leads, what was said about tracking."""

    email_id: str
    redirect_url: str = ""
    allow_tracking: bool | None = None


def may_be_asked(person: Person, topic_id: int, *, now: datetime) -> bool:
    """False when they are subscribed already: then there is nothing to ask. Raises AskedTooOften.

    The caller holds the contact's row, so that two requests at once do not count each other out.
    """
    row = find_subscriptions(person.account_id, person.contact_id).get(topic_id)
    if row is not None and row.state == ConsentState.SUBSCRIBED:
        return False
    asked = _records(person).filter(act=Act.REQUESTED, at__gt=now - DAY).order_by("-at")
    moments = list(asked.values_list("at", flat=True)[:MOST_PER_DAY])
    if len(moments) == MOST_PER_DAY:
        raise AskedTooOften(moments[-1] + DAY - now)
    return True


@transaction.atomic
def note_request(
    person: Person, topic_id: int, *, record_id: UUID, proof: Proof, notes: Notes, now: datetime
) -> None:
    """The person was asked by mail. `proof` says how their wish reached us; they are pending, or stay out until they answer."""
    kept = {
        "email": notes.email_id,
        # The address itself would outlive an erasure.
        "address": _hash(person),
        "redirect_url": notes.redirect_url,
        "tracking_allowed": notes.allow_tracking,
    }
    with connections["default"].cursor() as cursor:
        cursor.execute(
            load_sql("consent", "await_confirmation"),
            [person.account_id, topic_id, person.contact_id, proof.basis, now],
        )
    ConsentRecord.objects.add(
        person.account_id,
        id=record_id,
        contact_id=person.contact_id,
        topic_id=topic_id,
        act=Act.REQUESTED,
        basis=proof.basis,
        method=proof.method,
        text=proof.text,
        at=now,
        source_kind=proof.source_kind,
        source_id=proof.source_id,
        evidence={**proof.evidence, _NOTES: kept},
    )


def find_request(account_id: int, record_id: UUID) -> ConsentRecord | None:
    rows = ConsentRecord.objects.for_account(account_id).filter(id=record_id, act=Act.REQUESTED)
    found: ConsentRecord | None = rows.first()
    return found


def judge_request(request: ConsentRecord, person: Person | None, *, now: datetime) -> Standing:
    """`person` is whoever the request's contact is now."""
    if person is None or _read_notes(request).get("address") != _hash(person):
        return Standing.OVER
    row = find_subscriptions(person.account_id, person.contact_id).get(request.topic_id)
    if row is not None and row.state == ConsentState.SUBSCRIBED:
        return Standing.DONE
    return Standing.OVER if _is_over(request, person, now) else Standing.OPEN


@transaction.atomic
def confirm(request: ConsentRecord, person: Person | None, *, now: datetime) -> Standing:
    """The person says yes. Twice is once. The caller holds the contact's row."""
    standing = judge_request(request, person, now=now)
    if standing is not Standing.OPEN or person is None:
        return standing
    allowed = _read_notes(request).get("tracking_allowed")
    give_consent(
        person.account_id,
        person.contact_id,
        request.topic_id,
        proof=_prove(request),
        now=now,
        allow_tracking=allowed if isinstance(allowed, bool) else None,
        act=Act.CONFIRMED,
    )
    return Standing.DONE


def find_redirect(request: ConsentRecord) -> str:
    """Where the one who asked wanted the person to go; whether that is theirs is for the caller to see."""
    return str(_read_notes(request).get("redirect_url") or "")


def find_open_requests(account_id: int, contact_id: UUID, *, now: datetime) -> dict[int, datetime]:
    """When the person was asked, by topics that they have not answered about since."""
    rows = ConsentRecord.objects.for_account(account_id).filter(contact_id=contact_id, at__gt=now - VALID_FOR)
    asked: dict[int, datetime] = {}
    for topic_id, act, at in rows.order_by("at", "id").values_list("topic_id", "act", "at"):
        if act == Act.REQUESTED:
            asked[topic_id] = at
        elif act in (Act.GIVEN, Act.CONFIRMED, Act.WITHDRAWN, Act.IMPORTED):
            asked.pop(topic_id, None)
    return asked


def _is_over(request: ConsentRecord, person: Person, now: datetime) -> bool:
    if now > request.at + VALID_FOR:
        return True
    topics = Topic.objects.for_account(person.account_id)
    if not topics.filter(pk=request.topic_id, archived_at__isnull=True).exists():
        return True
    left = _records(person).filter(topic_id=request.topic_id, act=Act.WITHDRAWN, at__gte=request.at)
    if left.exists():
        return True
    scopes = (ALL, MARKETING)
    return find_suppression(person.account_id, person.email_key, now=now, scopes=scopes) is not None


def _prove(request: ConsentRecord) -> Proof:
    evidence: dict[str, object] = {
        "request": str(request.id),
        "asked_at": request.at.isoformat(),
        "email": str(_read_notes(request).get("email") or ""),
    }
    return Proof(
        method=METHOD,
        basis=request.basis,
        text=request.text,
        source_kind=request.source_kind,
        source_id=request.source_id,
        evidence=evidence,
    )


def _read_notes(request: ConsentRecord) -> Mapping[str, object]:
    notes = request.evidence.get(_NOTES)
    return notes if isinstance(notes, dict) else {}


def _records(person: Person) -> QuerySet[ConsentRecord]:
    return ConsentRecord.objects.for_account(person.account_id).filter(contact_id=person.contact_id)


def _hash(person: Person) -> str:
    return hash_address(person.account_id, person.email_key).hex()
