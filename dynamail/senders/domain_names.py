"""Which names may become sending domains: written as people write them, kept in A-labels (RFC 5890 §2.3.2.1)."""

from __future__ import annotations

import re
from functools import cache
from ipaddress import ip_address
from pathlib import Path

import idna
from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dynamail.lib.mailbox_providers import OTHER, find_lane
from dynamail.protocols.address import AddressError, parse_address
from dynamail.senders.errors import SenderError

# Names that are nobody's by RFC 6761, RFC 6762 and ICANN's resolution on private use.
SPECIAL_NAMES = frozenset(("localhost", "local", "localdomain", "internal", "invalid", "onion", "arpa"))
LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")

_SENTENCES: dict[str, str | Promise] = {
    "domain_empty": _("Write the domain, such as example.com."),
    "domain_is_address": _("Write the domain alone: what stands after the @."),
    "domain_is_link": _("Write the domain alone, without https:// and without a path."),
    "domain_is_ip": _("Write a domain name: an IP address cannot stand in From."),
    "domain_incomplete": _("This name has no dot. Write the whole domain, such as example.com."),
    "domain_special": _("Names under this ending exist on no public server, so nobody could verify them."),
    "domain_invalid": _("This is not a valid domain name."),
    "domain_too_long": _("This name is too long: there is no room for the records that go below it."),
    "domain_free_mail": _(
        "This is a public mail service, and its owner lets only its own servers send. Use a domain of your own."
    ),
    "domain_of_installation": _(
        "This is the address of this DynaMail server itself. Use your own domain; its operator may add this one."
    ),
}
LONGEST_NAME = 180  # octets: selectors and labels stand in front, and 253 is the end (RFC 1035 §2.3.4)


def read_domain_name(text: str) -> str:
    """The name in A-labels and lower case. Raises SenderError, each fault with a code of its own."""
    name = text.strip().rstrip(".").lower()
    if not name:
        raise _refuse("domain_empty")
    if "/" in name or ":" in name:
        raise _refuse("domain_is_ip" if _is_ip_address(name) else "domain_is_link")
    if "@" in name:
        raise _refuse("domain_is_address")
    if _is_ip_address(name):
        raise _refuse("domain_is_ip")
    return _check_name(_to_a_labels(name))


def is_free_mail(name: str) -> bool:
    """Is it a mail service where anyone may open a mailbox, or below one? `name` is in A-labels."""
    return any(find_lane(parent) != OTHER or parent in _load_free_mail() for parent in iter_parents(name))


def is_of_installation(name: str) -> bool:
    """Is it one of the names that this installation itself stands for, or below one?"""
    own = {settings.PUBLIC_HOST, settings.RETURN_PATH_DOMAIN, settings.HELO_NAME, settings.MESSAGE_ID_DOMAIN}
    return any(parent in own for parent in iter_parents(name))


def refuse_installation_name() -> SenderError:
    return _refuse("domain_of_installation")


def iter_parents(name: str) -> list[str]:
    """The name and everything above it that has a dot, nearest first."""
    labels = name.split(".")
    return [".".join(labels[start:]) for start in range(len(labels) - 1)]


def write_domain_name(name: str) -> str:
    """The name for human eyes (U-labels)."""
    try:
        return idna.decode(name) if "xn--" in name else name
    except idna.IDNAError:
        return name


def _is_ip_address(text: str) -> bool:
    try:
        ip_address(text.strip("[]").removeprefix("ipv6:"))
    except ValueError:
        return False
    return True


def _to_a_labels(name: str) -> str:
    if "." not in name:
        raise _refuse("domain_special" if name in SPECIAL_NAMES else "domain_incomplete")
    try:
        return parse_address(f"a@{name}").domain
    except AddressError:
        raise _refuse("domain_invalid") from None


def _check_name(name: str) -> str:
    if name.rpartition(".")[2] in SPECIAL_NAMES:
        raise _refuse("domain_special")
    if len(name) > LONGEST_NAME:
        raise _refuse("domain_too_long")
    if is_free_mail(name):
        raise _refuse("domain_free_mail")
    return name


def _refuse(code: str) -> SenderError:
    return SenderError(code, _SENTENCES[code])


@cache
def _load_free_mail() -> frozenset[str]:
    lines = Path(__file__).with_name("free_mail_domains.txt").read_text(encoding="ascii").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))
