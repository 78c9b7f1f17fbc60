"""What the owner of a domain publishes in its DNS, and why. Pure: no question is asked here.

The address that takes bounces is at `<return path label>.<domain>`. As an alias (CNAME) of the installation's own return-path
domain it inherits that one's MX, so that bounces arrive here, and its SPF record, which is the one that receivers check
(RFC 7208 §2.4): for mail from here no other SPF record is needed, and DMARC finds it aligned because both names are under one
domain. A record at the domain itself is advised all the same, because some filters look at the name in From.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache

from django.conf import settings

from dynamail.lib.signing import derive_key
from dynamail.senders.models import DkimKey, SendingDomain

OWNERSHIP_LABEL = "_dynamail"
OWNERSHIP_TAG = "dynamail-verify="
TOKEN_OCTETS = 16
KEEP_RETIRED = timedelta(days=14)  # mail that is still on its way is checked with the old key


class RecordPurpose(StrEnum):
    OWNERSHIP = "ownership"
    DKIM = "dkim"
    RETURN_PATH = "return_path"
    TRACKING = "tracking"
    SPF = "spf"
    DMARC = "dmarc"


@dataclass(frozen=True, slots=True)
class Names:
    """What this installation is called in the DNS; empty where nobody else could reach it."""

    return_path: str
    web: str


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """One line for the DNS. `key` names it in a domain's `check_result`, `name` is the whole name without the last dot."""

    key: str
    purpose: RecordPurpose
    kind: str  # TXT, CNAME
    name: str
    value: str
    is_required: bool
    selector: str = ""  # of a DKIM key


def read_installation_names() -> Names:
    return_path = settings.RETURN_PATH_DOMAIN
    is_private = return_path.endswith((".localdomain", "localhost")) or "." not in return_path
    return Names("" if is_private else return_path, "" if settings.IS_LOOPBACK else settings.PUBLIC_HOST)


def list_records(domain: SendingDomain, keys: Iterable[DkimKey], names: Names) -> list[DnsRecord]:
    """What is to be published now; `keys` without the retired ones."""
    records = [_ownership(domain), *(_dkim(domain, key) for key in keys)]
    if names.return_path:
        host = f"{domain.return_path_label}.{domain.name}"
        records.append(
            DnsRecord("return_path", RecordPurpose.RETURN_PATH, "CNAME", host, names.return_path, False)
        )
        records.append(
            DnsRecord(
                "spf", RecordPurpose.SPF, "TXT", domain.name, f"v=spf1 {spf_mechanism(names)} ~all", False
            )
        )
    if names.web:
        host = f"{domain.tracking_label}.{domain.name}"
        records.append(DnsRecord("tracking", RecordPurpose.TRACKING, "CNAME", host, names.web, False))
    records.append(_dmarc(domain))
    return records


def spf_mechanism(names: Names) -> str:
    return f"include:{names.return_path}"


def make_ownership_token(account_id: int, name: str) -> str:
    """The same text for an account and a domain at any time, another one for every other account."""
    digest = hmac.digest(_ownership_key(), f"{account_id}/{name}".encode(), hashlib.sha256)
    return base64.b32encode(digest[:TOKEN_OCTETS]).decode("ascii").rstrip("=").lower()


def keep_until(key: DkimKey) -> datetime | None:
    """Until when the record of a retired key stays published."""
    return key.retired_at + KEEP_RETIRED if key.retired_at else None


def make_selector_tag(account_id: int, name: str) -> str:
    """Two accounts may send for one domain: their keys stand under different names."""
    return make_ownership_token(account_id, f"selector/{name}")[:5]


def _ownership(domain: SendingDomain) -> DnsRecord:
    value = OWNERSHIP_TAG + make_ownership_token(domain.account_id, domain.name)
    name = f"{OWNERSHIP_LABEL}.{domain.name}"
    return DnsRecord("ownership", RecordPurpose.OWNERSHIP, "TXT", name, value, True)


def _dkim(domain: SendingDomain, key: DkimKey) -> DnsRecord:
    name = f"{key.selector}._domainkey.{domain.name}"
    is_required = key.algorithm == DkimKey.Algorithm.RSA  # few receivers read Ed25519 yet
    return DnsRecord(
        f"dkim:{key.selector}", RecordPurpose.DKIM, "TXT", name, key.public_record, is_required, key.selector
    )


def _dmarc(domain: SendingDomain) -> DnsRecord:
    # A mailbox that each domain with mail has (RFC 5321 §4.5.1).
    value = f"v=DMARC1; p=none; rua=mailto:postmaster@{domain.name}"
    return DnsRecord("dmarc", RecordPurpose.DMARC, "TXT", f"_dmarc.{domain.name}", value, False)


@cache
def _ownership_key() -> bytes:
    return derive_key(settings.SECRET_KEY, "domain ownership")
