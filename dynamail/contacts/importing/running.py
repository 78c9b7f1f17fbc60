"""The dry run and the run. Both read the whole file in the same blocks and differ in what they do with a block.

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
from typing import Any

from django.db import InterfaceError, OperationalError, connections
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
from dynamail.accounts.models import Account
from dynamail.accounts.tenancy import account_scope
from dynamail.accounts.zones import find_zone
from dynamail.consent.proof import Proof
from dynamail.contacts.importing.blocks import Block, Parsed, iter_blocks, parse_block
from dynamail.contacts.importing.counting import Counts
from dynamail.contacts.importing.people import RowReader
from dynamail.contacts.importing.problems import ImportProblem, RowProblem
from dynamail.contacts.importing.seen import SeenAddresses
from dynamail.contacts.importing.sniffing import Shape, iter_rows
from dynamail.contacts.importing.staging import Target, compare_people, put_people, put_rejects
from dynamail.contacts.importing.statement import Merging, Options
from dynamail.contacts.importing.tag_book import TagBook
from dynamail.contacts.importing.uploads import find_upload
from dynamail.contacts.models import Attribute, ContactImport, ImportReject

State = ContactImport.State
PutBlock = Callable[[Any, Parsed, Target], Counts]

log = logging.getLogger(__name__)


class Superseded(Exception):
    """Another run of the same import went ahead."""


@dataclass(frozen=True)
class Pass:
    """One way through the file: the state it runs in and ends in, where its counts go, and what it does with a block."""

    during: str
    after: str
    counts_name: str  # in ContactImport.counts
    dry: bool
    put_block: PutBlock


def check_import(row: ContactImport, *, now: datetime) -> None:
    """The dry run: exact counts and the rejected rows, no contact is touched."""
    _run_pass(row, Pass(State.CHECKING, State.CHECKED, "checked", dry=True, put_block=_compare_block), now)


def run_import(row: ContactImport, *, now: datetime) -> None:
    """Take the file in. Running it again after a crash goes on where it was; when it is over nothing happens."""
    _run_pass(row, Pass(State.RUNNING, State.FINISHED, "imported", dry=False, put_block=_put_block), now)


def _run_pass(row: ContactImport, way: Pass, now: datetime) -> None:
    work = row.work
    if work is None:
        return
    if not start_work(work, now=now):
        _settle_canceled(row, way, now)
        return
    try:
        counts = _walk_file(row, way, now)
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
    _end(row, way, way.after, now)
    result: dict[str, Any] = {**counts.to_json()}
    finish_work(work, now=now, **result)


def _settle_canceled(row: ContactImport, way: Pass, now: datetime) -> None:
    """Somebody canceled a run that was killed, before it came back: nothing is left to stop but the states."""
    work = row.work
    if work is not None and work.cancel_requested_at is not None:
        _end(row, way, State.CANCELED, now)
        if not work.is_over:
            mark_canceled(work, now=now)


def _walk_file(row: ContactImport, way: Pass, now: datetime) -> Counts:
    options = Options.from_json(row.options)
    with account_scope(row.account_id):
        book = TagBook(row.account_id)
        reader = _make_reader(row, options, book)
        target = _make_target(row, options, now)
        position, counts = _begin(row, way)
    with _read_ahead(row, options, reader, file_wins=target.file_wins) as parsed_blocks:
        for parsed in parsed_blocks:
            if parsed.end <= position:  # committed by an earlier run: only to be remembered
                continue
            with account_scope(row.account_id):
                if not way.dry:
                    book.settle((*parsed.people, *parsed.later))
                with connections["default"].cursor() as cursor:
                    counts += way.put_block(cursor, parsed, target)
                    put_rejects(cursor, row.account_id, row.pk, parsed.rejects)
                _advance(row, way, position, parsed.end, counts)
            position = parsed.end
            _report(row, counts)
    return counts


@contextmanager
def _read_ahead(
    row: ContactImport, options: Options, reader: RowReader, *, file_wins: bool
) -> Iterator[Iterator[Parsed]]:
    """The file as parsed blocks: while PostgreSQL takes one, a thread reads the next. The thread never asks the database."""
    seen = SeenAddresses()
    blocks = _iter_file(row, options)

    def parse_next() -> Parsed | None:
        block = next(blocks, None)
        return parse_block(block, reader, seen, file_wins=file_wins) if block is not None else None

    def take(thread: ThreadPoolExecutor) -> Iterator[Parsed]:
        coming = thread.submit(parse_next)
        while (parsed := coming.result()) is not None:
            coming = thread.submit(parse_next)
            yield parsed

    gc.freeze()  # rows come and go by the million: the collector need not look at the whole application each time
    try:
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="import-reader") as thread:
            yield take(thread)
    finally:
        gc.unfreeze()
        blocks.close()
        seen.close()


def _report(row: ContactImport, counts: Counts) -> None:
    total = row.row_count or None
    report_progress(row.work, done=counts.rows, total=total)  # type: ignore[arg-type]


def _compare_block(cursor: Any, parsed: Parsed, target: Target) -> Counts:
    counts = compare_people(cursor, parsed.people, target)
    return counts + Counts(duplicate=parsed.duplicates, invalid=len(parsed.rejects))


def _put_block(cursor: Any, parsed: Parsed, target: Target) -> Counts:
    counts = put_people(cursor, parsed.people, target)
    if parsed.later:
        put_people(cursor, parsed.later, target)  # counted when they were met first
    return counts + Counts(duplicate=parsed.duplicates, invalid=len(parsed.rejects))


def _iter_file(row: ContactImport, options: Options) -> Generator[Block, None, None]:
    shape = Shape(row.format, row.encoding, row.separator, options.has_header)
    return iter_blocks(iter_rows(find_upload(row), shape))


def _make_reader(row: ContactImport, options: Options, book: TagBook) -> RowReader:
    attributes = {attribute.pk: attribute for attribute in Attribute.objects.for_account(row.account_id)}
    try:
        tag_ids = [book.find(name) for name in options.tags]
    except RowProblem as problem:
        raise ImportProblem(problem.code, str(problem)) from None
    account = Account.objects.get(pk=row.account_id)
    return RowReader(
        row.mapping,
        row.columns,
        attributes,
        find_tag=book.find,
        tag_ids=tag_ids,
        zone=find_zone(account.timezone),
    )


def _make_target(row: ContactImport, options: Options, now: datetime) -> Target:
    statement = options.statement
    proof = None
    if statement is not None:
        proof = Proof(
            method="import",
            basis=statement.basis,
            text=statement.text,
            since=statement.since,
            actor=str(row.created_by) if row.created_by else "",
            source_kind="import",
            source_id=row.public_id,
            evidence={"file": row.file_name, "sha256": row.file_sha256},
        )
    return Target(
        account_id=row.account_id,
        import_id=row.public_id,
        import_uid=row.uid,
        label=row.file_name[:200],
        file_wins=options.merging == Merging.FILE_WINS,
        topic_id=statement.topic_id if statement else None,
        proof=proof,
        now=now,
    )


def _begin(row: ContactImport, way: Pass) -> tuple[int, Counts]:
    """Where to start: after the last committed block, or at the first with a clean slate."""
    fresh = ContactImport.objects.for_account(row.account_id).get(pk=row.pk)
    if fresh.state != way.during:
        raise Superseded
    if fresh.position:
        return fresh.position, Counts.from_json(fresh.counts.get(way.counts_name))
    ImportReject.objects.for_account(row.account_id).filter(import_id=row.pk).delete()
    return 0, Counts()


def _advance(row: ContactImport, way: Pass, before: int, position: int, counts: Counts) -> None:
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
        rows.update(**values)
        if not way.dry:
            record_audit(
                row.account_id,
                by=row.created_by,
                action=f"contacts.import_{state}",
                subject=row,
                **counts.to_json(),
            )
