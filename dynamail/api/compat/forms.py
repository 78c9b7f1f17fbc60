"""Forms: `multipart/form-data` and `application/x-www-form-urlencoded`, bounded by the size that the route allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from litestar.datastructures import UploadFile

from dynamail.api.auth import ApiRequest
from dynamail.api.errors import Problem


@dataclass(frozen=True, slots=True)
class FormFile:
    filename: str
    content_type: str
    content: bytes


@dataclass(frozen=True)
class Form:
    """What a form says, each name with its values in order."""

    texts: Mapping[str, list[str]] = field(default_factory=dict)
    files: Mapping[str, list[FormFile]] = field(default_factory=dict)

    def one(self, name: str) -> str:
        """The last value of a name; "" without any."""
        return self.texts.get(name, [""])[-1]

    def starting(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Names that begin so, without the beginning, with each of their values."""
        for name, values in self.texts.items():
            if name.lower().startswith(prefix):
                yield from ((name[len(prefix) :], value) for value in values)


async def read_form(request: ApiRequest) -> Form:
    """Raises Problem (400, 413, 415)."""
    if request.content_type[0] not in ("multipart/form-data", "application/x-www-form-urlencoded"):
        text = "Send the request as multipart/form-data or application/x-www-form-urlencoded."
        raise Problem(415, "unsupported_media_type", text)
    await request.body()  # kept for those who ask for it later: a form is read from it then
    try:
        said = await request.form()
    except (UnicodeError, LookupError):  # of a charset that is none, or is not the one of the text
        raise Problem(400, "bad_request", "The form is not in UTF-8.") from None
    texts: dict[str, list[str]] = {}
    files: dict[str, list[FormFile]] = {}
    try:
        for name, value in said.multi_items():
            if isinstance(value, UploadFile):
                files.setdefault(name, []).append(await _read_file(value))
            else:
                texts.setdefault(name, []).append(str(value))
    finally:
        await said.close()
    return Form(texts, files)


async def _read_file(upload: UploadFile) -> FormFile:
    return FormFile(upload.filename, upload.content_type or "", await upload.read())
