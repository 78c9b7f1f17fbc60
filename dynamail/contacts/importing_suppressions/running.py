"""The run of an import of suppressions."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime

from django.db import connections

from dynamail.accounts.models import Account
from dynamail.accounts.tenancy import account_scope
from dynamail.accounts.zones import find_zone
from dynamail.consent.mass_suppressing import SuppressionSource, suppress_addresses
from dynamail.contacts.importing.blocks import Block
from dynamail.contacts.importing.counting import Counts
from dynamail.contacts.importing.passes import Pass, advance, begin_pass, read_ahead, report, run_pass
from dynamail.contacts.importing.seen import SeenAddresses
from dynamail.contacts.importing.staging import put_rejects
from dynamail.contacts.importing_suppressions.columns import Defaults
from dynamail.contacts.importing_suppressions.rows import ParsedRows, SuppressionReader, parse_rows
from dynamail.contacts.models import ContactImport

State = ContactImport.State


def run_suppression_import(row: ContactImport, *, now: datetime) -> None:
    """Take the list in. Running it again after a crash goes on where it was; when it is over nothing happens."""
    way = Pass(State.RUNNING, State.FINISHED, "imported", dry=False, walk=_walk_file, noun="suppressions")
    run_pass(row, way, now)


def _walk_file(row: ContactImport, way: Pass, now: datetime) -> Counts:
    with account_scope(row.account_id):
        zone = find_zone(Account.objects.get(pk=row.account_id).timezone)
        position, counts = begin_pass(row, way)
    reader = SuppressionReader(row.mapping, Defaults.from_json(row.options), now=now, zone=zone)
    source = SuppressionSource("import", row.public_id, row.uid)
    seen = SeenAddresses()

    def parse(block: Block) -> ParsedRows:
        return parse_rows(block, reader, seen)

    with closing(seen), read_ahead(row, parse) as blocks:
        for parsed in blocks:
            if parsed.end <= position:  # committed by an earlier run: only to be remembered
                continue
            with account_scope(row.account_id), connections["default"].cursor() as cursor:
                added = suppress_addresses(cursor, row.account_id, parsed.rows, source=source, now=now)
                put_rejects(cursor, row.account_id, row.pk, parsed.rejects)
                counts += _count(parsed, added)
                advance(row, way, position, parsed.end, counts)
            position = parsed.end
            report(row, counts)
    return counts


def _count(parsed: ParsedRows, added: list[bool]) -> Counts:
    """New are suppressions that this import made, unchanged those that stood before."""
    new = sum(added)
    return Counts(
        new=new,
        unchanged=len(added) - new,
        duplicate=parsed.duplicates,
        invalid=len(parsed.rejects),
        mailable=parsed.mailable,
    )
