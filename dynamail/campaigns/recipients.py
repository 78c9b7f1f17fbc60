"""Who got a campaign, who did not, and why: the people behind the numbers of the report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from dynamail.accounts.tenancy import account_scope
from dynamail.campaigns.models import Campaign
from dynamail.contacts.addressing import read_address
from dynamail.contacts.aliases import find_merged, list_identities
from dynamail.contacts.editing import find_contact_by_email
from dynamail.contacts.models import Contact, ContactAlias
from dynamail.events.models import Interaction
from dynamail.lib.ids import derived_id, to_public_id
from dynamail.messages.accounting import RecipientLine, Whereabouts, list_recipients
from dynamail.messages.models import Chunk, Message, Outbox
from dynamail.protocols.address import AddressError
from dynamail.protocols.codes import DESCRIPTIONS, BounceClass

PAGE = 50
EXPORT_BLOCK = 1_000
EXPLANATIONS = {
    Whereabouts.DELIVERED: _("Accepted by the receiving server"),
    Whereabouts.DEFERRED: _("A temporary failure; it is tried again by itself"),
    Whereabouts.BOUNCED: _("Refused by the receiving server"),
    Whereabouts.SUPPRESSED: _("May not be written to any more"),
    Whereabouts.CANCELED: _("The campaign was canceled before it was this person's turn"),
    Whereabouts.EXPIRED: _("Every attempt failed until the time was up"),
    Whereabouts.UNKNOWN: _(
        "The connection ended before the server answered; it may have arrived, so it is not sent again"
    ),
    Whereabouts.REMAINING: _("Not tried yet"),
}


@dataclass(frozen=True)
class Person:
    """One recipient: what happened and the reason in a sentence. `reply` is the server's own text, hostile."""

    key: UUID
    email: str
    contact_public_id: str  # "" when the contact was deleted
    outcome: str
    reason: str
    at: datetime | None
    smtp_code: int
    enhanced_code: str
    reply: str
    opened: bool
    clicked: bool
    merged: bool = False  # it went to an address that was merged into this contact since


def list_people(
    account_id: int, campaign: Campaign, place: Whereabouts, *, after: UUID | None = None, size: int = PAGE
) -> list[Person]:
    """Recipients of one outcome in a stable order; `after` is the last one's key."""
    lines = list_recipients(account_id, campaign.uid, place, after=after, size=size)
    lines = _follow_merges(account_id, lines)
    ids = [line.contact_id for line in lines if line.contact_id]
    emails = dict(Contact.objects.for_account(account_id).filter(id__in=ids).values_list("id", "email"))
    acts = _find_acts(account_id, campaign, ids)
    times = _find_times(account_id, [line.key for line in lines])
    return [_describe(line, place, emails, acts, times) for line in lines]


def _follow_merges(account_id: int, lines: list[RecipientLine]) -> list[RecipientLine]:
    """Who was merged away while the mail waited is the contact who stays; the line keeps the address it was meant for."""
    merged = find_merged(account_id, {line.contact_id for line in lines if line.contact_id})
    return [_follow_merge(line, merged.get(line.contact_id)) if line.contact_id else line for line in lines]


def _follow_merge(line: RecipientLine, alias: ContactAlias | None) -> RecipientLine:
    if alias is None:
        return line
    return replace(line, contact_id=alias.contact_id, recipient=line.recipient or alias.email)


def find_person(account_id: int, campaign: Campaign, email: str) -> Person | None:
    """What became of one address in this campaign; None when it was not in the audience. Key look-ups, whatever the size."""
    try:
        contact = find_contact_by_email(account_id, email)
    except AddressError:
        return None
    if contact is None or campaign.launched_at is None:
        return None
    for identity in _order_identities(contact, email):
        if (found := _locate(account_id, campaign, identity)) is not None:
            line, place = found
            acts = _find_acts(account_id, campaign, [contact.id])
            times = _find_times(account_id, [line.key])
            person = _describe(
                replace(line, contact_id=contact.id), place, {contact.id: contact.email}, acts, times
            )
            return replace(person, merged=identity.id != contact.id)
    return None


