"""Questions to the database, apart from the way they travel.

A verb for hot paths is a generator: it yields the statements that it needs next, and is sent what they brought. One set of rules then
serves both a task, whose cursor takes one statement after the other, and the API's event loop, which sends all of a step at once.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString, TypeVar

from psycopg import AsyncConnection

from dynamail.lib.trips import travel

Result = TypeVar("Result")
Other = TypeVar("Other")


@dataclass(slots=True)  # not frozen, nor the other: several for each request
class Ask:
    """One statement. Casts stand in it where a parameter alone does not tell its type."""

    statement: LiteralString
    parameters: Sequence[Any] | Mapping[str, Any] = ()


@dataclass(slots=True)
class Told:
    """What a statement brought: its rows, and how many it returned or changed."""

    rows: list[tuple[Any, ...]]
    count: int


Inquiry = Generator[Sequence[Ask], Sequence[Told], Result]


def run_inquiry(inquiry: Inquiry[Result], cursor: Any) -> Result:
    """Ask with a cursor of Django, in the caller's transaction."""
    try:
        asks = next(inquiry)
        while True:
            asks = inquiry.send([_ask(cursor, one) for one in asks])
    except StopIteration as end:
        result: Result = end.value
        return result


async def pipeline_inquiry(inquiry: Inquiry[Result], connection: AsyncConnection[Any]) -> Result:
    """Ask in the caller's transaction, the statements of a step in one trip."""
    try:
        asks = next(inquiry)
        while True:
            asks = inquiry.send(await ask_at_once(asks, connection))
    except StopIteration as end:
        result: Result = end.value
        return result


def ask_together(
    first: Generator[Sequence[Ask], Sequence[Told], Result],
    second: Generator[Sequence[Ask], Sequence[Told], Other],
) -> Generator[Sequence[Ask], Sequence[Told], tuple[Result, Other]]:
    """Two inquiries side by side: what both ask in a step travels in one trip. Neither sees what the other finds."""
    inquiries: list[Generator[Sequence[Ask], Sequence[Told], Any]] = [first, second]
    results: list[Any] = [None, None]
    told: dict[int, Sequence[Told] | None] = {0: None, 1: None}
    while told:
        asks: dict[int, Sequence[Ask]] = {}
        for place, answer in told.items():
            try:
                asks[place] = next(inquiries[place]) if answer is None else inquiries[place].send(answer)
            except StopIteration as end:
                results[place] = end.value
        if not asks:
            break
        coming = iter((yield [ask for one in asks.values() for ask in one]))
        told = {place: [next(coming) for _ask in one] for place, one in asks.items()}
    return results[0], results[1]


def ask_first(asks: Sequence[Ask], inquiry: Inquiry[Result]) -> Inquiry[Result]:
    """The inquiry, its first step led by these statements, whose answers nobody needs."""
    try:
        step = next(inquiry)
        told = yield [*asks, *step]
        step = inquiry.send(told[len(asks) :])
        while True:
            step = inquiry.send((yield step))
    except StopIteration as end:
        result: Result = end.value
        return result


async def ask_at_once(asks: Sequence[Ask], connection: AsyncConnection[Any]) -> list[Told]:
    """One trip for several statements, each planned once a connection."""
    if not asks:
        return []
    brought = await travel([(one.statement, one.parameters) for one in asks], connection)
    return [Told(rows, count) for rows, count in brought]


def _ask(cursor: Any, one: Ask) -> Told:
    cursor.execute(one.statement, one.parameters)
    return Told(cursor.fetchall() if cursor.description else [], cursor.rowcount)
