"""The dry run and the run. Both read the whole file in the same blocks and differ in what they do with a block."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from functools import partial
from typing import Any

from django.db import connections

from dynamail.accounts.models import Account
from dynamail.accounts.tenancy import account_scope
from dynamail.accounts.zones import find_zone
from dynamail.consent.proof import Proof
from dynamail.contacts.address_checks import to_bits
from dynamail.contacts.importing.blocks import Block, Parsed, parse_block
from dynamail.contacts.importing.counting import Counts
from dynamail.contacts.importing.findings import judge_people, list_domains
from dynamail.contacts.importing.passes import Pass, advance, begin_pass, read_ahead, report, run_pass
from dynamail.contacts.importing.people import RowReader
from dynamail.contacts.importing.problems import ImportProblem, RowProblem
from dynamail.contacts.importing.seen import SeenAddresses
from dynamail.contacts.importing.staging import Target, compare_people, put_people, put_rejects
from dynamail.contacts.importing.statement import Merging, Options
from dynamail.contacts.importing.tag_book import TagBook
from dynamail.contacts.mail_domains import MailDomains
from dynamail.contacts.models import Attribute, ContactImport

State = ContactImport.State
PutBlock = Callable[[Any, Parsed, Target], Counts]


def check_import(row: ContactImport, *, now: datetime) -> None:
    """The dry run: exact counts and the rejected rows, no contact is touched."""
    walk = partial(_walk_file, put_block=_compare_block)
    run_pass(row, Pass(State.CHECKING, State.CHECKED, "checked", dry=True, walk=walk), now)


def run_import(row: ContactImport, *, now: datetime) -> None:
    """Take the file in. Running it again after a crash goes on where it was; when it is over nothing happens."""
    walk = partial(_walk_file, put_block=_put_block)
    run_pass(row, Pass(State.RUNNING, State.FINISHED, "imported", dry=False, walk=walk), now)


def _walk_file(row: ContactImport, way: Pass, now: datetime, *, put_block: PutBlock) -> Counts:
    options = Options.from_json(row.options)
    with account_scope(row.account_id):
        book = TagBook(row.account_id)
        reader = _make_reader(row, options, book)
        target = _make_target(row, options, now)
        position, counts = begin_pass(row, way)
    seen, domains, leave_out = SeenAddresses(), MailDomains(), to_bits(options.leave_out)

    def parse(block: Block) -> Parsed:
        return parse_block(block, reader, seen, file_wins=target.file_wins)

    with closing(seen), read_ahead(row, parse) as parsed_blocks:
        for parsed in parsed_blocks:
            if parsed.end <= position:  # committed by an earlier run: only to be remembered
                continue
            domains.learn(list_domains(parsed), now=now)
            noticed = judge_people(parsed, domains, leave_out=leave_out)
            with account_scope(row.account_id):
                if not way.dry:
                    book.settle((*parsed.people, *parsed.later))
                with connections["default"].cursor() as cursor:
                    counts += put_block(cursor, parsed, target) + noticed
                    put_rejects(cursor, row.account_id, row.pk, parsed.rejects)
                advance(row, way, position, parsed.end, counts)
            position = parsed.end
            report(row, counts)
    return counts


def _compare_block(cursor: Any, parsed: Parsed, target: Target) -> Counts:
    counts = compare_people(cursor, parsed.people, target)
    return counts + Counts(duplicate=parsed.duplicates, invalid=len(parsed.rejects))


def _put_block(cursor: Any, parsed: Parsed, target: Target) -> Counts:
    counts = put_people(cursor, parsed.people, target)
    if parsed.later:
        put_people(cursor, parsed.later, target)  # counted when they were met first
    return counts + Counts(duplicate=parsed.duplicates, invalid=len(parsed.rejects))


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
        keep_rows=bool(options.leave_out),
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
