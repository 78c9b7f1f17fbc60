"""Sending directly to the recipients' own servers: no relay stands between, so this machine's name and address must be in order."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from ipaddress import ip_address

from django.conf import settings
from django.utils.translation import gettext as _

from dynamail.accounts.models import Account, Member
from dynamail.lib.public_addresses import is_public_address
from dynamail.protocols.dns import DnsError, Resolver
from dynamail.protocols.mx import MailRoute, UnroutableDomain, find_mail_hosts
from dynamail.protocols.smtp.replies import clean_text
from dynamail.senders.models import Sender, Transport
from dynamail.senders.transports import CheckStep, save_transport

SMTP_PORT = 25
PROBE_SECONDS = 10.0
LONGEST_GREETING = 512  # octets of the greeting that are shown


@dataclass(frozen=True)
class DirectSettings:
    """What a member types. An empty source address leaves the choice to the system, an empty HELO name to the installation."""

    name: str
    source_address: str | None
    helo_name: str
    connections: int
    rate_per_second: int | None
    per_hour: int | None = None
    per_day: int | None = None


def save_direct(
    account: Account, entered: DirectSettings, *, transport: Transport | None, by: Member, now: datetime
) -> Transport:
    """Create or change a way out that asks the DNS where each recipient's mail goes."""
    return save_transport(
        account,
        Transport.Kind.MX,
        asdict(entered),
        transport=transport,
        is_new_recipient=False,
        by=by,
        now=now,
        source_address=entered.source_address or "",
        helo_name=entered.helo_name,
    )


def find_probe_domain(account_id: int) -> str:
    """Whose mail server may be asked: that of the account's own verified sender, since a stranger's is no place for a test."""
    senders = Sender.objects.for_account(account_id).filter(verified_at__isnull=False)
    sender = senders.order_by("-is_default", "pk").first()
    return sender.email.rpartition("@")[2].lower() if sender else ""


def try_direct(transport: Transport, domain: str, *, port: int = SMTP_PORT) -> list[CheckStep]:
    """Look at this machine's name and address, the DNS, and whether the domain's server greets us on port 25.

    Talks to the network for up to half a minute.
    """
    return asyncio.run(check_direct(transport, domain, port=port))


async def check_direct(transport: Transport, domain: str, *, port: int) -> list[CheckStep]:
    """The steps of `try_direct`; `domain` is the one whose mail server is asked, "" for none."""
    resolver = Resolver(settings.DNS_SERVERS)
    helo = transport.helo_name or settings.HELO_NAME
    source = transport.source_address or ""
    steps = [check_source(source)] if source else []
    steps.append(await check_helo(resolver, helo, source))
    steps.append(await check_reverse(resolver, helo, source))
    if not domain:
        text = _("Port 25 was not tried: verify a sender first. The server of its domain is the one to ask.")
        return [*steps, CheckStep("reach", ok=None, text=text)]
    return [*steps, *await check_reach(resolver, domain, source, port=port)]


def check_source(source: str) -> CheckStep:
    """Can this machine send from the address?"""
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.bind((source, 0))
    except OSError as error:
        text = _("%(address)s is not an address of this machine (%(reason)s). Choose another source address.")
        reason = error.strerror or str(error)
        return CheckStep("source", ok=False, text=text % {"address": source, "reason": reason})
    return CheckStep("source", ok=True, text=_("Mail leaves from %s.") % source)


async def check_helo(resolver: Resolver, helo: str, source: str) -> CheckStep:
    """Does the name that we say lead somewhere, and to the source address if there is one?"""
    try:
        addresses = [str(address) for address in await resolver.addresses(helo)]
    except DnsError as error:
        text = _("The name said in HELO, %(name)s, has no address: %(reason)s Publish an A record for it.")
        return CheckStep("helo", ok=False, text=text % {"name": helo, "reason": error})
    if source and str(ip_address(source)) not in addresses:
        text = _(
            "%(name)s leads to %(addresses)s and not to %(source)s. Many servers refuse such a HELO name."
        )
        values = {"name": helo, "addresses": ", ".join(addresses[:4]), "source": source}
        return CheckStep("helo", ok=False, text=text % values)
    return CheckStep(
        "helo",
        ok=True,
        text=_("%(name)s leads to %(addresses)s.") % {"name": helo, "addresses": ", ".join(addresses[:4])},
    )


async def check_reverse(resolver: Resolver, helo: str, source: str) -> CheckStep:
    """Has the source address a name (PTR), and is it the one we say? Without a public source address nobody here knows it."""
    if not source or not is_public_address(source):
        text = _("The reverse DNS name was not checked: give a public source address to have it looked up.")
        return CheckStep("reverse", ok=None, text=text)
    try:
        names = list(await resolver.ptr(source))
    except DnsError:
        text = _(
            "%s has no reverse DNS name (PTR). Large providers refuse mail from it; ask your host to set it."
        )
        return CheckStep("reverse", ok=False, text=text % source)
    if helo not in names:
        text = _("The reverse DNS name of %(source)s is %(names)s and not %(helo)s. Make them the same.")
        values = {"source": source, "names": ", ".join(names[:4]), "helo": helo}
        return CheckStep("reverse", ok=False, text=text % values)
    return CheckStep(
        "reverse",
        ok=True,
        text=_("The reverse DNS name of %(source)s is %(helo)s.") % {"source": source, "helo": helo},
    )


async def check_reach(resolver: Resolver, domain: str, source: str, *, port: int) -> list[CheckStep]:
    """Does the DNS name the domain's mail server, and does that server greet us?"""
    try:
        route = await find_mail_hosts(domain, resolver, allow_private_addresses=settings.MX_MAY_BE_PRIVATE)
    except UnroutableDomain as error:
        text = _("The mail server of %(domain)s was not found: %(reason)s")
        return [CheckStep("dns", ok=False, text=text % {"domain": domain, "reason": error.text})]
    names = ", ".join(host.name for host in route.hosts[:3])
    found = CheckStep(
        "dns",
        ok=True,
        text=_("The DNS answers: mail for %(domain)s goes to %(names)s.")
        % {"domain": domain, "names": names},
    )
    return [found, await _probe(route, source, port)]


async def _probe(route: MailRoute, source: str, port: int) -> CheckStep:
    """Connect to the best host and read its greeting; nothing is sent but QUIT."""
    host = route.hosts[0]
    wanted = [str(one) for one in host.addresses if not source or one.version == ip_address(source).version]
    values = {"host": host.name, "port": port}
    if not wanted:
        text = _("%(host)s has no address of the same kind (IPv4 or IPv6) as the source address.")
        return CheckStep("reach", ok=False, text=text % values)
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            greeting = await _read_greeting(wanted, source, port)
    except (OSError, TimeoutError, ValueError):
        text = _(
            "%(host)s was not reached on port %(port)s. Many hosters close this port for new customers: ask yours to open it, "
            "or send through a relay."
        )
        return CheckStep("reach", ok=False, text=text % values)
    ok = greeting.startswith("220")
    text = _("%(host)s answers on port %(port)s: %(greeting)s") % {**values, "greeting": greeting}
    return CheckStep("reach", ok=ok, text=text)


async def _read_greeting(addresses: Sequence[str], source: str, port: int) -> str:
    reader, writer = await asyncio.open_connection(
        addresses[0], port, local_addr=(source, 0) if source else None, limit=LONGEST_GREETING
    )
    try:
        line = await reader.readline()
        with suppress(OSError):
            writer.write(b"QUIT\r\n")
            await writer.drain()
    finally:
        writer.close()
    return clean_text(line)
