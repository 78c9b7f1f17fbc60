"""The streams of an account: kinds of mail whose routing, reputation, suppressions, tracking and retention are kept apart."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from dynamail.accounts.audit import Actor, record_audit
from dynamail.lib.ids import new_id
from dynamail.senders.errors import SenderError
from dynamail.senders.models import RoutingRule, Stream

TRANSACTIONAL, MARKETING = Stream.Kind.TRANSACTIONAL.value, Stream.Kind.MARKETING.value
BUILT_IN = {TRANSACTIONAL: "Transactional", MARKETING: "Marketing"}
MAX_STREAMS = 50  # per account, archived ones included
BODY_DAYS, LOG_DAYS = (0, 365), (1, 396)
_KEY = re.compile(r"[a-z][a-z0-9_-]{0,39}")


class StreamRefused(SenderError):
    """The change of a stream is not possible. `field` names what has to be said differently, empty for none."""

    def __init__(self, code: str, sentence: object, field: str = "") -> None:
        super().__init__(code, sentence)
        self.field = field


@dataclass(frozen=True)
class Habits:
    """How a stream keeps and counts: days that contents (0…365) and the log (1…396) are kept, and what is tracked by default."""

    body_days: int = 30
    log_days: int = 396
    tracks_opens: bool = False
    tracks_clicks: bool = False


def ensure_streams(account_id: int) -> None:
    """The two that every account has. Doing it again changes nothing."""
    rows = [Stream(account_id=account_id, key=key, name=name, kind=key) for key, name in BUILT_IN.items()]
    Stream.objects.across_accounts(reason="the rows name their account").bulk_create(
        rows, ignore_conflicts=True
    )


def list_streams(account_id: int, *, archived: bool = False) -> list[Stream]:
    """The built-in ones first."""
    ensure_streams(account_id)
    rows = Stream.objects.for_account(account_id).order_by("created_at", "pk")
    streams = list(rows if archived else rows.filter(archived_at=None))
    built_in = [stream for key in BUILT_IN for stream in streams if stream.key == key]
    return built_in + [stream for stream in streams if not is_built_in(stream)]


def find_stream(account_id: int, key: str) -> Stream | None:
    """The stream of that key, archived or not."""
    if key in BUILT_IN:
        ensure_streams(account_id)
    return Stream.objects.for_account(account_id).filter(key=key).first()


def find_habits(stream: Stream) -> Habits:
    return Habits(stream.body_days, stream.log_days, stream.tracks_opens, stream.tracks_clicks)


def is_built_in(stream: Stream) -> bool:
    return stream.key in BUILT_IN


@transaction.atomic
def create_stream(
    account_id: int,
    *,
    name: str,
    key: str = "",
    kind: str = TRANSACTIONAL,
    habits: Habits | None = None,
    by: Actor,
    now: datetime,
) -> Stream:
    """Without a key one is made from the name; key and kind stay for good. Raises StreamRefused."""
    ensure_streams(account_id)
    if Stream.objects.for_account(account_id).count() >= MAX_STREAMS:
        raise StreamRefused("too_many", _("An account has up to %(limit)d streams.") % {"limit": MAX_STREAMS})
    name = _check_name(name)
    stream = Stream(
        account_id=account_id,
        uid=new_id(now),
        created_at=now,
        key=_check_key(key or _make_key(name)),
        name=name,
        kind=_check_kind(kind),
        **_check_habits(habits or Habits()),
    )
    try:
        with transaction.atomic():
            stream.save(force_insert=True)
    except IntegrityError:
        sentence = _("There is a stream with the key “%(key)s” already.") % {"key": stream.key}
        raise StreamRefused("key_taken", sentence, "key") from None
    record_audit(account_id, by=by, action="stream.created", subject=stream, key=stream.key, kind=stream.kind)
    return stream


@transaction.atomic
def change_stream(stream: Stream, *, name: str, habits: Habits, by: Actor, now: datetime) -> Stream:
    """Mail that was accepted keeps the tracking it was accepted with. Raises StreamRefused."""
    wanted = {"name": _check_name(name), **_check_habits(habits)}
    rows = Stream.objects.for_account(stream.account_id).filter(pk=stream.pk)
    saved = rows.select_for_update().get()
    changed = {field: value for field, value in wanted.items() if value != getattr(saved, field)}
    if changed:
        rows.update(**changed)
        record_audit(
            stream.account_id, by=by, action="stream.changed", subject=stream, key=stream.key, **changed
        )
    return rows.get()


@transaction.atomic
def archive_stream(stream: Stream, *, by: Actor, now: datetime) -> None:
    """Nothing more is accepted for it; its log stays. Twice is once. Raises StreamRefused."""
    if is_built_in(stream):
        raise StreamRefused("built_in", _("Every account has this stream; it cannot be archived."))
    if RoutingRule.objects.for_account(stream.account_id).filter(stream=stream.key).exists():
        sentence = _("Routing rules name the stream “%(name)s”. Change or remove them first.")
        raise StreamRefused("in_use", sentence % {"name": stream.name})
    rows = Stream.objects.for_account(stream.account_id).filter(pk=stream.pk, archived_at=None)
    if rows.update(archived_at=now):
        record_audit(stream.account_id, by=by, action="stream.archived", subject=stream, key=stream.key)


@transaction.atomic
def restore_stream(stream: Stream, *, by: Actor, now: datetime) -> None:
    """Open it again. Twice is once."""
    rows = Stream.objects.for_account(stream.account_id).filter(pk=stream.pk, archived_at__isnull=False)
    if rows.update(archived_at=None):
        record_audit(stream.account_id, by=by, action="stream.restored", subject=stream, key=stream.key)


def _check_name(name: str) -> str:
    name = " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())
    if not name:
        raise StreamRefused(
            "name_missing", _("Give the stream a name, for example “Password resets”."), "name"
        )
    if len(name) > 100:
        raise StreamRefused("name_too_long", _("A name has up to 100 characters."), "name")
    return name


def _make_key(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-0123456789")[:40].rstrip("-")


def _check_key(key: str) -> str:
    if not _KEY.fullmatch(key):
        sentence = _(
            "A key begins with a letter and has up to 40 small Latin letters, digits, hyphens and underscores, for example “receipts”."
        )
        raise StreamRefused("bad_key", sentence, "key")
    return key


def _check_kind(kind: str) -> str:
    if kind not in Stream.Kind.values:
        raise StreamRefused("bad_kind", _("A stream is transactional or marketing."), "kind")
    return kind


def _check_habits(habits: Habits) -> dict[str, Any]:
    for field, days, (fewest, most) in (
        ("body_days", habits.body_days, BODY_DAYS),
        ("log_days", habits.log_days, LOG_DAYS),
    ):
        if not fewest <= days <= most:
            sentence = _("Give a number of days from %(fewest)d to %(most)d.")
            raise StreamRefused("bad_days", sentence % {"fewest": fewest, "most": most}, field)
    return asdict(habits)
