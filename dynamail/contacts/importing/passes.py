"""A pass over an uploaded file: what every import does the same way, whatever its rows are.

Each block is one short transaction inside `account_scope`, and moves the import's `position` from where this run found it: two
runs of one import cannot both succeed, and a run that was killed goes on after its last committed block.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext as _

from dynamail.accounts.audit import record_audit
from dynamail.accounts.background import (
    WorkCanceled,
    fail_work,
    finish_work,
    mark_canceled,
    report_progress,
    start_work,
)
from dynamail.accounts.tenancy import account_scope
from dynamail.contacts.importing.blocks import Block, iter_blocks
from dynamail.contacts.importing.counting import Counts
from dynamail.contacts.importing.problems import ImportProblem
from dynamail.contacts.importing.sniffing import Shape, iter_rows
from dynamail.contacts.importing.uploads import find_upload
from dynamail.contacts.models import ContactImport, ImportReject
from dynamail.events.kinds import EventKind
from dynamail.events.log import record_event

State = ContactImport.State
Read = TypeVar("Read")

ROWS_PER_COLLECTION = 50_000  # objects that the collector waits for, instead of 700

log = logging.getLogger(__name__)


class Superseded(Exception):
    """Another run of the same import went ahead."""


@dataclass(frozen=True)
class Pass:
    """One way through the file: the state it runs in and ends in, where its counts go, and how it walks."""

    during: str
    after: str
    counts_name: str  # in ContactImport.counts
    dry: bool
    walk: Callable[[ContactImport, Pass, datetime], Counts]  # raises Superseded, WorkCanceled, ImportProblem
    noun: str = "contacts"  # of the audit log


def run_pass(row: ContactImport, way: Pass, now: datetime) -> None:
    """Claim the work, walk, and settle the states however it ends. Does nothing for work that is over or canceled."""
    work = row.work
    if work is None:
        return
    if not start_work(work, now=now):
        _settle_canceled(row, way, now)
        return
    try:
        counts = way.walk(row, way, now)
    except Superseded:
        return
    except (OperationalError, InterfaceError):
        raise  # the database went away: the task is tried again, and goes on after the last committed block
    except WorkCanceled:
        _end(row, way, State.CANCELED, now)
        mark_canceled(work, now=now)
        return
    except ImportProblem as problem:
        _end(row, way, State.FAILED, now, problem=str(problem))
        fail_work(work, now=now, message=str(problem))
        return
    except Exception:
        log.exception("import %s failed", row.public_id)
        message = _(
            "The import stopped because of an error in this service. What was imported before it stays."
        )
        _end(row, way, State.FAILED, now, problem=message)
        fail_work(work, now=now, message=message)
        raise
    result: dict[str, Any] = {**counts.to_json()}
    with account_scope(
        row.account_id
    ):  # both or neither: what is killed in between would look as if it still ran
        _end(row, way, way.after, now)
        finish_work(work, now=now, **result)


def _settle_canceled(row: ContactImport, way: Pass, now: datetime) -> None:
    """Somebody canceled a run that was killed, before it came back: nothing is left to stop but the states."""
    work = row.work
    if work is not None and work.cancel_requested_at is not None:
        _end(row, way, State.CANCELED, now)
        if not work.is_over:
            mark_canceled(work, now=now)


@contextmanager
def read_ahead(row: ContactImport, parse: Callable[[Block], Read]) -> Iterator[Iterator[Read]]:
    """The file as parsed blocks: while PostgreSQL takes one, a thread reads the next. The thread never asks the database."""
    blocks = _iter_file(row)

    def parse_next() -> Read | None:
        block = next(blocks, None)
        return parse(block) if block is not None else None

    def take(thread: ThreadPoolExecutor) -> Iterator[Read]:
        coming = thread.submit(parse_next)
        while (parsed := coming.result()) is not None:
            coming = thread.submit(parse_next)
            yield parsed

    # Rows come and go by the million and none of them in a circle: the collector need not look at the whole application each time,
    # nor after every few hundred rows.
    gc.freeze()
    thresholds = gc.get_threshold()
    gc.set_threshold(ROWS_PER_COLLECTION, *thresholds[1:])
    try:
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="import-reader") as thread:
            yield take(thread)
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
        blocks.close()


def _iter_file(row: ContactImport) -> Generator[Block, None, None]:
    shape = Shape(row.format, row.encoding, row.separator, bool(row.options.get("has_header", True)))
    return iter_blocks(iter_rows(find_upload(row), shape))


def report(row: ContactImport, counts: Counts) -> None:
    """Tell whoever watches how far it is. Raises WorkCanceled."""
    total = row.row_count or None
    report_progress(row.work, done=counts.rows, total=total)  # type: ignore[arg-type]


def begin_pass(row: ContactImport, way: Pass) -> tuple[int, Counts]:
    """Where to start: after the last committed block, or at the first with a clean slate."""
    fresh = ContactImport.objects.for_account(row.account_id).get(pk=row.pk)
    if fresh.state != way.during:
        raise Superseded
    if fresh.position:
        return fresh.position, Counts.from_json(fresh.counts.get(way.counts_name))
    ImportReject.objects.for_account(row.account_id).filter(import_id=row.pk).delete()
    return 0, Counts()


def advance(row: ContactImport, way: Pass, before: int, position: int, counts: Counts) -> None:
    """Move on from where this run stood; a run that lost its place rolls its block back."""
    row.counts = {**row.counts, way.counts_name: counts.to_json()}
    moved = (
        ContactImport.objects.for_account(row.account_id)
        .filter(pk=row.pk, state=way.during, position=before)
        .update(position=position, counts=row.counts)
    )
    if not moved:
        raise Superseded


def _end(row: ContactImport, way: Pass, state: str, now: datetime, *, problem: str = "") -> None:
    with account_scope(row.account_id):
        rows = ContactImport.objects.for_account(row.account_id).filter(pk=row.pk, state=way.during)
        counts = Counts.from_json(row.counts.get(way.counts_name))
        if way.dry and state == State.CANCELED:
            state = State.UPLOADED  # nothing happened yet: the member decides anew
        values: dict[str, Any] = {
            "state": state,
            "problem": problem[:500],
            "finished_at": None if way.dry else now,
        }
        if way.dry:
            values |= {"position": 0, "row_count": counts.rows}
        if rows.update(**values) and not way.dry:
            action = f"{way.noun}.import_{state}"
            record_audit(row.account_id, by=row.created_by, action=action, subject=row, **counts.to_json())
            _tell(row, way, state, counts, now)


def _tell(row: ContactImport, way: Pass, state: str, counts: Counts, now: datetime) -> None:
    """One event for all who came in, also when the import stopped half-way: new people have none of their own."""
    if way.noun == ContactImport.Subject.CONTACTS and counts.people:
        data = {"state": str(state), **counts.to_json()}
        record_event(
            row.account_id,
            EventKind.CONTACTS_IMPORTED,
            source_kind="import",
            source_id=row.uid,
            data=data,
            now=now,
        )
