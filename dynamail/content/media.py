"""Files that an account keeps: attached to messages by their id, fetched by its programs."""

from __future__ import annotations

import mimetypes
import re
from datetime import datetime

from django.db import connections, transaction
from django.utils.translation import gettext as _

from dynamail.accounts.audit import Actor, record_audit
from dynamail.content.blobs import keep_blobs, read_blob
from dynamail.content.models import Media
from dynamail.lib.asking import run_inquiry
from dynamail.lib.ids import UnknownId, new_id

MAX_MEDIA_BYTES = 25 * 2**20
MAX_FILENAME = 255
ANY_TYPE = "application/octet-stream"
_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}")  # RFC 6838 §4.2


class MediaRefused(ValueError):
    """The file cannot be kept; the text says why. `field` is filename, content_type or data; `code` is stable."""

    def __init__(self, code: str, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code, self.field = code, field


@transaction.atomic
def keep_media(
    account_id: int, *, filename: str, content_type: str = "", data: bytes, by: Actor, now: datetime
) -> Media:
    """Keep a file; the same octets are stored once. Without a type the name tells it. Raises MediaRefused."""
    filename = _clean_filename(filename)
    content_type = _clean_type(content_type, filename)
    _refuse_size(len(data))
    with connections["default"].cursor() as cursor:
        (blob_id,) = run_inquiry(keep_blobs(account_id, [data], now=now), cursor)
    media = Media.objects.add(
        account_id,
        uid=new_id(now),
        created_at=now,
        filename=filename,
        content_type=content_type,
        size_bytes=len(data),
        blob_id=blob_id,
    )
    record_audit(account_id, by=by, action="media.added", subject=media, bytes=len(data))
    return media


def find_media(account_id: int, public_id: str) -> Media | None:
    try:
        uid = Media.uid_from(public_id)
    except UnknownId:
        return None
    return Media.objects.for_account(account_id).filter(uid=uid).first()


def read_media(media: Media) -> bytes:
    """The octets. Raises LookupError when they are gone."""
    data = read_blob(media.account_id, media.blob_id)
    if data is None:
        raise LookupError(media.public_id)
    return data


@transaction.atomic
def delete_media(media: Media, *, by: Actor, now: datetime) -> None:
    """Take a file out of the account's media. Messages that carry it keep it; its octets go with the last of them."""
    if Media.objects.for_account(media.account_id).filter(pk=media.pk).delete()[0]:
        record_audit(media.account_id, by=by, action="media.removed", subject=media)


def _clean_filename(filename: str) -> str:
    """The last part of a path, in one printable line."""
    name = re.split(r"[/\\]", filename)[-1]
    name = "".join(letter for letter in name if letter.isprintable()).strip(" .")
    if not name:
        raise MediaRefused("bad_filename", "filename", _("Give the file a name, for example “logo.png”."))
    if len(name) > MAX_FILENAME:
        sentence = _("The file's name has up to %(limit)d characters.") % {"limit": MAX_FILENAME}
        raise MediaRefused("bad_filename", "filename", sentence)
    return name


def _clean_type(content_type: str, filename: str) -> str:
    kind = content_type.partition(";")[0].strip().lower()
    if kind in ("", ANY_TYPE):
        kind = mimetypes.guess_type(filename, strict=False)[0] or ANY_TYPE
    if not _TYPE.fullmatch(kind):
        sentence = _("This is not a media type: “%(type)s”. Write it as “image/png”.") % {"type": kind[:60]}
        raise MediaRefused("bad_content_type", "content_type", sentence)
    return kind


def _refuse_size(size: int) -> None:
    if not size:
        raise MediaRefused("empty_file", "data", _("The file is empty."))
    if size > MAX_MEDIA_BYTES:
        sentence = _("The file is too large: a file has up to %(limit)d MB.") % {
            "limit": MAX_MEDIA_BYTES >> 20
        }
        raise MediaRefused("too_large", "data", sentence)
