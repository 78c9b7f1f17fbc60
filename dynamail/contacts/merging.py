"""Two rows of one person become one. Nothing is lost, nothing is allowed that was not: the safest consent wins.

Consent is given for an address. What the address that goes agreed to does not carry over to the one that stays, unless a member
states, in words that are kept as proof, that the person means both. A refusal always carries over.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connections, transaction
from django.utils.translation import gettext as _

from dynamail.accounts.audit import Actor, record_audit
from dynamail.accounts.models import ApiKey, Member
from dynamail.consent.models import ConsentState, Subscription, SuppressionReason
from dynamail.consent.proof import Proof
from dynamail.consent.recording import find_subscriptions, give_consent, withdraw_consent
from dynamail.consent.suppressing import ALL, MARKETING, find_suppression, suppress_address
from dynamail.contacts.models import Contact, ContactAlias, ContactState
from dynamail.events.kinds import EventKind
from dynamail.events.log import record_event
from dynamail.lib.sql import load_sql

HAND = "hand"
METHOD = "merge"  # of the proof that a refusal came along
PLAIN_FIELDS = ("name", "language", "timezone")
_OWN_WORD = (SuppressionReason.UNSUBSCRIBE, SuppressionReason.COMPLAINT)


class MergeError(ValueError):
    """These two cannot be merged; the text says why."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class MergeChoice:
    """What a member decided. Without a word about it, the value of the one who stays wins, and an empty one is filled."""

    from_gone: frozenset[str] = frozenset()  # name, language, timezone, attribute:<number>
    statement: str = (
        ""  # why the consent of the address that goes holds for the other too; empty: it does not
    )


@dataclass(frozen=True)
class FieldPlan:
    """One field of the two: `name`, … or `attribute:<number>`."""

    name: str
    kept: Any
    gone: Any
    result: Any

    @property
    def is_conflict(self) -> bool:
        return _is_filled(self.kept) and _is_filled(self.gone) and self.kept != self.gone


@dataclass(frozen=True)
class TopicPlan:
    """Where both stand on a topic (empty: never asked), and where the one who stays will."""

    topic_id: int
    kept: str
    gone: str
    result: str


@dataclass(frozen=True)
class MergePlan:
    """What a merge would do; nothing is written."""

    fields: tuple[FieldPlan, ...]
    tags: tuple[int, ...]
    topics: tuple[TopicPlan, ...]
    said_no: bool = field(
        default=False
    )  # the address that goes left everything or complained: no topic stays


def plan_merge(kept: Contact, gone: Contact, choice: MergeChoice, *, now: datetime) -> MergePlan:
    """Raises MergeError when the two cannot be merged."""
    check_mergeable(kept, gone)
    said_no = _said_no(gone, now)
    return MergePlan(
        fields=tuple(_plan_fields(kept, gone, choice.from_gone)),
        tags=tuple(sorted({*kept.tags, *gone.tags})),
        topics=tuple(_plan_topics(kept, gone, said_no=said_no, stated=bool(choice.statement))),
        said_no=said_no,
    )


def check_mergeable(kept: Contact, gone: Contact) -> None:
    """Raises MergeError."""
    if kept.account_id != gone.account_id or kept.id == gone.id:
        raise MergeError("same", _("Choose another contact to merge with."))
    if ContactState.RESTRICTED in (kept.state, gone.state):
        raise MergeError(
            "restricted", _("Processing of one of them is restricted: their data is kept as it is.")
        )


@transaction.atomic
def merge_contacts(
    account_id: int,
    *,
    kept_id: UUID,
    gone_id: UUID,
    choice: MergeChoice | None = None,
    rule: str = HAND,
    by: Actor,
    now: datetime,
) -> Contact:
    """Make one contact of two; there is no way back. Returns the one who stays. Raises MergeError.

    Both rows are locked in the order of their ids; whoever else writes about one of them waits and finds the alias.
    """
    choice = choice or MergeChoice()
    kept, gone = _lock_both(account_id, kept_id, gone_id)
    plan = plan_merge(kept, gone, choice, now=now)
    _settle_consent(kept, gone, plan, choice, by=by, now=now)
    _move_facts(kept, gone)
    _keep_alias(kept, gone, rule, by=by, now=now)
    Contact.objects.for_account(account_id).filter(id=gone.id).delete()
    _save_kept(kept, plan, now)
    record_audit(
        account_id, by=by, action="contact.merged", rule=rule, gone=gone.public_id, kept=kept.public_id
    )
    record_event(
        account_id,
        EventKind.CONTACT_MERGED,
        contact_id=kept.id,
        data={"gone": str(gone.id), "rule": rule, "by": str(by) if by else ""},
        now=now,
    )
    return kept


def _lock_both(account_id: int, kept_id: UUID, gone_id: UUID) -> tuple[Contact, Contact]:
    rows = Contact.objects.for_account(account_id).filter(id__in=[kept_id, gone_id])
    found = {row.id: row for row in rows.order_by("id").select_for_update()}
    if kept_id not in found or gone_id not in found:
        raise MergeError("missing", _("One of the two contacts is gone."))
    return found[kept_id], found[gone_id]


# ── What comes of both ───────────────────────────────────────────────────────────────────────────────────────────────
def _plan_fields(kept: Contact, gone: Contact, from_gone: Collection[str]) -> list[FieldPlan]:
    plans = [_plan_field(name, getattr(kept, name), getattr(gone, name), from_gone) for name in PLAIN_FIELDS]
    for key in sorted({*kept.attributes, *gone.attributes}, key=int):
        name = f"attribute:{key}"
        plans.append(_plan_field(name, kept.attributes.get(key), gone.attributes.get(key), from_gone))
    return plans


