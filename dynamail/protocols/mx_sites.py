"""Which installation a mail host belongs to, so that the domains it serves share one budget of connections and messages.

The rule, without a list of all public suffixes:

1. The host of the best preference counts; among equals the alphabetically first.
2. Its site is the last two labels: `aspmx.l.google.com` → `google.com`, `x-com.mail.protection.outlook.com` → `outlook.com`.
3. Three labels where the last is a country and the one before a registry's word: `mx.firm.co.uk` → `firm.co.uk`.
4. Below the names that hosting providers give to rented machines every host is a site: their renters share nothing.
5. A few providers use several names for one installation; `_ALIASES` joins them.
"""

from __future__ import annotations

from collections.abc import Iterable

from dynamail.protocols.dns import MxRecord

_REGISTRY_WORDS = frozenset(
    (
        "ac",
        "co",
        "com",
        "edu",
        "gob",
        "gov",
        "ltd",
        "me",
        "mil",
        "msk",
        "ne",
        "net",
        "nic",
        "nom",
        "or",
        "org",
        "spb",
    )
)
_SHARED_SUFFIXES = (
    ".compute.amazonaws.com",
    ".compute-1.amazonaws.com",
    ".cloudapp.azure.com",
    ".bc.googleusercontent.com",
    ".duckdns.org",
    ".dyndns.org",
    ".linodeusercontent.com",
    ".your-server.de",
)
_ALIASES = {"googlemail.com": "google.com", "mx.microsoft": "outlook.com", "yandex.net": "yandex.ru"}


def find_site(records: Iterable[MxRecord]) -> str:
    """The site of a domain's hosts (at least one), always the same for the same records."""
    best = min(records, key=lambda record: (record.preference, record.host))
    return find_site_of_host(best.host)


def find_site_of_host(host: str) -> str:
    """`host` in lower-case ASCII, without the last dot."""
    if host.endswith(_SHARED_SUFFIXES):
        return host
    labels = host.split(".")
    is_below_registry = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _REGISTRY_WORDS
    site = ".".join(labels[-3:] if is_below_registry else labels[-2:])
    return _ALIASES.get(site, site)
