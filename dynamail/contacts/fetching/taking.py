"""A fetched file becomes an import: the first one waits for a mapping, each later one goes the same way by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from dynamail.accounts.models import User
from dynamail.contacts.fetching.places import Fetched
from dynamail.contacts.fetching.problems import FetchProblem
from dynamail.contacts.fetching.refusing import retry_refused
from dynamail.contacts.fetching.sources import adopt_decisions
from dynamail.contacts.importing.mapping import IGNORE, fold
from dynamail.contacts.importing.problems import ImportProblem
from dynamail.contacts.importing.statement import Options
from dynamail.contacts.importing.steps import start_fetched_import, start_import, upload_file
from dynamail.contacts.importing.uploads import remove_upload
from dynamail.contacts.models import ContactImport, ImportSource

PIECE = 2**20  # bytes
# What no other file of the source would mend: the mapping itself does not fit the account any more, or our own disk.
OF_THE_SOURCE = frozenset(
    {"mapping", "no_email", "twice", "two_names", "file_gone", "not_checked", "under_way"}
)


@transaction.atomic
def take_file(source: ImportSource, fetched: Fetched, *, now: datetime) -> ContactImport:
    """Make an import of the file, and start it if the source's files are mapped. Raises FetchProblem; then nothing is kept."""
    try:
        row = _upload(source, fetched, now)
        if source.mapping:
            _start(source, row, now)
    except ImportProblem as problem:
        is_of_file = problem.code not in OF_THE_SOURCE
        raise FetchProblem(problem.code, f"{fetched.name}: {problem}", is_of_file=is_of_file) from None
    return row


@transaction.atomic
def start_first_import(row: ContactImport, *, by: User, now: datetime) -> None:
    """Start an import that a member mapped and checked; its source goes on with the same decisions. Raises ImportProblem, CatalogError."""
    start_import(row, by=by, now=now)
    if row.import_source is not None:
        retry_refused(row.import_source)
        adopt_decisions(row.import_source, row, by=by, now=now)


def _upload(source: ImportSource, fetched: Fetched, now: datetime) -> ContactImport:
    return upload_file(
        source.account_id,
        _iter_pieces(fetched.path),
        file_name=fetched.name,
        by=source.created_by,
        now=now,
        import_source=source,
        has_header=Options.from_json(source.options).has_header if source.mapping else None,
    )


def _start(source: ImportSource, row: ContactImport, now: datetime) -> None:
    try:
        row.mapping = match_columns(source.mapping, row.columns)
        lock = f"imports of source {source.pk}"  # one after the other: the newest file has the last word
        start_fetched_import(row, Options.from_json(source.options), lock=lock, now=now)
    except ImportProblem:
        remove_upload(row)
        raise


def match_columns(mapping: Mapping[str, Any], columns: Sequence[str]) -> list[str]:
    """The saved mapping for these columns, found by their names. New columns are left out. Raises ImportProblem."""
    saved = zip(mapping["columns"], mapping["targets"], strict=True)
    wanted = {fold(name): (name, target) for name, target in saved if target != IGNORE}
    names = [fold(name) for name in columns]
    missing = [name for folded, (name, _target) in wanted.items() if folded not in names]
    if missing:
        text = _("The file has no column named %(columns)s. Nothing was imported.")
        raise ImportProblem("columns", text % {"columns": ", ".join(f"“{name}”" for name in missing[:10])})
    twice = [name for folded, (name, _target) in wanted.items() if names.count(folded) > 1]
    if twice:
        text = _("The file has several columns named %(columns)s. Nothing was imported.")
        raise ImportProblem("columns", text % {"columns": ", ".join(f"“{name}”" for name in twice[:10])})
    return [wanted[name][1] if name in wanted else IGNORE for name in names]


def _iter_pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece
