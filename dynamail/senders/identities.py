"""Senders: identities that may stand in From.

A sender is verified by a link in a mail to that very address. The address with which a member signed in and which was
verified then needs no second mail, nor does one at a verified sending domain.
"""

from __future__ import annotations

import struct
from datetime import datetime
from functools import cache

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from dynamail.accounts.audit import Actor, record_audit
from dynamail.accounts.models import Account
from dynamail.lib.signing import BadToken, derive_key, sign_token, verify_token
from dynamail.protocols.address import Address, AddressError, parse_address
from dynamail.senders.domains import find_verified_domain
from dynamail.senders.errors import SenderError
from dynamail.senders.models import Sender

_PAYLOAD = struct.Struct(">II")


@transaction.atomic
def add_sender(
    account: Account,
    *,
    email: str,
    name: str,
    by: Actor,
    now: datetime,
    reply_to: str = "",
    is_verified: bool = False,
) -> Sender:
    """A new identity. It is verified when the caller knows that the address is the member's own, or by its domain.

    Raises SenderError.
    """
    address = _check_address(email)
    is_verified = is_verified or find_verified_domain(account.pk, address.domain) is not None
    if reply_to:
        _check_address(reply_to)
    is_first = not Sender.objects.for_account(account).exists()
    try:
        with transaction.atomic():
            sender = Sender.objects.add(
                account,
                email=address.text,
                name=name.strip(),
                reply_to=reply_to,
                verified_at=now if is_verified else None,
                is_default=is_first,
            )
    except IntegrityError:
        raise SenderError("sender_exists", _("This address is a sender already.")) from None
    record_audit(account.pk, by=by, action="sender.added", subject=sender, verified=is_verified)
    return sender


@transaction.atomic
def change_sender(sender: Sender, *, name: str, reply_to: str, by: Actor) -> None:
    """Change what stands beside the address; another address is another sender. Raises SenderError."""
    if reply_to:
        _check_address(reply_to)
    Sender.objects.for_account(sender.account_id).filter(pk=sender.pk).update(
        name=name.strip(), reply_to=reply_to
    )
    record_audit(sender.account_id, by=by, action="sender.changed", subject=sender)


@transaction.atomic
def make_default(sender: Sender, *, by: Actor) -> None:
    Sender.objects.for_account(sender.account_id).filter(is_default=True).update(is_default=False)
    Sender.objects.for_account(sender.account_id).filter(pk=sender.pk).update(is_default=True)
    record_audit(sender.account_id, by=by, action="sender.made_default", subject=sender)


@transaction.atomic
def remove_sender(sender: Sender, *, by: Actor) -> None:
    """Raises SenderError while a campaign names it."""
    from django.db.models import ProtectedError

    record_audit(sender.account_id, by=by, action="sender.removed", subject=sender, email=sender.email)
    try:
        sender.delete()
    except ProtectedError:
        raise SenderError(
            "sender_in_use", _("A campaign uses this sender. Choose another one there first.")
        ) from None


def make_verification_token(sender: Sender) -> str:
    """For the link that is mailed to the address."""
    return sign_token(_key(), _PAYLOAD.pack(sender.account_id, sender.pk))


def read_verification_token(token: str) -> tuple[int, int]:
    """(account id, sender key). Raises BadToken."""
    payload = verify_token(_key(), token)
    if len(payload) != _PAYLOAD.size:
        raise BadToken("malformed")
    account_id, sender_id = _PAYLOAD.unpack(payload)
    return account_id, sender_id


def verify_sender(account_id: int, sender_id: int, *, now: datetime) -> Sender | None:
    """Mark it verified; None when it was removed meanwhile. Run inside the account's scope."""
    rows = Sender.objects.for_account(account_id).filter(pk=sender_id)
    rows.filter(verified_at=None).update(verified_at=now)
    return rows.first()


@cache
def _key() -> bytes:
    return derive_key(settings.SECRET_KEY, "sender")


def _check_address(text: str) -> Address:
    try:
        return parse_address(text.strip())
    except AddressError as error:
        raise SenderError(error.code, error) from None
