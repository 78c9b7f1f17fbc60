"""The log of single mail as CSV, one row for each recipient's copy: row by row from short transactions."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from dynamail.accounts.tenancy import account_scope
from dynamail.contacts.exporting import BOM, write_rows
from dynamail.contacts.models import Contact, ContactAlias, ContactState
from dynamail.messages.email_log import EmailFilter, EmailLine, RecipientView, begins_with, list_emails
from dynamail.messages.email_reactions import Reaction, find_first_reactions
from dynamail.protocols.address import AddressError, parse_address, write_mailbox

BLOCK = 500  # emails

HEADERS = (
    _("Email"),
    _("Message"),
    _("Accepted at"),
    _("Recipient"),
    _("Name"),
    _("Kind"),
    _("State"),
    _("State since"),
    _("Attempts"),
    _("Code"),
    _("Reply"),
    _("Bounce class"),
    _("Opened"),
    _("Clicked"),
    _("Marked as spam"),
    _("Came back later"),
    _("Subject"),
    _("From"),
    _("Stream"),
    _("Source"),
    _("Tags"),
    _("Test"),
)

Firsts = dict[UUID, dict[Reaction, datetime]]


@dataclass(frozen=True)
class _Restricted:
    """Whose data must not be used: by the ids and the keys of addresses that mail may have gone to."""

    ids: frozenset[UUID]
    keys: frozenset[str]

    def holds(self, copy: RecipientView) -> bool:
        return copy.contact_id in self.ids or _fold(copy.email) in self.keys


def export_emails(
    account_id: int, filters: EmailFilter, *, now: datetime, bom: bool = False
) -> Iterator[str]:
    """The file in pieces: the copies that fit, of emails accepted before `now`, the latest first. Restricted people are left out (P8.3)."""
    filters = replace(filters, until=min(filters.until or now, now))
    before: UUID | None = None
    yield (BOM if bom else "") + "".join(write_rows([[str(header) for header in HEADERS]]))
    while True:
        with account_scope(account_id):
            lines = list_emails(account_id, filters=filters, before=before, limit=BLOCK)
            rows = _make_rows(account_id, lines, filters)
        yield "".join(write_rows(rows))
        if len(lines) < BLOCK:
            return
        before = lines[-1].id


def _make_rows(account_id: int, lines: Sequence[EmailLine], filters: EmailFilter) -> list[list[str]]:
    copies = [copy for line in lines for copy in line.recipients]
    restricted = _find_restricted(account_id, copies)
    firsts = find_first_reactions(account_id, [copy.message_id for copy in copies])
    return [
        _make_row(line, copy, firsts.get(copy.message_id, {}))
        for line in lines
        for copy in line.recipients
        if _fits(copy, filters, firsts.get(copy.message_id, {})) and not restricted.holds(copy)
    ]


def _fits(copy: RecipientView, filters: EmailFilter, firsts: dict[Reaction, datetime]) -> bool:
    """An email is found by any of its copies; the file has those alone that were asked for."""
    if filters.state and copy.state != filters.state:
        return False
    if filters.reaction and filters.reaction not in firsts:
        return False
    return begins_with(copy.email, filters.recipient)


def _make_row(line: EmailLine, copy: RecipientView, firsts: dict[Reaction, datetime]) -> list[str]:
    return [
        line.public_id,
        copy.public_id,
        _write_time(line.at),
        copy.email,
        copy.name,
        copy.kind,
        copy.state.value,
        _write_time(copy.at),
        str(copy.attempts),
        str(copy.smtp_code or ""),
        copy.reply,
        copy.bounce_class,
        *(_write_time(firsts.get(reaction)) for reaction in Reaction),
        line.subject,
        write_mailbox(line.from_name, line.from_email),
        line.stream,
        line.source_kind,
        ", ".join(line.tags),
        "yes" if line.is_test else "",
    ]


def _write_time(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at else ""


# ── Who is left out ──────────────────────────────────────────────────────────────────────────────────────────────────
def _find_restricted(account_id: int, copies: Sequence[RecipientView]) -> _Restricted:
    """Also by ids and addresses that were merged into somebody."""
    ids = {copy.contact_id for copy in copies if copy.contact_id}
    keys = {key for copy in copies if (key := _fold(copy.email))}
    aliases = _list_aliases(account_id, ids, keys)
    contacts = Contact.objects.for_account(account_id).filter(state=ContactState.RESTRICTED)
    wanted = ids | {alias.contact_id for alias in aliases}
    found = [*contacts.filter(id__in=wanted), *contacts.filter(email_key__in=keys)]
    known = {contact.id for contact in found}
    merged = [alias for alias in aliases if alias.contact_id in known]
    return _Restricted(
        frozenset(known | {alias.id for alias in merged}),
        frozenset(one.email_key for one in (*found, *merged)),
    )


def _list_aliases(account_id: int, ids: Collection[UUID], keys: Collection[str]) -> list[ContactAlias]:
    rows = ContactAlias.objects.for_account(account_id)
    return [*rows.filter(id__in=ids), *rows.filter(email_key__in=keys)]


def _fold(email: str) -> str:
    """The address' key; empty for one that was good once and is none under the rules of today."""
    try:
        return parse_address(email).key
    except AddressError:
        return ""
