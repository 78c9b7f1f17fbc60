"""When sources are looked at, and what follows from how it went."""

from __future__ import annotations

import logging
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from dynamail.accounts.audit import record_audit
from dynamail.accounts.tenancy import account_scope
from dynamail.contacts.fetching.places import MOST_FILES, Fetched, Place, Visit
from dynamail.contacts.fetching.problems import FetchProblem
from dynamail.contacts.fetching.refusing import forget_gone, refuse_file, seen_before_first, take_note
from dynamail.contacts.fetching.sftp_files import OTHER_KEY, ask_host_key, visit_folder
from dynamail.contacts.fetching.sources import make_place, note_shown_key, rows_of, start_fetch
from dynamail.contacts.fetching.taking import take_file
from dynamail.contacts.fetching.web_files import visit_url
from dynamail.contacts.models import ContactImport, ImportSource
from dynamail.lib.sealing import CannotOpen

FIRST_PAUSE = timedelta(minutes=15)  # after a failure; each further one pauses four times as long
LONGEST_PAUSE = timedelta(days=7)
TOLD_AFTER = 3  # failures in a row

log = logging.getLogger(__name__)


def start_due_sources(*, now: datetime) -> int:
    """Queue a fetch for each source whose time has come; whoever moves its time forward queues it. Returns how many."""
    due = ImportSource.objects.across_accounts(reason="every account's sources are looked at")
    started = 0
    for source in due.filter(is_enabled=True, next_run_at__lte=now):
        later = now + timedelta(hours=source.every_hours)
        with account_scope(source.account_id):
            moved = rows_of(source).filter(is_enabled=True, next_run_at=source.next_run_at)
            if moved.update(next_run_at=later):
                start_fetch(source)
                started += 1
    return started


def fetch_source(source: ImportSource, *, now: datetime, first: bool = False) -> list[ContactImport]:
    """Fetch what is new and import it. `first`: one file, whatever was seen, to be mapped by a member.

    Talks to the network: no transaction may be open. Problems end on the source, not here.
    """
    taken: list[ContactImport] = []
    with ExitStack() as held:
        if source.created_by is not None and source.created_by.language:
            held.enter_context(translation.override(source.created_by.language))
        try:
            folder = Path(held.enter_context(TemporaryDirectory(dir=_make_folder(source), prefix="fetch-")))
            if source.kind == ImportSource.Kind.SFTP and not source.host_key:
                note_shown_key(source, ask_host_key(make_place(source, with_secret=False)))
                _note_success(source, now=now)
                return taken
            place = make_place(source)
            seen = seen_before_first(source) if first else source.seen
            visit = _visit(place, seen, folder, limit=1 if first else MOST_FILES)
            if source.shown_key:
                note_shown_key(source, source.host_key)  # the accepted one is back
            for fetched in visit.files:
                row = _take_or_refuse(source, fetched, first=first, now=now)
                taken += [row] if row else []
            if place.kind == ImportSource.Kind.SFTP:
                forget_gone(source, visit.present)
        except FetchProblem as problem:
            if problem.code == OTHER_KEY:
                _look_at_other_key(source)
            _note_failure(source, str(problem), code=problem.code, now=now)
        except CannotOpen as error:
            _note_failure(source, str(error), code="secret", now=now)
        except Exception:
            log.exception("source %s failed", source.public_id)
            text = _("The file could not be taken because of an error in this service.")
            _note_failure(source, text, code="error", now=now)
            raise
        else:
            _note_success(source, is_empty=first and not taken, now=now)
    return taken


def _visit(place: Place, seen: dict[str, object], folder: Path, *, limit: int) -> Visit:
    if place.kind == ImportSource.Kind.SFTP:
        return visit_folder(place, seen, folder, limit=limit)
    return visit_url(place, seen, folder)


def _take_or_refuse(
    source: ImportSource, fetched: Fetched, *, first: bool, now: datetime
) -> ContactImport | None:
    """One file of a folder that cannot be taken does not stop those after it. None: it was refused. Raises FetchProblem."""
    try:
        if fetched.problem:
            raise fetched.problem
        return _take(source, fetched, first=first, now=now)
    except FetchProblem as problem:
        if source.kind != ImportSource.Kind.SFTP or not problem.is_of_file:
            raise
        refuse_file(source, fetched, problem, now=now)
        if first:
            raise
        return None


def _take(source: ImportSource, fetched: Fetched, *, first: bool, now: datetime) -> ContactImport:
    """The import and the note that this file was seen are one."""
    with account_scope(source.account_id):
        if first:
            source.mapping = {}
        row = take_file(source, fetched, now=now)
        source.seen = take_note(source, fetched)
        rows_of(source).update(seen=source.seen, last_import=row)
    return row


def _look_at_other_key(source: ImportSource) -> None:
    """Whoever decides whether to accept it shall see it. A server that is gone meanwhile shows nothing."""
    with suppress(FetchProblem):
        note_shown_key(source, ask_host_key(make_place(source, with_secret=False)))


def _note_success(source: ImportSource, *, is_empty: bool = False, now: datetime) -> None:
    problem = _("There is no file to begin with.") if is_empty else ""
    with account_scope(source.account_id):
        rows_of(source).update(last_run_at=now, failures=0, problem=problem)


def _note_failure(source: ImportSource, problem: str, *, code: str, now: datetime) -> None:
    failures = source.failures + 1
    pause = min(FIRST_PAUSE * 4 ** min(failures - 1, 8), LONGEST_PAUSE)
    with account_scope(source.account_id):
        rows_of(source).update(last_run_at=now, failures=min(failures, 1_000), problem=problem[:500])
        rows_of(source).filter(is_enabled=True).update(next_run_at=now + pause)
        if failures == TOLD_AFTER:
            record_audit(
                source.account_id, by=None, action="import_source.failing", subject=source, code=code
            )


def _make_folder(source: ImportSource) -> Path:
    folder = Path(settings.FILES_DIR, str(source.account_id), "imports")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder
