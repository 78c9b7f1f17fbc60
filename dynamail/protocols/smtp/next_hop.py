"""Where to connect and how: plain records, and what the server answered to EHLO."""

from __future__ import annotations

import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from itertools import pairwise

from dynamail.protocols.dane import DanePolicy

_HOST_NAME = re.compile(r"[A-Za-z0-9._:\[\]-]{1,253}")


class TlsMode(StrEnum):
    NONE = "none"
    OPPORTUNISTIC = "opportunistic"  # STARTTLS when offered (RFC 3207), in the clear when it fails
    STARTTLS = "starttls"  # STARTTLS or nothing
    IMPLICIT = "implicit"  # TLS from the first byte (RFC 8314 §3)


class AuthMechanism(StrEnum):
    AUTO = "auto"  # PLAIN, else LOGIN
    PLAIN = "PLAIN"
    LOGIN = "LOGIN"
    XOAUTH2 = "XOAUTH2"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait for each reply: RFC 5321 §4.5.3.2, which gives the least values.

    `dot` must stay at 10 minutes or more in production: whoever gives up earlier sends doubles (RFC 1047).
    """

    connect: float = 30.0
    greeting: float = 300.0
    ehlo: float = 300.0
    tls: float = 60.0
    auth: float = 120.0
    mail: float = 300.0
    rcpt: float = 300.0
    data: float = 120.0
    block: float = 180.0
    dot: float = 600.0
    quit: float = 5.0


@dataclass(frozen=True, slots=True)
class Credentials:
    """For XOAUTH2 the password is the access token."""

    username: str
    password: str = field(repr=False)
    mechanism: AuthMechanism = AuthMechanism.AUTO


@dataclass(frozen=True, slots=True)
class NextHop:
    """A server to hand mail to. `host` may be an IP address; then `tls_name` is the name its certificate must have.

    Without `verify_tls` any certificate is accepted, as usual between mail servers. Credentials are never sent in the clear
    unless `allow_plaintext_auth`. Switch `pipelining` or `chunking` off for servers that offer what they cannot do.

    `dane` says what certificate the host's domain has announced; it needs TlsMode.STARTTLS. `tls_demanded_by` names a
    policy of the receiving domain that demands TLS: then a failure to encrypt is a temporary one, for policies change.
    `source_address` is the IP address of this machine to connect from.
    """

    host: str
    port: int = 25
    helo_name: str = "localhost"
    tls: TlsMode = TlsMode.OPPORTUNISTIC
    verify_tls: bool = False
    tls_name: str = ""
    tls_context: ssl.SSLContext | None = None
    tls_demanded_by: str = ""
    dane: DanePolicy | None = None
    credentials: Credentials | None = None
    allow_plaintext_auth: bool = False
    source_address: str = ""
    pipelining: bool = True
    chunking: bool = True
    timeouts: Timeouts = Timeouts()

    def __post_init__(self) -> None:
        if not _HOST_NAME.fullmatch(self.helo_name):
            raise ValueError("helo_name must be a host name or an address literal")

    def make_tls_context(self) -> ssl.SSLContext:
        return self.tls_context or _make_context(verify=self.verify_tls)


@cache
def _make_context(*, verify: bool) -> ssl.SSLContext:
    """Made once: reading the system's authorities takes longer than a handshake."""
    if verify:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@dataclass(frozen=True, slots=True)
class Limits:
    """RFC 9422 §3: transactions in a session, recipients of a transaction, domains of recipients in a session."""

    mail_max: int | None = None
    rcpt_max: int | None = None
    rcpt_domain_max: int | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the server offers (RFC 5321 §4.1.1.1). `size` is None without a limit."""

    pipelining: bool = False
    size: int | None = None
    eightbitmime: bool = False
    smtputf8: bool = False
    starttls: bool = False
    chunking: bool = False
    enhancedstatuscodes: bool = False
    auth: frozenset[str] = frozenset()
    limits: Limits = Limits()


def parse_capabilities(lines: Sequence[bytes]) -> Capabilities:
    """Read the reply to EHLO; its first line is the greeting. What we do not know is ignored."""
    offered: dict[str, list[str]] = {}
    for line in lines[1:]:
        # Some old servers write AUTH=LOGIN.
        keyword, *values = line[4:].decode("ascii", "replace").replace("=", " ").upper().split() or [""]
        offered.setdefault(keyword, []).extend(values)
    size = offered.get("SIZE", [""])[:1]
    return Capabilities(
        pipelining="PIPELINING" in offered,
        size=int(size[0]) or None if size and re.fullmatch(r"[0-9]{1,20}", size[0]) else None,
        eightbitmime="8BITMIME" in offered,
        smtputf8="SMTPUTF8" in offered,
        starttls="STARTTLS" in offered,
        chunking="CHUNKING" in offered,
        enhancedstatuscodes="ENHANCEDSTATUSCODES" in offered,
        auth=frozenset(offered.get("AUTH", ())),
        limits=_parse_limits(offered.get("LIMITS", ())),
    )


def _parse_limits(words: Sequence[str]) -> Limits:
    """`MAILMAX 100 RCPTMAX 50 …`: the equals signs are gone already. Zero and nonsense are no limits."""
    values = {
        name: int(value)
        for name, value in pairwise(words)
        if name in ("MAILMAX", "RCPTMAX", "RCPTDOMAINMAX") and re.fullmatch(r"0*[1-9][0-9]{0,5}", value)
    }
    return Limits(values.get("MAILMAX"), values.get("RCPTMAX"), values.get("RCPTDOMAINMAX"))
