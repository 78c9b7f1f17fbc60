"""Why did, or did not, this person get the campaign? Each condition of the audience and each later step, with its proof.

What is said about tags, consent and suppression is how it stands now, with the moment since when it stands so; who was in the
audience was frozen at launch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.utils.translation import gettext as _

from dynamail.campaigns.audiences import describe_audience, find_faults
from dynamail.campaigns.models import Campaign
from dynamail.campaigns.recipients import Person, find_person
from dynamail.conditions.parsing import parse_condition
from dynamail.consent.models import ConsentRecord, ConsentState, Subscription, SuppressionReason
from dynamail.consent.suppressing import find_suppression
from dynamail.contacts.editing import find_contact_by_email
from dynamail.contacts.models import Contact, ContactState, Tag
from dynamail.feedback.models import FeedbackReport, Kind
from dynamail.messages.accounting import Whereabouts
from dynamail.protocols.address import AddressError, parse_address
from dynamail.segments.previewing import is_member


class Answer(StrEnum):
    YES = "yes"
    NO = "no"
    NOTE = "note"  # says something, decides nothing


@dataclass(frozen=True)
class Step:
    """One condition or event. `detail` may hold a server's own words: hostile text."""

    answer: Answer
    title: str
    text: str
    at: datetime | None = None
    detail: str = ""


@dataclass(frozen=True)
class Explanation:
    """All steps in order, and the recipient's line when there is one."""

    email: str
    person: Person | None
    steps: tuple[Step, ...]


def explain_person(account_id: int, campaign: Campaign, email: str, *, now: datetime) -> Explanation:
    """Never raises for an unknown or malformed address: that is an answer too."""
    try:
        contact = find_contact_by_email(account_id, email)
    except AddressError:
        step = Step(Answer.NO, _("Address"), _("This is not a whole email address."))
        return Explanation(email, None, (step,))
    if contact is None:
        step = Step(Answer.NO, _("Contact"), _("There is no contact with this address."))
        return Explanation(email, None, (step, *_explain_suppression(account_id, email, now)))
    person = find_person(account_id, campaign, email)
    steps = [
        _explain_contact(contact, campaign, person),
        *_explain_merge(person),
        *_explain_tags(contact, campaign),
        *_explain_condition(contact, campaign, now),
        *_explain_consent(contact, campaign),
        *_explain_suppression(account_id, contact.email, now),
        _explain_launch(campaign, person),
        *_explain_outcome(person),
        *_explain_reports(account_id, person),
    ]
    return Explanation(contact.email, person, tuple(steps))


def _explain_contact(contact: Contact, campaign: Campaign, person: Person | None) -> Step:
    added_later = campaign.launched_at is not None and contact.created_at > campaign.launched_at
    if added_later and person is None:
        text = _("Added after the launch, so not among its recipients.")
        return Step(Answer.NO, _("Contact"), text, contact.created_at)
    if contact.state == ContactState.RESTRICTED:
        text = _("Processing of this person's data is restricted; nothing is sent to them.")
        return Step(Answer.NO, _("Contact"), text, contact.updated_at)
    known_since = None if added_later else contact.created_at  # they were known by another address then
    return Step(Answer.YES, _("Contact"), _("Known since before the launch."), known_since)


def _explain_merge(person: Person | None) -> Iterator[Step]:
    if person is not None and person.merged:
        text = _("The campaign knows this person by %s, which was merged into this contact since.")
        yield Step(Answer.NOTE, _("Merged"), text % person.email)


def _explain_tags(contact: Contact, campaign: Campaign) -> Iterator[Step]:
    wanted, unwanted = set(campaign.include_tags), set(campaign.exclude_tags)
    names = dict(
        Tag.objects.for_account(campaign.account_id)
        .filter(pk__in=wanted | unwanted)
        .values_list("pk", "name")
    )
    if wanted:
        held = _name(names, wanted & set(contact.tags))
        text = _("Has the tag %s.") % held if held else _("Has none of the tags %s.") % _name(names, wanted)
        yield Step(Answer.YES if held else Answer.NO, _("Audience: any of the tags"), text)
    if unwanted:
        held = _name(names, unwanted & set(contact.tags))
        text = _("Has the excluded tag %s.") % held if held else _("Has none of the excluded tags.")
        yield Step(Answer.NO if held else Answer.YES, _("Audience: none of the tags"), text)


