"""Addresses from which files are fetched: what a member decides about them."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.conf import settings
from django.db import transaction
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from dynamail.accounts.audit import Actor, record_audit
from dynamail.accounts.models import User
from dynamail.accounts.tenancy import account_scope
from dynamail.contacts.fetching.places import Place, Secret
from dynamail.contacts.models import ContactImport, ImportSource
from dynamail.lib.sealing import CannotOpen, seal, unseal
from dynamail.lib.signing import derive_key

INTERVALS = (1, 2, 4, 6, 12, 24, 48, 168)  # hours


@dataclass(frozen=True)
class SourceSettings:
    """What a member types. An empty secret keeps the stored one."""

    name: str
    kind: str
    address: str
    path: str = ""
    username: str = ""
    secret: Secret = field(default_factory=Secret)
    every_hours: int = 24


@transaction.atomic
def create_source(account_id: int, entered: SourceSettings, *, by: User, now: datetime) -> ImportSource:
    """A source that is not scheduled yet; its first file is fetched at once and waits for a mapping.

    Of an SFTP server the key is asked for at first; files come when a member has accepted it.
    """
    source: ImportSource = ImportSource.objects.add(
        account_id,
        name=entered.name,
        kind=entered.kind,
        address=entered.address,
        path=entered.path,
        username=entered.username,
        every_hours=entered.every_hours,
        is_enabled=False,
        created_by=by,
    )
    _seal(source, entered.secret)
    record_audit(account_id, by=by, action="import_source.added", subject=source, address=entered.address)
    start_fetch(source, first=True)
    return source


@transaction.atomic
def change_source(source: ImportSource, entered: SourceSettings, *, by: User, now: datetime) -> None:
    """Save what was typed. Another server forgets the pinned key and the files seen; its secret must be typed anew."""
    values: dict[str, Any] = {
        "name": entered.name,
        "address": entered.address,
        "path": entered.path,
        "username": entered.username,
        "every_hours": entered.every_hours,
        "problem": "",
        "failures": 0,
    }
    if is_elsewhere(source, entered):
        values |= {"host_key": "", "shown_key": "", "seen": {}}
    if source.is_enabled:
        values["next_run_at"] = now
    rows_of(source).update(**values)
    if entered.secret:
        _seal(source, entered.secret)
    record_audit(
        source.account_id, by=by, action="import_source.changed", subject=source, address=entered.address
    )
    source.refresh_from_db()


def is_elsewhere(source: ImportSource, entered: SourceSettings) -> bool:
    """Whether the secret would go to another server or another user than the one it was given for."""
    before = make_place(source, with_secret=False)
    after = Place(entered.kind, entered.address, username=entered.username)
    if source.kind == ImportSource.Kind.URL:
        return (source.address, source.username) != (entered.address, entered.username)
    return (before.host, before.port, before.username) != (after.host, after.port, after.username)


@transaction.atomic
def pause_source(source: ImportSource, *, by: User) -> None:
    if rows_of(source).filter(is_enabled=True).update(is_enabled=False, next_run_at=None):
        record_audit(source.account_id, by=by, action="import_source.paused", subject=source)


@transaction.atomic
def resume_source(source: ImportSource, *, by: User, now: datetime) -> bool:
    """Due at once. False for a source whose first file has not been mapped yet."""
    resumed = (
        rows_of(source)
        .filter(is_enabled=False)
        .exclude(mapping={})
        .update(is_enabled=True, next_run_at=now, failures=0, problem="")
    )
    if resumed:
        record_audit(source.account_id, by=by, action="import_source.resumed", subject=source)
    return bool(resumed)


@transaction.atomic
def fetch_first_file(source: ImportSource) -> None:
    """Fetch a file for a member to map, whatever was seen before. Until it is mapped and started nothing changes."""
    rows_of(source).update(problem="", last_run_at=None)
    start_fetch(source, first=True)


def is_being_fetched(source: ImportSource) -> bool:
    """Whether a first file was asked for and is not there yet."""
    return source.last_run_at is None and not source.problem


def note_shown_key(source: ImportSource, key: str) -> None:
    """The server shows this key; it gets no credential before a member accepts it."""
    shown = key if key != source.host_key else ""
    with account_scope(source.account_id):
        rows_of(source).filter(host_key=source.host_key).update(shown_key=shown)


@transaction.atomic
def accept_new_key(source: ImportSource, key: str, *, by: User) -> bool:
    """Trust the key that the member looked at, and fetch. False when the server has shown another one since."""
    row = rows_of(source)
    values: dict[str, Any] = {"host_key": key, "shown_key": "", "problem": "", "failures": 0}
    if not key or not row.filter(shown_key=key).update(**values):
        return False
    record_audit(
        source.account_id,
        by=by,
        action="import_source.key_accepted",
        subject=source,
        was_known=bool(source.host_key),
    )
    if source.mapping:
        start_fetch(source)
    else:
        fetch_first_file(source)
    return True


@transaction.atomic
def remove_source(source: ImportSource, *, by: User) -> None:
    """Its imports stay as they are."""
    record_audit(
        source.account_id, by=by, action="import_source.removed", subject=source, address=source.address
    )
    source.delete()


def adopt_decisions(source: ImportSource, row: ContactImport, *, by: Actor, now: datetime) -> None:
    """Later files are taken as this one was, on schedule."""
    rows_of(source).update(
        mapping={"columns": row.columns, "targets": row.mapping},
        options=row.options,
        is_enabled=True,
        next_run_at=now + timedelta(hours=source.every_hours),
        failures=0,
        problem="",
    )
    record_audit(
        source.account_id, by=by, action="import_source.scheduled", subject=source, hours=source.every_hours
    )


def start_fetch(source: ImportSource, *, first: bool = False) -> None:
    """Fetch in the background, now; nothing happens when a fetch waits already. `first`: for a mapping, whatever was seen."""
    lock = f"import source {source.pk}"
    job = app.configure_task("contacts.fetch_source", lock=lock, queueing_lock=lock)
    with suppress(AlreadyEnqueued), transaction.atomic():
        job.defer(account_id=source.account_id, source_id=source.pk, first=first)


def make_place(source: ImportSource, *, with_secret: bool = True) -> Place:
    """Raises CannotOpen."""
    secret = _unseal(source) if with_secret else Secret()
    return Place(source.kind, source.address, source.path, source.username, secret, source.host_key)


def list_sources(account_id: int) -> list[ImportSource]:
    return list(
        ImportSource.objects.for_account(account_id).select_related("last_import").order_by("name", "pk")
    )


def list_imports_of(source: ImportSource, *, limit: int = 50) -> list[ContactImport]:
    """Newest first."""
    rows = ContactImport.objects.for_account(source.account_id).filter(import_source=source)
    return list(rows.select_related("work").order_by("-created_at", "-pk")[:limit])


def rows_of(source: ImportSource) -> Any:
    return ImportSource.objects.for_account(source.account_id).filter(pk=source.pk)


def _seal(source: ImportSource, secret: Secret) -> None:
    if secret:
        text = json.dumps({"password": secret.password, "private_key": secret.private_key})
        rows_of(source).update(secret_sealed=seal(_key(), text, place=_seal_place(source)))


def _unseal(source: ImportSource) -> Secret:
    sealed = bytes(source.secret_sealed)
    if not sealed:
        return Secret()
    try:
        return Secret(**json.loads(unseal(_key(), sealed, place=_seal_place(source))))
    except (TypeError, ValueError) as error:
        raise CannotOpen(str(error)) from None


@cache
def _key() -> bytes:
    return derive_key(settings.SECRET_KEY, "sealed import sources")


def _seal_place(source: ImportSource) -> str:
    return f"{source.account_id}/import_source/{source.pk}/secret_sealed"
