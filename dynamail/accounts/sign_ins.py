"""Where a user is signed in: one row per browser session, parsed, for functioning and security alone (promise P2.1).

The row is named by a hash of the session's key, so that this table opens no session. Ending a sign-in deletes the session
as well; a request that arrives with it anyway is signed out.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

import ua_parser
from django.db import connection, transaction
from django.db.models import QuerySet

from dynamail.accounts.models import SignIn, User

LAST_SEEN_GRAIN = timedelta(minutes=1)  # a page full of partials writes once
USER_AGENT_MAX = 512  # characters that are parsed; longer ones are not browsers
VERSION_PARTS = 1  # the major version: what P2.1 allows us to keep


@dataclass(frozen=True)
class Browser:
    """What is kept of a User-Agent header: families and the major version, never the header itself."""

    name: str = ""
    version: str = ""
    os: str = ""
    device: str = ""


def parse_user_agent(header: str) -> Browser:
    """The families behind a User-Agent header; all empty for one that nobody knows."""
    found = ua_parser.parse(header[:USER_AGENT_MAX])
    agent, system, device = found.user_agent, found.os, found.device
    return Browser(
        name=agent.family[:60] if agent else "",
        version=(agent.major or "")[:20] if agent else "",
        os=" ".join(filter(None, [system.family, system.major]))[:60] if system else "",
        device=_name_device(device)[:60] if device else "",
    )


def notice_sign_in(
    user: User, *, session_key: str, ip: str | None, user_agent: str, method: str, now: datetime
) -> bool:
    """Record that the session is in use. False when the user has ended this sign-in: sign the session out.

    Writes once per sign-in and then at most once a minute.
    """
    session_hash = hash_session(session_key)
    sign_in = SignIn.objects.filter(session_hash=session_hash).first()
    if sign_in is None:
        _start_sign_in(user, session_hash, ip=ip, user_agent=user_agent, method=method, now=now)
        return True
    if sign_in.ended_at is not None or sign_in.user_id != user.pk:
        return False
    if now - sign_in.last_seen_at >= LAST_SEEN_GRAIN:
        # The address is that of the last request: a session that moved to another network shows it.
        SignIn.objects.filter(pk=sign_in.pk).update(last_seen_at=now, ip=ip, ip_truncated=False)
    return True


def list_sign_ins(user: User) -> QuerySet[SignIn]:
    """Sign-ins that still work, the latest in use first."""
    return SignIn.objects.filter(user=user, ended_at=None).order_by("-last_seen_at", "-pk")


def end_sign_ins(
    user: User, *, now: datetime, only: int | None = None, keep_session: str | None = None
) -> int:
    """Sign out one (`only`, a row's id) or all sign-ins of the user but the one that asks. Returns how many."""
    rows = SignIn.objects.filter(user=user, ended_at=None)
    if only is not None:
        rows = rows.filter(pk=only)
    if keep_session is not None:
        rows = rows.exclude(session_hash=hash_session(keep_session))
    hashes = list(rows.values_list("session_hash", flat=True))
    with transaction.atomic():
        ended = SignIn.objects.filter(session_hash__in=hashes, ended_at=None).update(ended_at=now)
        _delete_sessions(hashes)
    return ended


def end_session(session_key: str, *, now: datetime) -> None:
    """The user signed out in this browser."""
    SignIn.objects.filter(session_hash=hash_session(session_key), ended_at=None).update(ended_at=now)


def hash_session(session_key: str) -> str:
    return hashlib.sha256(session_key.encode()).hexdigest()


def _start_sign_in(
    user: User, session_hash: str, *, ip: str | None, user_agent: str, method: str, now: datetime
) -> None:
    browser = parse_user_agent(user_agent)
    SignIn.objects.get_or_create(  # two first requests at once: one row
        session_hash=session_hash,
        defaults={
            "user": user,
            "ip": ip,
            "browser": browser.name,
            "browser_version": browser.version,
            "os": browser.os,
            "device": browser.device,
            "method": method[:20],
            "created_at": now,
            "last_seen_at": now,
        },
    )


def _delete_sessions(hashes: list[str]) -> None:
    # The session's key is not stored beside the hash on purpose; the database hashes its own keys to find the few.
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM django_session WHERE encode(sha256(convert_to(session_key, 'UTF8')), 'hex') = ANY(%s)",
            [hashes],
        )


def _name_device(device: ua_parser.Device) -> str:
    """ "Mac", "iPhone", "Samsung SM-A515F"; brand and family often repeat each other."""
    family = device.family or ""
    if device.brand and not family.startswith(device.brand) and device.brand not in ("Apple", "Generic"):
        return f"{device.brand} {family}"
    return family
