"""Files of a folder that could not be taken: remembered with the reason, so that they stop nobody and a changed one is tried again.

`ImportSource.seen` of a folder: "files" has the size and time of each file that was dealt with, "refused" those of them that were not
taken, each with "code", "reason" and "at".
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dynamail.accounts.audit import record_audit
from dynamail.accounts.tenancy import account_scope
from dynamail.contacts.fetching.places import Fetched
from dynamail.contacts.fetching.problems import FetchProblem
from dynamail.contacts.fetching.sources import rows_of
from dynamail.contacts.models import ImportSource

MOST_REASON = 500  # letters
MOST_REFUSED = 1_000  # that are remembered with their reason


@dataclass(frozen=True)
class RefusedFile:
    """Why a file of a folder was not taken, and when that was tried last."""

    name: str
    code: str
    reason: str
    at: datetime


def list_refused(source: ImportSource) -> list[RefusedFile]:
    """The latest first."""
    found = [
        RefusedFile(name, one["code"], one["reason"], datetime.fromisoformat(one["at"]))
        for name, one in source.seen.get("refused", {}).items()
    ]
    return sorted(found, key=lambda one: (one.at, one.name), reverse=True)


def refuse_file(source: ImportSource, fetched: Fetched, problem: FetchProblem, *, now: datetime) -> None:
    """Remember that this file, as it is now, is not taken, and why. The log is told once for each reason."""
    before = source.seen.get("refused", {}).get(fetched.name, {})
    entry = {"code": problem.code, "reason": str(problem)[:MOST_REASON], "at": now.isoformat()}
    seen = take_note(source, fetched)
    others = list(seen["refused"].items())[1 - MOST_REFUSED :]
    _keep_seen(source, {**seen, "refused": {**dict(others), fetched.name: entry}})
    with account_scope(source.account_id):
        if before.get("reason") != entry["reason"]:
            record_audit(
                source.account_id,
                by=None,
                action="import_source.file_refused",
                subject=source,
                file=fetched.name,
                code=problem.code,
            )


def take_note(source: ImportSource, fetched: Fetched) -> dict[str, Any]:
    """What is seen with this file dealt with; what was said against an earlier version of it does not count any more."""
    if source.kind != ImportSource.Kind.SFTP:
        return {**source.seen, **fetched.seen}
    files = {**source.seen.get("files", {}), **fetched.seen["files"]}
    refused = {name: one for name, one in source.seen.get("refused", {}).items() if name != fetched.name}
    return {**source.seen, "files": files, "refused": refused}


def forget_gone(source: ImportSource, present: Set[str]) -> None:
    """What is gone from the folder need neither be remembered nor told of."""
    kept = {
        part: {name: one for name, one in source.seen.get(part, {}).items() if name in present}
        for part in ("files", "refused")
    }
    _keep_seen(source, {**source.seen, **kept})


def retry_refused(source: ImportSource) -> None:
    """There is another mapping: what the earlier one refused comes again."""
    source.refresh_from_db(fields=["seen"])
    refused = source.seen.get("refused", {})
    files = {name: mark for name, mark in source.seen.get("files", {}).items() if name not in refused}
    _keep_seen(source, {**source.seen, "files": files, "refused": {}})


def _keep_seen(source: ImportSource, seen: dict[str, Any]) -> None:
    if seen != source.seen:
        source.seen = seen
        with account_scope(source.account_id):
            rows_of(source).update(seen=seen)


def seen_before_first(source: ImportSource) -> dict[str, Any]:
    """What is passed over when a file to map is looked for.

    Without a mapping: what was refused as it is now. With one: what was taken, if a file was refused for its columns, as that is
    the one to map; else nothing.
    """
    files, refused = source.seen.get("files", {}), source.seen.get("refused", {})
    if not source.mapping:
        return {"files": {name: mark for name, mark in files.items() if name in refused}}
    wanted = {name for name, one in refused.items() if one["code"] == "columns"}
    return {"files": {name: mark for name, mark in files.items() if name not in wanted}} if wanted else {}
