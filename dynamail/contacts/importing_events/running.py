"""The dry run and the run of an import of events. Both read the whole file; the dry run writes no event, contact or name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime
from functools import partial

from django.db import connections

from dynamail.accounts.models import Account
from dynamail.accounts.tenancy import account_scope
from dynamail.accounts.zones import find_zone
from dynamail.contacts.editing import Source
from dynamail.contacts.importing.blocks import Block, make_reject
from dynamail.contacts.importing.counting import Counts
from dynamail.contacts.importing.passes import Pass, advance, begin_pass, read_ahead, report, run_pass
from dynamail.contacts.importing.seen import SeenAddresses
from dynamail.contacts.importing.staging import put_rejects
from dynamail.contacts.importing_events.columns import EventOptions
from dynamail.contacts.importing_events.rows import EventReader, ParsedEvents, parse_block
from dynamail.contacts.models import ContactImport
from dynamail.contacts.own_events import NewOwnEvent, Result, check_own_events, record_own_events

State = ContactImport.State
Put = Callable[[ContactImport, Sequence[NewOwnEvent], datetime], list[Result]]
SOURCE_KIND = "import"


def check_event_import(row: ContactImport, *, now: datetime) -> None:
    """The dry run: exact counts and the rejected rows."""
    walk = partial(_walk_file, put=_look_at)
    run_pass(row, Pass(State.CHECKING, State.CHECKED, "checked", dry=True, walk=walk, noun="events"), now)


def run_event_import(row: ContactImport, *, now: datetime) -> None:
    """Take the file in. Running it again after a crash goes on where it was; when it is over nothing happens."""
    walk = partial(_walk_file, put=_record)
    run_pass(row, Pass(State.RUNNING, State.FINISHED, "imported", dry=False, walk=walk, noun="events"), now)


def _walk_file(row: ContactImport, way: Pass, now: datetime, *, put: Put) -> Counts:
    with account_scope(row.account_id):
        zone = find_zone(Account.objects.get(pk=row.account_id).timezone)
        position, counts = begin_pass(row, way)
    options = EventOptions.from_json(row.options)
    reader = EventReader(row.mapping, row.columns, options, file_hash=row.file_sha256, zone=zone)
    seen = SeenAddresses()

    def parse(block: Block) -> ParsedEvents:
        return parse_block(block, reader)

    with closing(seen), read_ahead(row, parse) as blocks:
        for parsed in blocks:
            if parsed.end <= position:  # committed by an earlier run
                continue
            with account_scope(row.account_id):
                counts += _put_block(row, parsed, put, seen if way.dry else None, now)
                advance(row, way, position, parsed.end, counts)
            position = parsed.end
            report(row, counts)
    return counts


def _put_block(
    row: ContactImport, parsed: ParsedEvents, put: Put, seen: SeenAddresses | None, now: datetime
) -> Counts:
    results = put(row, [one.event for one in parsed.events], now)
    for one, result in zip(parsed.events, results, strict=True):
        if result.fault is not None:
            parsed.rejects.append(make_reject(one.row, result.fault.code, str(result.fault), one.cells))
    duplicates = sum(result.duplicate for result in results)
    taken = sum(result.accepted for result in results) - duplicates
    if seen is not None:  # no earlier block of a dry run is in the database
        again = _count_again(parsed, results, seen)
        duplicates, taken = duplicates + again, taken - again
    with connections["default"].cursor() as cursor:
        put_rejects(cursor, row.account_id, row.pk, parsed.rejects)
    return Counts(new=taken, duplicate=duplicates, invalid=len(parsed.rejects))


def _count_again(parsed: ParsedEvents, results: Sequence[Result], seen: SeenAddresses) -> int:
    keys = [
        f"{one.event.name}\x1f{one.event.event_id}"
        for one, result in zip(parsed.events, results, strict=True)
        if result.accepted and not result.duplicate
    ]
    return len(seen.add(keys))


def _look_at(row: ContactImport, events: Sequence[NewOwnEvent], now: datetime) -> list[Result]:
    return check_own_events(row.account_id, events, now=now)


def _record(row: ContactImport, events: Sequence[NewOwnEvent], now: datetime) -> list[Result]:
    source = Source(SOURCE_KIND, row.public_id, row.file_name[:200])
    return record_own_events(
        row.account_id, events, source_kind=SOURCE_KIND, by=row.created_by, now=now, source=source
    )