def _explain_condition(contact: Contact, campaign: Campaign, now: datetime) -> Iterator[Step]:
    """Whether it holds now; for those who were launched, what counted was the moment of launch."""
    sentence = describe_audience(campaign)
    if not sentence:
        return
    title = _("Audience: the condition")
    if find_faults(campaign.account_id, campaign.condition):
        text = _("It names something that is not there any more: %s")
        yield Step(Answer.NOTE, title, text % sentence)
        return
    fits = is_member(
        campaign.account_id,
        contact.id,
        parse_condition(campaign.condition),
        now=campaign.launched_at or now,
        salt=campaign.public_id,
    )
    text = (
        _("By what is known now, it holds: %s") if fits else _("By what is known now, it does not hold: %s")
    )
    yield Step(Answer.YES if fits else Answer.NO, title, text % sentence)


def _explain_consent(contact: Contact, campaign: Campaign) -> Iterator[Step]:
    if campaign.topic is None:
        return
    title = _("Consent for %s") % campaign.topic.name
    rows = Subscription.objects.for_account(contact.account_id)
    standing = rows.filter(topic_id=campaign.topic_id, contact_id=contact.id).first()
    if standing is None:
        yield Step(Answer.NO, title, _("The person never agreed to this topic."))
        return
    records = ConsentRecord.objects.for_account(contact.account_id)
    record = records.filter(topic_id=campaign.topic_id, contact_id=contact.id).order_by("-at").first()
    proof = f"{record.get_act_display()} ({record.method}): {record.text}".rstrip(": ") if record else ""
    answer = Answer.YES if standing.state == ConsentState.SUBSCRIBED else Answer.NO
    yield Step(answer, title, str(ConsentState(standing.state).label), standing.changed_at, proof)


def _explain_suppression(account_id: int, email: str, now: datetime) -> Iterator[Step]:
    found = find_suppression(account_id, parse_address(email).key, now=now)
    if found is None:
        yield Step(Answer.YES, _("Suppression"), _("The address is not suppressed."))
        return
    text = str(SuppressionReason(found.reason).label)
    yield Step(Answer.NO, _("Suppression"), text, found.at, found.detail)


def _explain_launch(campaign: Campaign, person: Person | None) -> Step:
    title = _("Launch")
    if campaign.launched_at is None:
        return Step(Answer.NO, title, _("The campaign has not been launched."))
    if person is None:
        return Step(
            Answer.NO, title, _("Not among the recipients that were frozen then."), campaign.launched_at
        )
    return Step(Answer.YES, title, _("Among the recipients that were frozen then."), campaign.launched_at)


def _explain_outcome(person: Person | None) -> Iterator[Step]:
    if person is None:
        return
    waiting = person.outcome in (Whereabouts.REMAINING, Whereabouts.DEFERRED)
    answer = Answer.YES if person.outcome == Whereabouts.DELIVERED else Answer.NOTE if waiting else Answer.NO
    said = " ".join(
        str(part) for part in (person.smtp_code or "", person.enhanced_code, person.reply) if part
    )
    yield Step(answer, _("Sending"), person.reason, person.at, said)


def _explain_reports(account_id: int, person: Person | None) -> Iterator[Step]:
    """What came back after the receiving server had accepted it."""
    if person is None:
        return
    rows = FeedbackReport.objects.for_account(account_id).filter(message_id=person.key)
    for row in rows.order_by("at"):
        answer = Answer.NO if row.kind in (Kind.BOUNCE, Kind.COMPLAINT) else Answer.NOTE
        yield Step(answer, _("Report"), str(Kind(row.kind).label), row.at, row.text)


def _name(names: dict[int, str], keys: set[int]) -> str:
    return ", ".join(f"“{names[key]}”" for key in sorted(keys) if key in names)
