"""Relays: SMTP servers that carry an account's mail out, and trying one before it is used."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from dynamail.accounts.models import Account, Member
from dynamail.lib.sealing import CannotOpen
from dynamail.protocols.smtp.client import open_connection
from dynamail.protocols.smtp.next_hop import Credentials, NextHop, Timeouts, TlsMode
from dynamail.protocols.smtp.replies import SmtpError
from dynamail.senders.credentials import open_password, seal_password
from dynamail.senders.models import Transport
from dynamail.senders.transports import CheckStep, save_transport

CHECK_SECONDS = 10.0  # for each step of a connection check
CHECK_TIMEOUTS = Timeouts(
    connect=CHECK_SECONDS, greeting=CHECK_SECONDS, ehlo=CHECK_SECONDS, tls=CHECK_SECONDS, auth=CHECK_SECONDS
)
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
    per_hour: int | None = None
    per_day: int | None = None


@transaction.atomic
def save_relay(
    account: Account, entered: RelaySettings, *, relay: Transport | None, by: Member, now: datetime
) -> Transport:
    """Create or change a relay. Who authorized the hand-over of mail is recorded with it (P7.1)."""
    values = asdict(entered)
    password = values.pop("password")
    moved = relay is not None and (relay.host, relay.port) != (entered.host, entered.port)
    saved = save_transport(
        account,
        Transport.Kind.SMTP,
        values,
        transport=relay,
        is_new_recipient=moved,
        by=by,
        now=now,
        host=entered.host,
        port=entered.port,
    )
    if password is not None:
        sealed = seal_password(account.pk, saved.pk, password)
        Transport.objects.for_account(account).filter(pk=saved.pk).update(password_sealed=sealed)
        saved.password_sealed = sealed
    return saved


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
        timeouts=CHECK_TIMEOUTS,
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
