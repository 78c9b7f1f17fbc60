"""Where an account takes mail: addresses at the installation's domain, and whole domains of its own."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connections, transaction
from django.utils.translation import gettext_lazy as _

from dynamail.accounts.audit import Actor, record_audit
from dynamail.inbound.errors import InboundError
from dynamail.inbound.models import InboundAddress, InboundDomain
from dynamail.inbound.reply_addresses import read_reply_address
from dynamail.lib.sql import load_sql
from dynamail.protocols.address import AddressError, parse_address
from dynamail.protocols.dns import DnsUnavailable, NoRecord, NoSuchName, Resolver
from dynamail.senders.domain_names import is_of_installation, iter_parents, read_domain_name
from dynamail.senders.errors import SenderError
from dynamail.senders.models import SendingDomain

MOST_ADDRESSES = 1_000  # of one account
MOST_DOMAINS = 50
RESERVED = frozenset(
    (
        "abuse",
        "complaints",
        "fbl",
        "postmaster",
        "mailer-daemon",
        "hostmaster",
        "webmaster",
        "noc",
        "security",
    )
)
PROOF_LABEL = "_dynamail-inbound"
_LOCAL = re.compile(r"[a-z0-9](?:[a-z0-9._-]{1,61}[a-z0-9])")


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose an address is. `answers` is our message that a reply address names."""

    account_id: int
    answers: UUID | None = None


# ── Addresses ────────────────────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def add_address(account_id: int, *, name: str, note: str, by: Actor) -> InboundAddress:
    """With no name one is drawn. Raises InboundError."""
    local = name.strip().lower() or f"in-{secrets.token_hex(6)}"
    if not _LOCAL.fullmatch(local) or ".." in local:
        raise InboundError(
            "bad_name",
            _(
                "A name has 3 to 63 letters a–z, digits, dots, hyphens or underscores, and begins and ends with a letter or digit."
            ),
        )
    if local in RESERVED:
        raise InboundError(
            "reserved_name", _("This name belongs to the server's operator. Choose another one.")
        )
    if InboundAddress.objects.for_account(account_id).count() >= MOST_ADDRESSES:
        raise InboundError("too_many", _("An account has at most 1,000 addresses for incoming mail."))
    try:
        with transaction.atomic():
            row: InboundAddress = InboundAddress.objects.add(account_id, local=local, note=note.strip()[:100])
    except IntegrityError:
        raise InboundError("name_taken", _("This name is taken. Choose another one.")) from None
    record_audit(account_id, by=by, action="inbound_address.created", subject=row, address=write_address(row))
    return row


@transaction.atomic
def remove_address(address: InboundAddress, *, by: Actor) -> None:
    """Nothing comes to it any more; what came stays."""
    record_audit(
        address.account_id,
        by=by,
        action="inbound_address.removed",
        subject=address,
        address=write_address(address),
    )
    address.delete()


def write_address(address: InboundAddress) -> str:
    return f"{address.local}@{settings.INBOUND_DOMAIN}"


# ── Domains ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def add_domain(account_id: int, *, name: str, by: Actor, now: datetime) -> InboundDomain:
    """Verified at once below a verified sending domain of the account. Raises InboundError."""
    try:
        name = read_domain_name(name)
    except SenderError as error:
        raise InboundError(error.code, str(error)) from None
    if is_of_installation(name) or settings.INBOUND_DOMAIN in iter_parents(name):
        raise InboundError(
            "domain_of_installation",
            _("This is the address of this server itself. Use a domain of your own."),
        )
    if InboundDomain.objects.for_account(account_id).count() >= MOST_DOMAINS:
        raise InboundError("too_many", _("An account has at most 50 domains for incoming mail."))
    try:
        with transaction.atomic():
            row: InboundDomain = InboundDomain.objects.add(account_id, name=name, created_at=now)
    except IntegrityError:
        raise InboundError("domain_exists", _("This domain is in the list already.")) from None
    record_audit(account_id, by=by, action="inbound_domain.added", subject=row, name=name)
    if _is_below_own(account_id, name):
        _verify(row, by=by, now=now)
    return row


@transaction.atomic
def remove_domain(domain: InboundDomain, *, by: Actor) -> None:
    record_audit(domain.account_id, by=by, action="inbound_domain.removed", subject=domain, name=domain.name)
    domain.delete()


async def find_proof(domain: InboundDomain, resolver: Resolver) -> bool | None:
    """Does the DNS say that the domain is the account's? None: it does not answer. Asked outside of any transaction."""
    try:
        texts = await resolver.txt(proof_name(domain))
    except (NoSuchName, NoRecord):
        return False
    except DnsUnavailable:
        return None
    return any(text.strip() == domain.token for text in texts)


@transaction.atomic
def note_proof(domain: InboundDomain, *, is_proved: bool, by: Actor, now: datetime) -> None:
    """Write down what `find_proof` found. A domain that was verified once stays so. Raises InboundError."""
    InboundDomain.objects.for_account(domain.account_id).filter(pk=domain.pk).update(checked_at=now)
    domain.checked_at = now
    if domain.verified_at is None and (is_proved or _is_below_own(domain.account_id, domain.name)):
        _verify(domain, by=by, now=now)


def proof_name(domain: InboundDomain) -> str:
    """Where the TXT record with the domain's token belongs."""
    return f"{PROOF_LABEL}.{domain.name}"


def _is_below_own(account_id: int, name: str) -> bool:
    rows = SendingDomain.objects.for_account(account_id)
    return rows.filter(state=SendingDomain.State.VERIFIED, name__in=iter_parents(name)).exists()


def _verify(domain: InboundDomain, *, by: Actor, now: datetime) -> None:
    try:
        with transaction.atomic():
            InboundDomain.objects.for_account(domain.account_id).filter(pk=domain.pk).update(
                verified_at=now, checked_at=now
            )
    except IntegrityError:
        raise InboundError(
            "domain_taken", _("Another account of this server takes the mail of this domain.")
        ) from None
    domain.verified_at = domain.checked_at = now
    record_audit(domain.account_id, by=by, action="inbound_domain.verified", subject=domain, name=domain.name)


# ── Recipients ───────────────────────────────────────────────────────────────────────────────────────────────────────
def find_owner(address: str) -> Owner | None:
    """Whose mail this is, for every account; None when nobody takes it here."""
    try:
        local, _at, domain = parse_address(address).key.rpartition("@")
    except AddressError:
        return None
    if (message_id := read_reply_address(address)) is not None:
        with connections["default"].cursor() as cursor:
            cursor.execute(load_sql("inbound", "find_sender_of_message"), {"message_id": message_id})
            found = cursor.fetchone()
        return Owner(found[0], message_id) if found else None
    if domain == settings.INBOUND_DOMAIN:
        rows = InboundAddress.objects.across_accounts(reason="the address names its account")
        found = rows.filter(local=local.partition("+")[0]).values_list("account_id").first()
    else:
        rows = InboundDomain.objects.across_accounts(reason="the domain names its account")
        found = rows.filter(name=domain, verified_at__isnull=False).values_list("account_id").first()
    return Owner(found[0]) if found else None
