"""Relays: SMTP servers that carry an account's mail out, and trying one before it is used."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from procrastinate.contrib.django import app

from dynamail.accounts.audit import record_audit
from dynamail.accounts.models import Account, Member
from dynamail.lib.sealing import CannotOpen, seal, unseal
from dynamail.lib.signing import derive_key
from dynamail.protocols.smtp.client import open_connection
from dynamail.protocols.smtp.next_hop import Credentials, NextHop, Timeouts, TlsMode
from dynamail.protocols.smtp.replies import SmtpError
from dynamail.senders.models import Transport

CHECK_SECONDS = 10.0  # for each step of a connection check
TLS_MODES = {"none": TlsMode.NONE, "starttls": TlsMode.STARTTLS, "tls": TlsMode.IMPLICIT}


@dataclass(frozen=True)
class RelaySettings:
    """What a member types. `password` None keeps the stored one."""

    name: str
    host: str
    port: int
    security: str
    verify_certificate: bool
    username: str
    password: str | None
    connections: int
    rate_per_second: int | None


@dataclass(frozen=True)
class CheckStep:
    """One step of a connection check, in words that name the fault and its cure."""

    name: str
    ok: bool
    text: str


@transaction.atomic
def save_relay(
    account: Account, entered: RelaySettings, *, relay: Transport | None, by: Member, now: datetime
) -> Transport:
    """Create or change a relay. Who authorized the hand-over of mail is recorded with it (P7.1)."""
    values = asdict(entered)
    password = values.pop("password")
    if relay is None:
        relay = Transport.objects.add(account, **values, authorized_by=by.user, authorized_at=now)
        action = "transport.added"
    else:
        Transport.objects.for_account(account).filter(pk=relay.pk).update(
            **values, checked_at=None, check_result={}
        )
        action = "transport.changed"
    if password is not None:
        sealed = seal(_key(), password, place=_place(relay)) if password else None
        Transport.objects.for_account(account).filter(pk=relay.pk).update(password_sealed=sealed)
    record_audit(account.pk, by=by, action=action, subject=relay, host=entered.host, port=entered.port)
    return Transport.objects.for_account(account).get(pk=relay.pk)


@transaction.atomic
def use_transport(account: Account, relay: Transport | None, *, by: Member) -> None:
    """Send through this relay from now on; None: into the Mailbox."""
    Transport.objects.for_account(account).filter(is_default=True).update(is_default=False)
    if relay is not None:
        Transport.objects.for_account(account).filter(pk=relay.pk).update(is_default=True)
    record_audit(
        account.pk, by=by, action="transport.chosen", subject=relay, name=relay.name if relay else "Mailbox"
    )


@transaction.atomic
def remove_relay(relay: Transport, *, by: Member) -> None:
    """Mail goes into the Mailbox when the removed relay was the one in use."""
    record_audit(relay.account_id, by=by, action="transport.removed", subject=relay, host=relay.host)
    relay.delete()


def open_password(relay: Transport) -> str:
    """The relay's password; "" when there is none. Raises CannotOpen."""
    if not relay.password_sealed:
        return ""
    return unseal(_key(), bytes(relay.password_sealed), place=_place(relay))


@transaction.atomic
def start_check(relay: Transport) -> None:
    """Try the relay in the background, as a deliver worker would; the page watches `check_result`."""
    Transport.objects.for_account(relay.account_id).filter(pk=relay.pk).update(check_result={"running": True})
    app.configure_task("senders.check_relay").defer(account_id=relay.account_id, transport_id=relay.pk)


def record_check(relay: Transport, steps: list[CheckStep], *, now: datetime) -> None:
    result = {"ok": all(step.ok for step in steps), "steps": [asdict(step) for step in steps]}
    Transport.objects.for_account(relay.account_id).filter(pk=relay.pk).update(
        checked_at=now, check_result=result
    )


def try_relay(relay: Transport) -> list[CheckStep]:
    """Connect, encrypt and sign in without sending anything. Talks to the network for up to a minute."""
    where = f"{relay.host}:{relay.port}"
    try:
        password = open_password(relay)
    except CannotOpen as error:
        return [CheckStep("password", ok=False, text=str(error))]
    hop = NextHop(
        host=relay.host,
        port=relay.port,
        helo_name=settings.HELO_NAME,
        tls=TLS_MODES[relay.security],
        verify_tls=relay.verify_certificate,
        credentials=Credentials(relay.username, password) if relay.username else None,
        allow_plaintext_auth=relay.security == Transport.Security.NONE,
        timeouts=Timeouts(
            connect=CHECK_SECONDS,
            greeting=CHECK_SECONDS,
            ehlo=CHECK_SECONDS,
            tls=CHECK_SECONDS,
            auth=CHECK_SECONDS,
        ),
    )
    try:
        return asyncio.run(_greet(hop, where))
    except SmtpError as error:
        return [CheckStep(error.command or "connect", ok=False, text=_explain(error, where))]


async def _greet(hop: NextHop, where: str) -> list[CheckStep]:
    async with await open_connection(hop) as connection:
        offered = connection.offered
        steps = [CheckStep("connect", ok=True, text=_("%(where)s answers.") % {"where": where})]
        if hop.tls != TlsMode.NONE:
            steps.append(CheckStep("encryption", ok=True, text=_("The connection is encrypted.")))
        if hop.credentials:
            steps.append(CheckStep("sign-in", ok=True, text=_("The user name and password are right.")))
        names = [
            name
            for name, has in (
                ("PIPELINING", offered.pipelining),
                ("CHUNKING", offered.chunking),
                ("8BITMIME", offered.eightbitmime),
                ("SMTPUTF8", offered.smtputf8),
            )
            if has
        ]
        steps.append(CheckStep("offers", ok=True, text=", ".join(names) or _("No extensions.")))
        return steps


def _explain(error: SmtpError, where: str) -> str:
    said = f"{error.code} {error.text}".strip() if error.code else error.text
    hints = {
        "connect": _("Check host and port, and that a firewall lets this server out."),
        "STARTTLS": _("Choose another encryption, or ask the relay's operator which one it offers."),
        "AUTH": _("Check user name and password."),
    }
    return f"{where}: {said} {hints.get(error.command.split(' ')[0] if error.command else 'connect', '')}".strip()


@cache
def _key() -> bytes:
    return derive_key(settings.SECRET_KEY, "sealed transports")


def _place(relay: Transport) -> str:
    return f"{relay.account_id}/transport/{relay.pk}/password_sealed"
