"""Several statements to PostgreSQL in one trip: one write, one wait, one read.

psycopg's own pipeline writes each statement by itself, so that the server wakes for each, and looks for answers in between: for a
dozen small statements that costs more than the statements do. This speaks libpq through `psycopg.pq` (libpq's pipeline mode); values
travel as psycopg adapts them. Every statement is prepared once a connection.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

from psycopg import AsyncConnection, OperationalError, pq
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.waiting import Ready, Wait

MOST_PREPARED = 256  # of a connection; the program's statements with the types of their values are far fewer

Parameters = Sequence[Any] | Mapping[str, Any]
Key = tuple[str, tuple[int, ...]]  # a statement and the types of its values
Brought = tuple[list[tuple[Any, ...]], int]  # rows, and their number or that of those changed

_PLACEHOLDER = re.compile(r"%(?:\((\w+)\)s|(s)|%)")
_FINE = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK, pq.ExecStatus.EMPTY_QUERY)


@dataclass(slots=True)
class Known:
    """What is prepared on one connection. A name is never used twice."""

    names: dict[Key, bytes] = field(default_factory=dict)
    numbers: count[int] = field(default_factory=count)


@dataclass(slots=True)
class Packed:
    """A statement as libpq takes it."""

    key: Key
    query: bytes
    values: Sequence[Any]
    formats: Sequence[pq.Format]


_known: WeakKeyDictionary[AsyncConnection[Any], Known] = WeakKeyDictionary()


async def travel(asks: Sequence[tuple[str, Parameters]], connection: AsyncConnection[Any]) -> list[Brought]:
    """What each statement brought. The first that fails is raised as psycopg has it; those after it were not run."""
    packed = [_pack(statement, said, connection) for statement, said in asks]
    known = _known.setdefault(connection, Known())
    async with connection.lock:
        pgconn = connection.pgconn
        pgconn.enter_pipeline_mode()
        parsed: list[Key | None] = []
        try:
            for one in packed:
                parsed += _send(one, pgconn, known)
            pgconn.pipeline_sync()
            results = await connection.wait(_exchange(pgconn))
        except BaseException:
            _forget(parsed, known)
            raise
        finally:
            _leave(pgconn)
    return _read(parsed, results, known, connection)


def _pack(statement: str, said: Parameters, connection: AsyncConnection[Any]) -> Packed:
    if not said:
        return Packed((statement, ()), statement.encode(), (), ())
    query, names = _translate(statement)
    values = [said[name] for name in names] if isinstance(said, Mapping) else said
    transformer = Transformer(connection)
    dumped = transformer.dump_sequence(values, [PyFormat.AUTO] * len(values))
    return Packed((statement, tuple(transformer.types or ())), query, dumped, transformer.formats or ())


@lru_cache(maxsize=512)
def _translate(statement: str) -> tuple[bytes, tuple[str, ...]]:
    """The statement with `$1` for what psycopg writes `%s` or `%(name)s`, and the names in their order."""
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        name, place = match.groups()
        if name is None and place is None:
            return "%"
        if name is None or name not in names:
            names.append(name or "")
        return f"${names.index(name) + 1 if name else len(names)}"

    return _PLACEHOLDER.sub(number, statement).encode(), tuple(names)


def _send(one: Packed, pgconn: pq.abc.PGconn, known: Known) -> list[Key | None]:
    """The commands that were written: a key for one that prepares, None for one that runs."""
    sent: list[Key | None] = []
    name = known.names.get(one.key)
    if name is None:
        name = b""
        if len(known.names) < MOST_PREPARED:
            name = known.names[one.key] = b"ask_%d" % next(known.numbers)
        pgconn.send_prepare(name, one.query, param_types=one.key[1])
        sent.append(one.key)
    pgconn.send_query_prepared(name, one.values, param_formats=one.formats)
    return [*sent, None]


def _exchange(pgconn: pq.abc.PGconn) -> Generator[Wait, Ready | int, list[pq.abc.PGresult]]:
    """Write all and read a result for each command. Raises OperationalError when the connection breaks."""
    while pgconn.flush():
        if (yield Wait.RW) & Ready.R:  # the server may wait until its answers are read
            pgconn.consume_input()
    results: list[pq.abc.PGresult] = []
    while True:
        while pgconn.is_busy():
            yield Wait.R
            pgconn.consume_input()
        result = pgconn.get_result()
        if pgconn.status == pq.ConnStatus.BAD:
            raise OperationalError(pgconn.get_error_message() or "the connection is lost")
        if result is None:
            continue  # the end of a command
        if result.status == pq.ExecStatus.PIPELINE_SYNC:
            return results
        results.append(result)


def _leave(pgconn: pq.abc.PGconn) -> None:
    """A connection with answers that nobody read is of no use any more."""
    if pgconn.status != pq.ConnStatus.BAD:
        try:
            pgconn.exit_pipeline_mode()
        except OperationalError:
            pgconn.finish()


def _read(
    parsed: Sequence[Key | None],
    results: Sequence[pq.abc.PGresult],
    known: Known,
    connection: AsyncConnection[Any],
) -> list[Brought]:
    failed = next((place for place, one in enumerate(results) if one.status not in _FINE), None)
    if failed is not None:
        _forget(parsed[failed:], known)
        raise error_from_result(results[failed], encoding=connection.info.encoding)
    brought: list[Brought] = []
    for key, result in zip(parsed, results, strict=True):
        if key is None:
            changed = result.command_tuples
            brought.append((_load(result, connection), -1 if changed is None else changed))
    return brought


def _load(result: pq.abc.PGresult, connection: AsyncConnection[Any]) -> list[tuple[Any, ...]]:
    if result.status != pq.ExecStatus.TUPLES_OK or not result.ntuples:
        return []
    transformer = Transformer(connection)
    transformer.set_pgresult(result)
    return transformer.load_rows(0, result.ntuples, tuple)


def _forget(parsed: Sequence[Key | None], known: Known) -> None:
    """Statements of which it is not sure that the server has prepared them."""
    for key in parsed:
        if key is not None:
            known.names.pop(key, None)