def _plan_field(name: str, kept: Any, gone: Any, from_gone: Collection[str]) -> FieldPlan:
    takes_gone = _is_filled(gone) and (name in from_gone or not _is_filled(kept))
    return FieldPlan(name, kept, gone, gone if takes_gone else kept)


def _is_filled(value: Any) -> bool:
    return value not in (None, "", [])


def _plan_topics(kept: Contact, gone: Contact, *, said_no: bool, stated: bool) -> list[TopicPlan]:
    of_kept = _states(kept)
    of_gone = _states(gone)
    plans = []
    for topic_id in sorted(of_kept.keys() | of_gone.keys()):
        before, other = of_kept.get(topic_id, ""), of_gone.get(topic_id, "")
        result = _settle_state(before, other, said_no=said_no, stated=stated)
        plans.append(TopicPlan(topic_id, before, other, result))
    return plans


def _settle_state(kept: str, gone: str, *, said_no: bool, stated: bool) -> str:
    if ConsentState.UNSUBSCRIBED in (kept, gone) or said_no:
        return ConsentState.UNSUBSCRIBED
    if gone == ConsentState.SUBSCRIBED and stated:
        return ConsentState.SUBSCRIBED
    return kept


def _states(contact: Contact) -> dict[int, str]:
    return {topic: row.state for topic, row in find_subscriptions(contact.account_id, contact.id).items()}


def _said_no(gone: Contact, now: datetime) -> bool:
    """Scope by scope: a wider suppression for another reason does not hide it."""
    found = (
        find_suppression(gone.account_id, gone.email_key, now=now, scopes=(one,)) for one in (ALL, MARKETING)
    )
    return any(one is not None and one.reason in _OWN_WORD for one in found)


# ── Writing it ───────────────────────────────────────────────────────────────────────────────────────────────────────
def _settle_consent(
    kept: Contact, gone: Contact, plan: MergePlan, choice: MergeChoice, *, by: Actor, now: datetime
) -> None:
    evidence: dict[str, object] = {"address": gone.email}
    actor = str(by) if by else ""
    refusal = Proof(method=METHOD, actor=actor, evidence=evidence)
    consent = Proof(method="member", text=choice.statement, actor=actor, evidence=evidence)
    for topic in plan.topics:
        if topic.result == topic.kept:
            continue
        if topic.result == ConsentState.UNSUBSCRIBED:
            withdraw_consent(kept.account_id, kept.id, topic.topic_id, proof=refusal, now=now)
        else:
            give_consent(kept.account_id, kept.id, topic.topic_id, proof=consent, now=now)
    _carry_refusals(kept, gone, plan, now)


def _carry_refusals(kept: Contact, gone: Contact, plan: MergePlan, now: datetime) -> None:
    """Refused tracking holds for both; and an address that left a topic gets no campaign if a file brings it back one day."""
    rows = Subscription.objects.for_account(kept.account_id)
    refused = rows.filter(contact_id=gone.id, tracking_allowed=False).values_list("topic_id", flat=True)
    rows.filter(contact_id=kept.id, topic_id__in=list(refused)).update(tracking_allowed=False)
    rows.filter(contact_id=gone.id).delete()
    if any(topic.gone == ConsentState.UNSUBSCRIBED for topic in plan.topics):
        suppress_address(
            gone.account_id,
            gone.email_key,
            reason=SuppressionReason.UNSUBSCRIBE,
            scope=MARKETING,
            detail=_("Merged into another contact after it had unsubscribed."),
            source=(METHOD, kept.public_id),
            now=now,
        )


def _move_facts(kept: Contact, gone: Contact) -> None:
    parameters: dict[str, Any] = {
        "account_id": kept.account_id,
        "gone": gone.id,
        "kept": kept.id,
        "email": gone.email,
    }
    with connections["default"].cursor() as cursor:
        cursor.execute(load_sql("contacts", "move_acts"), parameters)
        cursor.execute(load_sql("contacts", "move_log"), parameters)


def _keep_alias(kept: Contact, gone: Contact, rule: str, *, by: Actor, now: datetime) -> None:
    ContactAlias.objects.add(
        kept.account_id,
        id=gone.id,
        contact_id=kept.id,
        email=gone.email,
        email_key=gone.email_key,
        snapshot=_take_snapshot(gone),
        rule=rule,
        merged_at=now,
        created_by_id=_user_id(by),
    )


def _take_snapshot(contact: Contact) -> Mapping[str, Any]:
    """The row as it was, for whoever asks one day what was in it."""
    skipped = {"pk", "account_id", "email_key"}
    names = [one.attname for one in Contact._meta.concrete_fields if one.attname not in skipped]
    encoder = DjangoJSONEncoder()
    values = {name: getattr(contact, name) for name in names}
    return {
        name: value if isinstance(value, str | int | list | dict) else encoder.default(value)
        for name, value in values.items()
    }


def _save_kept(kept: Contact, plan: MergePlan, now: datetime) -> None:
    for one in plan.fields:
        kind, _colon, number = one.name.partition(":")
        if kind == "attribute":
            kept.attributes[number] = one.result
        else:
            setattr(kept, kind, one.result)
    kept.tags = list(plan.tags)
    kept.updated_at = now
    names = (*PLAIN_FIELDS, "attributes", "tags", "updated_at")
    Contact.objects.for_account(kept.account_id).filter(id=kept.id).update(
        **{name: getattr(kept, name) for name in names}
    )


def _user_id(by: Actor) -> int | None:
    match by:
        case Member():
            return by.user_id
        case None | ApiKey():
            return None
    return by.pk
