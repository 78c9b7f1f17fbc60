from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dynamail.accounts.models import Account
from dynamail.lib.ids import new_id
from dynamail.senders.mailbox import PAGE_SIZE, list_captured, read_captured, remove_old_captures
from dynamail.senders.models import CapturedMessage

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
SOURCE = (
    b"From: Anna <anna@acme.example>\r\nTo: reader@mail.example\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="b"\r\n\r\n'
    b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nhello\r\n"
    b'--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<a href="http://127.0.0.1/x">go</a>\r\n--b--\r\n'
)


def capture(account_id: int, *, raw: bytes = SOURCE, at: datetime = NOW, **values: str) -> CapturedMessage:
    fields = {"envelope_to": "reader@mail.example", "subject": "Grüße"} | values
    return CapturedMessage.objects.add(
        account_id, id=new_id(at), at=at, size_bytes=len(raw), raw=raw, **fields
    )


def test_a_message_is_taken_apart_for_the_page(account: Account) -> None:
    read = read_captured(capture(account.pk))
    assert ("Subject", "Grüße") in read.headers
    assert read.text.strip() == "hello"
    assert read.links == ("http://127.0.0.1/x",)


def test_the_links_of_a_message_without_html_are_those_in_its_text(account: Account) -> None:
    raw = b"Subject: hi\r\n\r\nOpen https://acme.example/confirm/a-b:c/?x=1. Or (http://127.0.0.1/)!\r\n"
    read = read_captured(capture(account.pk, raw=raw))
    assert read.links == ("https://acme.example/confirm/a-b:c/?x=1", "http://127.0.0.1/")


@given(raw=st.binary(max_size=400))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_break_the_page(raw: bytes) -> None:
    for source in (raw, SOURCE[:100] + raw, b"Content-Type: text/html; charset=nonsense\r\n\r\n" + raw):
        read = read_captured(CapturedMessage(raw=source))
        assert isinstance(read.source, str)


def test_the_list_is_searched_and_paged_newest_first(account: Account) -> None:
    for number in range(PAGE_SIZE + 5):
        capture(account.pk, at=NOW + timedelta(seconds=number), subject=f"Number {number}")
    first = list_captured(account.pk)
    assert [row.subject for row in first[:2]] == [f"Number {PAGE_SIZE + 4}", f"Number {PAGE_SIZE + 3}"]
    second = list_captured(account.pk, before=first[PAGE_SIZE - 1].id)
    assert [row.subject for row in second] == [f"Number {number}" for number in (4, 3, 2, 1, 0)]
    assert [row.subject for row in list_captured(account.pk, search="number 7")] == ["Number 7"]


@pytest.mark.promise("P6.1")
def test_captured_mail_is_gone_after_thirty_days(account: Account) -> None:
    kept, old = (
        capture(account.pk, at=NOW - timedelta(days=29)),
        capture(account.pk, at=NOW - timedelta(days=31)),
    )
    assert remove_old_captures(now=NOW) == 1
    left = CapturedMessage.objects.for_account(account)
    assert left.filter(id=kept.id).exists()
    assert not left.filter(id=old.id).exists()
