"""API keys: the secret is shown once, its SHA-256 is kept.

A secret reads `dm_live_<40 characters>_<6 characters>`, or `dm_test_…` for a key whose mail goes to the Mailbox only. The tail is a
checksum, so that a mistyped key is refused without a question to the database and scanners of source code can tell a real key from a
lookalike.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from zlib import crc32

from django.db import connection, models, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from dynamail.accounts.audit import record_audit
from dynamail.accounts.models import Account, ApiKey, Member
from dynamail.accounts.tenancy import account_scope
from dynamail.lib.asking import Ask, Told
from dynamail.lib.sql import load_sql

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SECRET_LENGTH = 40  # 238 bits
CHECKSUM_LENGTH = 6  # 32 bits in base 62
PREFIX_LENGTH = 12  # shown in lists: "dm_live_" and four more
LAST_USED_GRAIN = timedelta(minutes=1)  # a busy key is written once a minute
MAX_NETWORKS = 50
LIVE, TEST = "dm_live_", "dm_test_"
_SHAPE = re.compile(
    rf"(dm_(?:live|test)_[0-9A-Za-z]{{{SECRET_LENGTH}}})_([0-9A-Za-z]{{{CHECKSUM_LENGTH}}})", re.ASCII
)


Network = IPv4Network | IPv6Network


class BadNetwork(ValueError):
    """A text that is no address or network; the message is a sentence for its writer."""


class Scope(models.TextChoices):
    """What a key may be used for. A key without a scope is refused where it is asked for."""

    SEND_MESSAGES = "messages.send", _("Send transactional messages (API and SMTP)")
    READ_MESSAGES = "messages.read", _("Read the state of messages")
    READ_TEMPLATES = "templates.read", _("Read templates and media")
    WRITE_TEMPLATES = "templates.write", _("Create, change and archive templates and media")
    READ_CONTACTS = "contacts.read", _("Read contacts")
    WRITE_CONTACTS = "contacts.write", _("Add, change and remove contacts")
    READ_TOPICS = "topics.read", _("Read topics")
    WRITE_TOPICS = "topics.write", _("Create, change and archive topics")
    READ_SEGMENTS = "segments.read", _("Read segments")
    WRITE_SEGMENTS = "segments.write", _("Create, change and archive segments")
    READ_CAMPAIGNS = "campaigns.read", _("Read campaigns and reports")
    WRITE_CAMPAIGNS = "campaigns.write", _("Create and launch campaigns")
    READ_EVENTS = "events.read", _("Read the names of events")
    WRITE_EVENTS = "events.write", _("Send events about contacts")
    READ_SUPPRESSIONS = "suppressions.read", _("Read suppressions")
    WRITE_SUPPRESSIONS = "suppressions.write", _("Add and lift suppressions")
    READ_DOMAINS = "domains.read", _("Read sending domains and streams")
    WRITE_DOMAINS = "domains.write", _("Add, check and remove sending domains and streams")
    READ_WEBHOOKS = "webhooks.read", _("Read webhooks and their deliveries")
    WRITE_WEBHOOKS = "webhooks.write", _("Create, change, test and remove webhooks")
    READ_INBOUND = "inbound.read", _("Read mail that came in")
    WRITE_INBOUND = "inbound.write", _("Create and remove addresses for incoming mail")
    READ_REQUESTS = "requests.read", _("Read the log of requests")


@transaction.atomic
def create_api_key(
    account_id: int,
    *,
    name: str,
    scopes: list[str],
    by: Member,
    now: datetime,
    expires_at: datetime | None = None,
    is_test: bool = False,
    allowed_ips: Iterable[str] = (),
) -> tuple[ApiKey, str]:
    """The row and, this once, the secret. `allowed_ips` are addresses or networks; none: from everywhere. Raises BadNetwork."""
    secret = make_secret(is_test=is_test)
    key = ApiKey.objects.add(
        account_id,
        name=name,
        scopes=sorted(set(scopes) & set(Scope.values)),
        prefix=secret[:PREFIX_LENGTH],
        key_hash=hash_secret(secret),
        created_by=by.user,
        created_at=now,
        expires_at=expires_at,
        is_test=is_test,
        allowed_ips=clean_networks(allowed_ips),
    )
    record_audit(
        account_id,
        by=by,
        action="api_key.created",
        subject=key,
        name=name,
        scopes=key.scopes,
        is_test=is_test,
        allowed_ips=key.allowed_ips,
    )
    return key, secret


@transaction.atomic
def revoke_api_key(key: ApiKey, *, by: Member, now: datetime) -> bool:
    """Refuse the key from now on. False when it was revoked before."""
    revoked = (
        ApiKey.objects.for_account(key.account_id).filter(pk=key.pk, revoked_at=None).update(revoked_at=now)
    )
    if revoked:
        record_audit(key.account_id, by=by, action="api_key.revoked", subject=key, name=key.name)
    return bool(revoked)


def list_api_keys(account_id: int) -> QuerySet[ApiKey]:
    """Keys that still work first, then the others, each the latest first."""
    return (
        ApiKey.objects.for_account(account_id)
        .select_related("created_by")
        .order_by(models.F("revoked_at").asc(nulls_first=True), "-created_at")
    )


def find_api_key(secret: str, *, now: datetime) -> ApiKey | None:
    """The key behind a secret, with its account; None for a wrong, revoked or expired one. Notes the use, at most once a minute.

    Knowing the secret is what opens the row: the policy of the table compares the hash that is set here.
    """
    if not is_well_formed(secret):
        return None
    key_hash = hash_secret(secret)
    with account_scope(0), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('dynamail.key_hash', %s, true)", [key_hash])
        key = _find_working(key_hash, now=now)
        cursor.execute("SELECT set_config('dynamail.key_hash', '', true)")
    if key is not None:
        _note_use(key, now=now)
    return key


def ask_for_key(key_hash: str, *, now: datetime) -> list[Ask]:
    """Like `find_api_key`, for those who ask by `lib/asking.py`; `read_key` reads the last answer.

    Call it with a well-formed secret's hash, as the first questions of a transaction under the role of doors.
    """
    return [
        Ask(
            "SELECT set_config('dynamail.account_id', '0', true), set_config('dynamail.key_hash', %s, true)",
            [key_hash],
        ),
        Ask(load_sql("accounts", "find_api_key"), [key_hash, now]),
    ]


def read_key(told: Told) -> ApiKey | None:
    """The key with what a door needs of it; None when there is none that works."""
    for pk, uid, account_id, name, scopes, last_used_at, is_test, allowed_ips, expires_at in told.rows:
        return ApiKey(
            pk=pk,
            uid=uid,
            account_id=account_id,
            name=name,
            scopes=scopes,
            last_used_at=last_used_at,
            is_test=is_test,
            allowed_ips=allowed_ips,
            expires_at=expires_at,
        )
    return None


def ask_to_enter(key: ApiKey, *, now: datetime) -> list[Ask]:
    """From here on the transaction sees the rows of the key's account alone. Notes the use, at most once a minute."""
    enter = ask_for_account(key.account_id)
    if key.last_used_at is not None and now - key.last_used_at < LAST_USED_GRAIN:
        return [enter]
    note = "UPDATE api_key SET last_used_at = %s WHERE account_id = %s AND id = %s"
    return [enter, Ask(note, [now, key.account_id, key.pk])]


