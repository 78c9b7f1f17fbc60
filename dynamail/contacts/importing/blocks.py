"""A file in blocks. Where a block ends depends on the file alone, so that a second run meets the same blocks."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field

from dynamail.contacts.importing.people import Person, RowReader
from dynamail.contacts.importing.problems import RowProblem
from dynamail.contacts.importing.reading import SHOWN, BadRow, Row
from dynamail.contacts.importing.seen import SeenAddresses
from dynamail.contacts.importing.sniffing import make_storable

BLOCK_ROWS = 5_000
BLOCK_CHARACTERS = 8 * 2**20


@dataclass(frozen=True)
class Block:
    """Rows as read, and the number of the last one."""

    rows: Sequence[Row | BadRow]
    end: int


@dataclass(frozen=True)
class Reject:
    row: int
    code: str
    reason: str
    cells: list[str]


@dataclass
class Parsed:
    """A block as people. `people` are met for the first time in the file, `later` were in an earlier block."""

    end: int  # the number of its last row
    people: list[Person] = field(default_factory=list)
    later: list[Person] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    duplicates: int = 0


def iter_blocks(rows: Iterable[Row | BadRow]) -> Generator[Block, None, None]:
    held: list[Row | BadRow] = []
    size = 0
    for row in rows:
        held.append(row)
        size += row.size if isinstance(row, Row) else SHOWN
        if len(held) >= BLOCK_ROWS or size >= BLOCK_CHARACTERS:
            yield Block(held, row.number)
            held, size = [], 0
    if held:
        yield Block(held, held[-1].number)


def parse_block(block: Block, reader: RowReader, seen: SeenAddresses, *, file_wins: bool) -> Parsed:
    """People and rejects of a block; repeated addresses are merged into the first row that has them."""
    parsed = Parsed(block.end)
    by_key: dict[str, Person] = {}
    for row in block.rows:
        if isinstance(row, BadRow):
            parsed.rejects.append(make_reject(row.number, row.code, row.reason, row.cells))
            continue
        try:
            person = reader.read(row.number, row.cells)
        except RowProblem as problem:
            parsed.rejects.append(make_reject(row.number, problem.code, str(problem), row.cells))
            continue
        first = by_key.setdefault(person.key, person)
        if first is not person:
            first.merge(person, file_wins=file_wins)
            parsed.duplicates += 1
    before = seen.add(list(by_key))
    for key, person in by_key.items():
        (parsed.later if key in before else parsed.people).append(person)
    parsed.duplicates += len(parsed.later)
    return parsed


def make_reject(row: int, code: str, reason: str, cells: Sequence[str]) -> Reject:
    return Reject(row, code[:30], reason[:300], [make_storable(cell) for cell in cells])
