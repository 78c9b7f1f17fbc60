"""Streams: made, changed, archived."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dynamail.accounts.models import Account, AuditEntry
from dynamail.lib.clock import utc_now
from dynamail.senders.models import RoutingRule, Stream, Transport
from dynamail.senders.streams import (
    MARKETING,
    TRANSACTIONAL,
    Habits,
    StreamRefused,
    archive_stream,
    change_stream,
    create_stream,
    find_habits,
    find_stream,
    list_streams,
    restore_stream,
)
from tests.support.personas import make_account, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> Account:
    return make_account("Alice", owner=make_user("alice@acme.example"))


def make(account: Account, name: str = "Password resets", **values: object) -> Stream:
    return create_stream(account.pk, name=name, by=None, now=utc_now(), **values)  # type: ignore[arg-type]


def actions(account: Account) -> list[str]:
    rows = AuditEntry.objects.for_account(account).filter(action__startswith="stream.")
    return list(rows.order_by("pk").values_list("action", flat=True))


def test_a_stream_takes_its_key_from_its_name(account: Account) -> None:
    stream = make(account, habits=Habits(body_days=0, tracks_clicks=True))
    assert (stream.key, stream.kind) == ("password-resets", TRANSACTIONAL)
    assert find_habits(stream) == Habits(0, 396, False, True)
    assert [one.key for one in list_streams(account.pk)] == [TRANSACTIONAL, MARKETING, "password-resets"]


@pytest.mark.parametrize(
    ("values", "code", "field"),
    [
        ({"name": "  "}, "name_missing", "name"),
        ({"name": "x" * 101}, "name_too_long", "name"),
        ({"name": "Чеки"}, "bad_key", "key"),
        ({"key": "Receipts"}, "bad_key", "key"),
        ({"key": "marketing"}, "key_taken", "key"),
        ({"kind": "else"}, "bad_kind", "kind"),
        ({"habits": Habits(body_days=366)}, "bad_days", "body_days"),
        ({"habits": Habits(log_days=0)}, "bad_days", "log_days"),
    ],
)
def test_what_is_no_stream_is_refused(
    account: Account, values: dict[str, object], code: str, field: str
) -> None:
    with pytest.raises(StreamRefused) as refused:
        make(account, **values)  # type: ignore[arg-type]
    assert (refused.value.code, refused.value.field) == (code, field)


def test_a_change_is_noted_only_where_something_changed(account: Account) -> None:
    stream = make(account)
    habits = find_habits(stream)
    change_stream(stream, name=stream.name, habits=habits, by=None, now=utc_now())
    changed = change_stream(stream, name="Resets", habits=replace(habits, log_days=7), by=None, now=utc_now())
    assert (changed.name, changed.log_days, changed.key) == ("Resets", 7, "password-resets")
    assert actions(account) == ["stream.created", "stream.changed"]


def test_a_stream_is_archived_and_taken_back_once(account: Account) -> None:
    stream = make(account)
    for _again in range(2):
        archive_stream(stream, by=None, now=utc_now())
    assert stream.key not in [one.key for one in list_streams(account.pk)]
    assert stream.key in [one.key for one in list_streams(account.pk, archived=True)]
    for _again in range(2):
        restore_stream(stream, by=None, now=utc_now())
    assert actions(account) == ["stream.created", "stream.archived", "stream.restored"]


def test_streams_of_every_account_and_streams_in_use_stay(account: Account) -> None:
    list_streams(account.pk)
    built_in = find_stream(account.pk, TRANSACTIONAL)
    assert built_in is not None
    with pytest.raises(StreamRefused) as refused:
        archive_stream(built_in, by=None, now=utc_now())
    assert refused.value.code == "built_in"
    stream = make(account)
    transport = Transport.objects.add(account, name="Relay", kind="smtp")
    RoutingRule.objects.add(account, stream=stream.key, transport=transport)
    with pytest.raises(StreamRefused) as refused:
        archive_stream(stream, by=None, now=utc_now())
    assert refused.value.code == "in_use"