def ask_for_account(account_id: int) -> Ask:
    """From here on the transaction sees the rows of one account alone."""
    return Ask(
        "SELECT set_config('dynamail.account_id', %s::text, true), set_config('dynamail.key_hash', '', true)",
        [str(account_id)],
    )


def clean_networks(texts: Iterable[str]) -> list[str]:
    """Addresses and networks as they are stored: `203.0.113.7` becomes `203.0.113.7/32`. Raises BadNetwork."""
    networks = []
    for text in texts:
        try:
            networks.append(str(ip_network(text.strip(), strict=False)))
        except ValueError:
            raise BadNetwork(
                _("“%(text)s” is no address or network. Write 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32.")
                % {"text": text[:60]}
            ) from None
    if len(networks) > MAX_NETWORKS:
        raise BadNetwork(_("A key has up to %(most)d addresses and networks.") % {"most": MAX_NETWORKS})
    return list(dict.fromkeys(networks))


def read_networks(key: ApiKey) -> tuple[Network, ...]:
    return tuple(ip_network(text) for text in key.allowed_ips)


def may_come_from(networks: Iterable[Network], address: str) -> bool:
    """May a key that has these networks be used from that address? An address that nobody can read may not."""
    networks = tuple(networks)
    if not networks:
        return True
    try:
        caller = ip_address(address)
    except ValueError:
        return False
    if isinstance(caller, IPv6Address) and caller.ipv4_mapped:
        caller = caller.ipv4_mapped
    return any(caller in network for network in networks)


def make_secret(*, is_test: bool = False) -> str:
    body = (TEST if is_test else LIVE) + "".join(secrets.choice(ALPHABET) for _place in range(SECRET_LENGTH))
    return f"{body}_{_checksum(body)}"


def is_well_formed(secret: str) -> bool:
    match = _SHAPE.fullmatch(secret)
    return match is not None and _checksum(match[1]) == match[2]


def hash_secret(secret: str) -> str:
    # Without salt or stretching: 238 random bits cannot be guessed, and the hash must be found by an index.
    return hashlib.sha256(secret.encode()).hexdigest()


def _find_working(key_hash: str, *, now: datetime) -> ApiKey | None:
    return (
        ApiKey.objects.across_accounts(reason="the secret names the account")
        .filter(Q(expires_at=None) | Q(expires_at__gt=now), key_hash=key_hash, revoked_at=None)
        .exclude(account__state=Account.State.CLOSED)
        .select_related("account")
        .first()
    )


def _note_use(key: ApiKey, *, now: datetime) -> None:
    if key.last_used_at is not None and now - key.last_used_at < LAST_USED_GRAIN:
        return
    with account_scope(key.account_id):
        ApiKey.objects.for_account(key.account_id).filter(pk=key.pk).update(last_used_at=now)
    key.last_used_at = now


def _checksum(body: str) -> str:
    number, characters = crc32(body.encode()), []
    for _place in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        characters.append(ALPHABET[digit])
    return "".join(reversed(characters))
