"""Files of the account: kept, listed, fetched, deleted. `docs/api/media.md`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from urllib.parse import quote

import msgspec
from litestar import Response, delete, get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath

from dynamail.accounts.api_keys import Scope
from dynamail.api.answering import answer, get_row
from dynamail.api.auth import ApiRequest, Caller, in_account
from dynamail.api.describing import described
from dynamail.api.errors import FieldError, Problem
from dynamail.api.paging import Listed, Page, list_page, read_after
from dynamail.api.reading import read_query, refuse, refuse_encoding
from dynamail.content.media import MAX_MEDIA_BYTES, MediaRefused, delete_media, keep_media, read_media
from dynamail.content.models import Media

PATH = "/api/v1/media"
ONE = f"{PATH}/{{media:str}}"
PARTS = 64 * 2**10  # octets that a multipart body has besides its file


class UploadQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    filename: Annotated[
        str, msgspec.Meta(max_length=1_000, description="Of a body that is the file itself.")
    ] = ""


class MediaBody(msgspec.Struct, frozen=True):
    id: str
    filename: str
    content_type: str
    size: int
    created_at: datetime


@post(
    PATH,
    request_max_body_size=MAX_MEDIA_BYTES + PARTS,
    **described(
        "Keep a file",
        scope=Scope.WRITE_TEMPLATES,
        query=UploadQuery,
        answers={201: MediaBody},
        body=bytes,
        body_media_type="application/octet-stream",
    ),
)
async def upload(request: ApiRequest) -> Response[MediaBody]:
    """The file itself with `Content-Type` and `?filename=`, or `multipart/form-data` with one file named `file`. Up to 25 MB."""
    query = read_query(request, UploadQuery)
    refuse_encoding(request)
    filename, content_type, data = await _read_file(request, query.filename)

    def keep(caller: Caller) -> MediaBody:
        try:
            row = keep_media(
                caller.account_id,
                filename=filename,
                content_type=content_type,
                data=data,
                by=caller.key,
                now=caller.now,
            )
        except MediaRefused as error:
            if error.code == "too_large":
                raise Problem(413, "too_large", str(error)) from None
            raise refuse(FieldError(error.field, str(error))) from None
        return _describe(row)

    return answer(await in_account(request, keep), status=201)


@get(
    PATH,
    **described("List files", scope=Scope.READ_TEMPLATES, query=Page, answers={200: Listed[MediaBody]}),
)
async def list_(request: ApiRequest) -> Response[Listed[MediaBody]]:
    """The newest first."""
    page = read_query(request, Page)
    before = read_after(page, Media.public_prefix)

    def find(caller: Caller) -> Listed[MediaBody]:
        rows = Media.objects.for_account(caller.account_id).order_by("-uid")
        if before is not None:
            rows = rows.filter(uid__lt=before)
        return list_page(list(rows[: page.limit + 1]), page.limit, _describe, lambda row: row.public_id)

    return answer(await in_account(request, find))


@get(
    ONE,
    **described(
        "Read about a file",
        scope=Scope.READ_TEMPLATES,
        answers={200: MediaBody},
        statuses=(404,),
        ids={"media": "med"},
    ),
)
async def get_(request: ApiRequest, media: FromPath[str]) -> Response[MediaBody]:
    return answer(await in_account(request, lambda caller: _describe(get_row(caller, Media, media))))


@get(
    f"{ONE}/content",
    **described(
        "Fetch a file",
        scope=Scope.READ_TEMPLATES,
        answers={200: bytes},
        media_type="application/octet-stream",
        statuses=(404,),
        ids={"media": "med"},
    ),
)
async def download(request: ApiRequest, media: FromPath[str]) -> Response[bytes]:
    """The octets as they were sent, as an attachment."""

    def read(caller: Caller) -> tuple[Media, bytes]:
        row = get_row(caller, Media, media)
        try:
            return row, read_media(row)
        except LookupError:
            raise Problem(404, "not_found", "The octets of this file are gone.") from None

    row, data = await in_account(request, read)
    headers = {
        "cache-control": "private, no-store",
        "content-disposition": f"attachment; filename*=UTF-8''{quote(row.filename, safe='')}",
        "content-security-policy": "sandbox; default-src 'none'",
        "x-content-type-options": "nosniff",
    }
    return Response(data, media_type=row.content_type, headers=headers)


@delete(
    ONE,
    **described(
        "Delete a file",
        scope=Scope.WRITE_TEMPLATES,
        answers={204: None},
        statuses=(404,),
        ids={"media": "med"},
    ),
)
async def remove(request: ApiRequest, media: FromPath[str]) -> None:
    """Messages that carry it keep it."""
    await in_account(
        request,
        lambda caller: delete_media(get_row(caller, Media, media), by=caller.key, now=caller.now),
    )


HANDLERS = [upload, list_, get_, download, remove]


async def _read_file(request: ApiRequest, filename: str) -> tuple[str, str, bytes]:
    """Name, type and octets. Raises Problem (413, 422)."""
    kind = request.headers.get("content-type", "")
    if not kind.lower().startswith("multipart/form-data"):
        return filename, kind, await request.body()
    form = await request.form()
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise refuse(FieldError("file", "is missing: send one file in the part “file”"))
    return filename or file.filename, file.content_type, await file.read()


def _describe(row: Media) -> MediaBody:
    return MediaBody(row.public_id, row.filename, row.content_type, row.size_bytes, row.created_at)
