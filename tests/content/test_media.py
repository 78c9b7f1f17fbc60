"""Files that an account keeps, and the octets behind them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection

from dynamail.accounts.models import Account, AuditEntry
from dynamail.content.blobs import keep_blobs, read_blob
from dynamail.content.media import (
    MAX_MEDIA_BYTES,
    MediaRefused,
    delete_media,
    find_media,
    keep_media,
    read_media,
)
from dynamail.content.models import Blob, Media
from dynamail.lib.asking import run_inquiry
from dynamail.lib.clock import utc_now
from tests.support.personas import make_account, make_user

pytestmark = pytest.mark.django_db
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


@pytest.fixture
def account() -> Account:
    return make_account("Alice", owner=make_user("alice@acme.example"))


def keep(account: Account, filename: str = "logo.png", data: bytes = PNG, content_type: str = "") -> Media:
    return keep_media(
        account.pk, filename=filename, content_type=content_type, data=data, by=None, now=utc_now()
    )


def test_the_same_octets_are_stored_once(account: Account) -> None:
    first, second = keep(account), keep(account, "again.png")
    assert first.public_id != second.public_id
    assert Blob.objects.for_account(account).count() == 1
    assert read_media(second) == PNG
    found = find_media(account.pk, first.public_id)
    assert found is not None
    assert (found.filename, found.content_type, found.size_bytes) == ("logo.png", "image/png", len(PNG))


def test_a_file_that_is_removed_leaves_its_octets_to_messages(account: Account) -> None:
    media = keep(account)
    for _again in range(2):
        delete_media(media, by=None, now=utc_now())
    assert find_media(account.pk, media.public_id) is None
    assert read_blob(account.pk, media.blob_id) == PNG
    actions = AuditEntry.objects.for_account(account).filter(action__startswith="media.").order_by("pk")
    assert list(actions.values_list("action", flat=True)) == ["media.added", "media.removed"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [("C:\\pictures\\a.gif", "a.gif"), ("../../etc/passwd", "passwd"), (" a\x00b\n.txt ", "ab.txt")],
)
def test_a_name_is_the_last_part_of_a_path(account: Account, given: str, kept: str) -> None:
    assert keep(account, given).filename == kept


@pytest.mark.parametrize(
    ("filename", "content_type", "data", "code"),
    [
        ("", "", PNG, "bad_filename"),
        ("/", "", PNG, "bad_filename"),
        ("x" * 252 + ".png", "", PNG, "bad_filename"),
        ("a.png", "image", PNG, "bad_content_type"),
        ("a.png", "image/png\r\nx: y", PNG, "bad_content_type"),
        ("a.png", "", b"", "empty_file"),
        ("a.png", "", bytes(MAX_MEDIA_BYTES + 1), "too_large"),
    ],
)
def test_what_cannot_be_kept_is_refused(
    account: Account, filename: str, content_type: str, data: bytes, code: str
) -> None:
    with pytest.raises(MediaRefused) as refused:
        keep(account, filename, data, content_type)
    assert refused.value.code == code
    assert not Media.objects.for_account(account).exists()


def test_a_type_that_says_nothing_is_told_by_the_name(account: Account) -> None:
    assert keep(account, "a.pdf", content_type="application/octet-stream").content_type == "application/pdf"
    assert keep(account, "a", content_type="").content_type == "application/octet-stream"
    assert keep(account, "a.txt", content_type="Text/CSV; charset=utf-8").content_type == "text/csv"


def test_ids_come_in_order_and_old_octets_are_wanted_anew(account: Account) -> None:
    now = utc_now()
    with connection.cursor() as cursor:
        first, second, again = run_inquiry(keep_blobs(account.pk, [b"a", b"b", b"a"], now=now), cursor)
        later = run_inquiry(keep_blobs(account.pk, [b"c", b"b"], now=now + timedelta(days=2)), cursor)
        assert run_inquiry(keep_blobs(account.pk, [], now=now), cursor) == []
    assert first == again != second == later[1]
    rows = Blob.objects.for_account(account).values_list("id", "last_used_at")
    assert dict(rows)[second] == now + timedelta(days=2)
    assert dict(rows)[first] == now