def _order_identities(contact: Contact, email: str) -> list[Contact | ContactAlias]:
    """The address that was asked for first: both may have got the campaign before they were merged."""
    asked = read_address(email).key
    return sorted(list_identities(contact), key=lambda identity: identity.email_key != asked)


def _locate(
    account_id: int, campaign: Campaign, person: Contact | ContactAlias
) -> tuple[RecipientLine, Whereabouts] | None:
    """The message's own row, else its place in the queue, else in a chunk that nobody has come to yet."""
    assert campaign.launched_at is not None  # noqa: S101 - the caller has looked
    key = derived_id(campaign.launched_at, campaign.uid, person.id)
    message = Message.objects.for_account(account_id).filter(id=key).first()
    if message is not None:
        line = RecipientLine(
            key,
            person.id,
            message.recipient,
            message.bounce_class,
            message.smtp_code,
            message.enhanced_code,
            message.reply,
        )
        return line, Whereabouts(message.state)
    waiting = Outbox.objects.for_account(account_id).filter(id=key).first()
    if waiting is not None:
        line = RecipientLine(
            key, person.id, waiting.recipient, smtp_code=waiting.last_code, reply=waiting.last_reply
        )
        return line, Whereabouts.DEFERRED
    chunk = (
        Chunk.objects.for_account(account_id)
        .filter(source_id=campaign.uid, contact_ids__contains=[person.id])
        .first()
    )
    if chunk is None:
        return None
    place = Whereabouts.CANCELED if chunk.state == Chunk.State.CANCELED else Whereabouts.REMAINING
    return RecipientLine(person.id, person.id, person.email), place


def iter_people(account_id: int, campaign: Campaign) -> Iterator[Person]:
    """Every recipient, outcome by outcome, in blocks: memory does not grow with the campaign.

    Each block is a transaction of its own: a slow reader of the file holds none open.
    """
    for place in Whereabouts:
        block = _read_block(account_id, campaign, place, None)
        while block:
            yield from block
            block = _read_block(account_id, campaign, place, block[-1].key)


def _read_block(account_id: int, campaign: Campaign, place: Whereabouts, after: UUID | None) -> list[Person]:
    with account_scope(account_id):
        return list_people(account_id, campaign, place, after=after, size=EXPORT_BLOCK)


def _describe(
    line: RecipientLine,
    place: Whereabouts,
    emails: dict[UUID, str],
    acts: dict[UUID, set[str]],
    times: dict[UUID, datetime],
) -> Person:
    contact_id = line.contact_id
    done = acts.get(contact_id, set()) if contact_id else set()
    return Person(
        key=line.key,
        email=line.recipient or (emails.get(contact_id, "") if contact_id else "") or gettext("(erased)"),
        contact_public_id=to_public_id("con", contact_id) if contact_id in emails else "",
        outcome=str(place),
        reason=_explain(line, place),
        at=times.get(line.key),
        smtp_code=line.smtp_code,
        enhanced_code=line.enhanced_code,
        reply=line.reply,
        opened="opened" in done,
        clicked="clicked" in done,
    )


def _explain(line: RecipientLine, place: Whereabouts) -> str:
    if place is Whereabouts.SUPPRESSED and line.reply:
        return line.reply
    if place is Whereabouts.BOUNCED and line.bounce_class in set(BounceClass):
        return DESCRIPTIONS[BounceClass(line.bounce_class)]
    return str(EXPLANATIONS[place])


def _find_acts(account_id: int, campaign: Campaign, contact_ids: list[UUID]) -> dict[UUID, set[str]]:
    found: dict[UUID, set[str]] = {}
    rows = Interaction.objects.for_account(account_id).filter(
        source_id=campaign.uid, contact_id__in=contact_ids
    )
    for contact_id, kind in rows.values_list("contact_id", "kind").distinct():
        found.setdefault(contact_id, set()).add(kind)
    return found


def _find_times(account_id: int, keys: list[UUID]) -> dict[UUID, datetime]:
    """When each outcome was recorded; those without a message row have none. Ids share the month of their launch."""
    if not keys:
        return {}
    rows = Message.objects.for_account(account_id).filter(id__in=keys)
    return dict(rows.values_list("id", "at"))
