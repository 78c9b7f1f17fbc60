"""A file at a web address: asked for only if it changed (RFC 9110 §13.1), compared by its content where the server does not say."""

from __future__ import annotations

import base64
import hashlib
import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.utils.translation import gettext as _

from dynamail.contacts.fetching.places import Fetched, Place, Visit, make_bounds, make_rules
from dynamail.contacts.fetching.problems import FetchProblem, explain_egress
from dynamail.lib.egress import Answer, EgressError, open_url

NOT_MODIFIED = 304
_FILE_NAME = re.compile(r"filename\*?=(?:UTF-8'')?\"?([^\";]+)", re.I)


def visit_url(place: Place, seen: Mapping[str, Any], folder: Path) -> Visit:
    """The file if it is another one than the one seen last, stored in `folder`. Raises FetchProblem."""
    try:
        with open_url(
            place.address, rules=make_rules(), bounds=make_bounds(), headers=_make_headers(place, seen)
        ) as answer:
            if answer.status == NOT_MODIFIED:
                return Visit()
            _check_status(answer.status)
            digest = _store(answer, folder / "file")
    except EgressError as error:
        raise explain_egress(error) from None
    if digest == seen.get("sha256"):
        return Visit()
    remembered = {
        "sha256": digest,
        "etag": answer.headers.get("etag", "")[:500],
        "last_modified": answer.headers.get("last-modified", "")[:100],
    }
    return Visit((Fetched(folder / "file", _find_name(answer), remembered),))


def _make_headers(place: Place, seen: Mapping[str, Any]) -> dict[str, str]:
    headers = {}
    if place.username:
        pair = f"{place.username}:{place.secret.password}".encode()
        headers["authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    elif place.secret.password:
        headers["authorization"] = f"Bearer {place.secret.password}"
    if seen.get("etag"):
        headers["if-none-match"] = seen["etag"]
    elif seen.get("last_modified"):
        headers["if-modified-since"] = seen["last_modified"]
    return headers


def _check_status(status: int) -> None:
    if status in (401, 403):
        text = _("The server refuses access (%(status)s). Check user name and password.")
        raise FetchProblem("access", text % {"status": status})
    if status in (404, 410):
        text = _("There is no file at this address (%(status)s).")
        raise FetchProblem("no_file", text % {"status": status})
    if status != 200:
        text = _("The server answered with %(status)s instead of a file.")
        raise FetchProblem("status", text % {"status": status})


def _store(answer: Answer, path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for chunk in answer.chunks:
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def _find_name(answer: Answer) -> str:
    named = _FILE_NAME.search(answer.headers.get("content-disposition", ""))
    parts = urlsplit(answer.url)
    name = named[1] if named else posixpath.basename(parts.path)
    return unquote(name).strip() or parts.hostname or "file"
