"""Test messages: the campaign as it would arrive, to a few addresses that the member names.

They go through the same gate and the same way out as any message. Their links are plain and their unsubscribe link explains
itself, so that trying changes nobody's consent. A number per hour keeps an account from mailing strangers this way.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dynamail.accounts.audit import Actor, record_audit
from dynamail.accounts.models import AuditEntry
from dynamail.campaigns.errors import TestRefused
from dynamail.campaigns.models import Campaign
from dynamail.campaigns.previewing import email_of, make_context, render_copy
from dynamail.contacts.models import Contact
from dynamail.content.compiling import compile_email
from dynamail.content.problems import ContentError
from dynamail.lib.ids import derived_id
from dynamail.messages.accepting import Content, MessageRefused, accept_message
from dynamail.messages.models import SourceKind
from dynamail.protocols.address import AddressError, parse_address
from dynamail.protocols.mime import HeaderError
from dynamail.senders.domains import explain_from_fault, find_from_fault

MOST_AT_ONCE = 5  # addresses
MOST_PER_HOUR = 50  # test messages of one account
SUBJECT_PREFIX = "[Test] "
ACTION = "campaign.tested"


@transaction.atomic
def send_test(
    campaign: Campaign,
    *,
    to: Sequence[str],
    as_contact: Contact | None = None,
    own_pages: str,
    by: Actor,
    now: datetime,
) -> list[UUID]:
    """Accept one message per address; all or none. Returns their ids.

    `own_pages` is where the unsubscribe link of a test leads. Raises TestRefused.
    """
    addresses = _read_addresses(to)
    _check_rate(campaign.account_id, len(addresses), now)
    content = _write(campaign, as_contact, own_pages, now)
    accepted = [_accept(campaign, address, content, now) for address in addresses]
    record_audit(campaign.account_id, by=by, action=ACTION, subject=campaign, messages=len(accepted))
    return accepted


def source_of_tests(campaign: Campaign) -> UUID:
    """A source of their own, so that tests never enter the campaign's numbers."""
    return derived_id(campaign.created_at, campaign.uid, "test")


def _read_addresses(to: Sequence[str]) -> list[str]:
    found: dict[str, str] = {}
    for text in filter(None, (one.strip() for one in to)):
        try:
            address = parse_address(text)
        except AddressError as error:
            raise TestRefused(f"{text[:60]}: {error}") from None
        found.setdefault(address.key, str(address))
    if not found:
        raise TestRefused(_("Write the address that gets the test."))
    if len(found) > MOST_AT_ONCE:
        raise TestRefused(_("Send a test to at most %d addresses at once.") % MOST_AT_ONCE)
    return list(found.values())


def _check_rate(account_id: int, wanted: int, now: datetime) -> None:
    entries = AuditEntry.objects.for_account(account_id).filter(
        action=ACTION, at__gt=now - timedelta(hours=1)
    )
    sent = sum(int(data.get("messages", 0)) for data in entries.values_list("data", flat=True))
    if sent + wanted > MOST_PER_HOUR:
        left = max(0, MOST_PER_HOUR - sent)
        sentence = ngettext(
            "An account sends up to %(most)d test messages an hour; %(left)d is left. Try again later.",
            "An account sends up to %(most)d test messages an hour; %(left)d are left. Try again later.",
            left,
        )
        raise TestRefused(sentence % {"most": MOST_PER_HOUR, "left": left})


def _write(campaign: Campaign, contact: Contact | None, own_pages: str, now: datetime) -> Content:
    sender = campaign.sender
    if sender is None:
        raise TestRefused(_("Choose a verified sender first."))
    if fault := find_from_fault(campaign.account_id, sender.email):
        raise TestRefused(explain_from_fault(fault, sender.email))
    if not campaign.body.strip():
        raise TestRefused(_("There is no content to send yet."))
    context = make_context(campaign.account, contact, name=campaign.name, subject=campaign.subject, now=now)
    try:
        copy = render_copy(compile_email(email_of(campaign)), context, own_pages=own_pages)
    except ContentError as error:
        raise TestRefused(_("The content has an error: %s") % error.problems[0].sentence) from None
    return Content(
        from_email=sender.email,
        from_name=sender.name or campaign.account.from_name or campaign.account.name,
        reply_to=sender.reply_to,
        subject=SUBJECT_PREFIX + copy.subject,
        html=copy.html,
        text=copy.text,
    )


def _accept(campaign: Campaign, address: str, content: Content, now: datetime) -> UUID:
    try:
        return accept_message(
            campaign.account_id,
            source_kind=SourceKind.TEST,
            source_id=source_of_tests(campaign),
            recipient=address,
            content=content,
            now=now,
        )
    except MessageRefused as refusal:
        raise TestRefused(f"{address}: {refusal.decision.sentence}") from None
    except (AddressError, HeaderError) as error:
        raise TestRefused(f"{address}: {error}") from None
