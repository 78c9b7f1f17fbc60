"""What a person says by a link counts for every address that the link stands for: see `aliases`.

A refusal counts for the contact and for the address that the mail went to. Agreement counts for that address alone, so by the link
of an address that was merged away only what the same link took back comes again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from dynamail.consent.leaving import Person, leave_everything, return_to_topics, undo_leaving_everything
from dynamail.consent.models import ConsentRecord, SuppressionReason
from dynamail.consent.proof import Proof
from dynamail.consent.recording import withdraw_consent
from dynamail.consent.suppressing import MARKETING, find_suppression
from dynamail.contacts.aliases import Reached
from dynamail.contacts.models import Contact, ContactAlias

_LINK = "link_to"  # of the evidence: the contact that the link was made for, when it is another one now


def leave_topic(reached: Reached, topic_id: int, *, proof: Proof, now: datetime) -> None:
    """Leave one topic. An address that was merged away and is no contact gets no campaign at all any more."""
    contact = reached.contact
    withdraw_consent(contact.account_id, contact.id, topic_id, proof=_add_link(reached, proof), now=now)
    if reached.alias is None:
        return
    if (other := _find_again(reached.alias)) is not None:
        withdraw_consent(contact.account_id, other.id, topic_id, proof=proof, now=now)
    else:
        leave_everything(_person_of(reached.alias), proof=proof, now=now)


def leave_by_all_addresses(reached: Reached, *, proof: Proof, now: datetime) -> None:
    """Leave every topic, and those to come."""
    leave_everything(_person(reached.contact), proof=_add_link(reached, proof), now=now)
    if reached.alias is not None:
        leave_everything(_person_of(reached.alias), proof=proof, now=now)


def undo_leaving(reached: Reached, topic_id: int, *, proof: Proof, now: datetime) -> None:
    """Back to how it was before: everything, when everything was left, or the topic.

    By the link of an address that was merged away only what the same link took back, in that very moment: who has left everything by
    another word since stays out.
    """
    person = _person(reached.contact)
    if reached.alias is None:
        _return(person, topic_id, proof=proof, now=now)
        return
    left = _find_leaving(reached, reached.alias, topic_id)
    if left is None or _has_left_besides(person, left.at, now=now):
        return
    _return(person, topic_id, proof=proof, now=now)
    undo_leaving_everything(_person_of(reached.alias), proof=proof, now=now)


def _return(person: Person, topic_id: int, *, proof: Proof, now: datetime) -> None:
    if not undo_leaving_everything(person, proof=proof, now=now):
        return_to_topics(person, [topic_id], proof=proof, now=now)


def _find_leaving(reached: Reached, alias: ContactAlias, topic_id: int) -> ConsentRecord | None:
    """The latest word on the topic, when it was a withdrawal by this address's link."""
    rows = ConsentRecord.objects.for_account(alias.account_id).filter(
        contact_id=reached.contact.id, topic_id=topic_id
    )
    last = rows.order_by("-at", "-id").first()
    is_own = (
        last is not None
        and last.act == ConsentRecord.Act.WITHDRAWN
        and last.evidence.get(_LINK) == str(alias.id)
    )
    return last if is_own else None


def _has_left_besides(person: Person, at: datetime, *, now: datetime) -> bool:
    """Whether they left everything in another moment than this one."""
    found = find_suppression(person.account_id, person.email_key, now=now, scopes=(MARKETING,))
    return found is not None and found.reason == SuppressionReason.UNSUBSCRIBE and found.at != at


def _add_link(reached: Reached, proof: Proof) -> Proof:
    if reached.alias is None:
        return proof
    return replace(proof, evidence=proof.evidence | {_LINK: str(reached.alias.id)})


def _find_again(alias: ContactAlias) -> Contact | None:
    """The merged address as a contact of its own, when somebody added it again."""
    return Contact.objects.for_account(alias.account_id).filter(email_key=alias.email_key).first()


def _person(contact: Contact) -> Person:
    return Person(contact.account_id, contact.id, contact.email_key)


def _person_of(alias: ContactAlias) -> Person:
    again = _find_again(alias)
    return Person(alias.account_id, again.id if again else alias.id, alias.email_key)
