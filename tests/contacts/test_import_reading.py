from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynamail.contacts.importing.reading import MAX_LINE, BadRow, Row, read_text_rows


def read(data: bytes, *, encoding: str = "utf-8", separator: str = ",") -> list[Row | BadRow]:
    return list(read_text_rows(io.BytesIO(data), encoding=encoding, separator=separator))


def cells(data: bytes, **options: str) -> list[list[str]]:
    return [row.cells for row in read(data, **options) if isinstance(row, Row)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_any_line_end_ends_a_row(end: bytes) -> None:
    assert cells(end.join([b"a,b", b"c,d", b""])) == [["a", "b"], ["c", "d"]]


def test_line_breaks_inside_quotes_belong_to_the_cell() -> None:
    assert cells(b'a,"b\r\nc"\r\nd,e\r\n') == [["a", "b\r\nc"], ["d", "e"]]


def test_rows_without_content_are_counted_but_left_out() -> None:
    assert [row.number for row in read(b"a\n\n,\nb\n")] == [1, 4]


def test_an_unclosed_quote_costs_its_own_row_only() -> None:
    rows = read(b'a,1\nb,"2\nc,3\nd,"4"\n')
    bad = [row for row in rows if isinstance(row, BadRow)]
    assert [(row.number, row.code, row.cells) for row in bad] == [(2, "unclosed_quote", ['b,"2'])]
    assert [row.cells for row in rows if isinstance(row, Row)] == [["a", "1"], ["c", "3"], ["d", "4"]]


def test_an_unclosed_quote_in_the_last_row_costs_that_row() -> None:
    assert [type(row) for row in read(b'a,1\nb,"2')] == [Row, BadRow]


def test_quotes_that_were_doubled_wrongly_are_read_as_well_as_can_be() -> None:
    assert cells(b'"Ann "the cook" Lee",1\nb,2\n') == [['Ann the cook" Lee"', "1"], ["b", "2"]]


def test_a_quote_that_swallows_the_rest_gives_it_back() -> None:
    data = b'a,1\nb,"2\n' + b"c,3\n" * 5_000
    rows = read(data)
    assert len([row for row in rows if isinstance(row, Row)]) == 5_001
    assert [row.code for row in rows if isinstance(row, BadRow)] == ["unclosed_quote"]


def test_a_long_cell_costs_its_own_row_only() -> None:
    rows = read(b"a,1\nb," + b"x" * 100_000 + b"\nc,3\n")
    assert [type(row) for row in rows] == [Row, BadRow, Row]
    assert rows[1].code == "cell_too_long"


def test_a_long_line_costs_its_own_row_only() -> None:
    rows = read(b"a,1\n" + b"x," * MAX_LINE + b"\nc,3\n")
    assert [type(row) for row in rows] == [Row, BadRow, Row]
    assert rows[1].code == "line_too_long"


def test_bytes_that_are_not_utf8_cost_their_own_row_only() -> None:
    rows = read(b"a,1\n" + b"\xcf\xf0\xe8,2\n" + "ж,3\n".encode())
    assert [type(row) for row in rows] == [Row, BadRow, Row]
    assert rows[1].code == "bad_encoding"


def test_nul_is_a_character_like_others_to_the_reader() -> None:
    assert cells(b"a\x00b,c\n") == [["a\x00b", "c"]]


class Endless(io.RawIOBase):
    """A file of one line that is as long as asked, without holding it."""

    def __init__(self, size: int) -> None:
        self.left = size
        self.at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, place: int, whence: int = 0) -> int:
        return place

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]
        count = min(len(target), self.left)
        target[:count] = b"x" * count
        self.left -= count
        return count


def test_a_gigabyte_without_a_line_end_needs_no_memory() -> None:
    tracemalloc.start()
    try:
        file = io.BufferedReader(Endless(2**30))
        rows = list(read_text_rows(file, encoding="utf-8", separator=","))  # type: ignore[arg-type]
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [row.code for row in rows if isinstance(row, BadRow)] == ["line_too_long"]
    assert peak < 24 * 2**20


@pytest.mark.parametrize(
    "make",
    [
        lambda: b'"' + b"a\n" * 400_000,
        lambda: b'"a\n' * 200_000,
        lambda: b'x,"\n' * 200_000,
        lambda: b'""",\n' * 200_000,
    ],
)
def test_hostile_quotes_cost_time_in_proportion_to_the_file(make: Callable[[], bytes]) -> None:
    data = make()
    rows = read(data)
    assert len(rows) <= data.count(b"\n") + 1


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=400), encoding=st.sampled_from(["utf-8", "utf-16-le", "cp1251"]))
def test_any_bytes_end_in_rows(data: bytes, encoding: str) -> None:
    numbers = [row.number for row in read(data, encoding=encoding, separator=";")]
    assert numbers == sorted(set(numbers))


@settings(max_examples=200, deadline=None)
@given(
    table=st.lists(
        st.lists(
            st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8),
            min_size=1,
            max_size=4,
        ),
        max_size=6,
    ),
    separator=st.sampled_from(",;\t|"),
)
def test_what_a_writer_writes_is_read_back(table: list[list[str]], separator: str) -> None:
    import csv

    target = io.StringIO(newline="")
    csv.writer(target, delimiter=separator, quoting=csv.QUOTE_ALL).writerows(table)
    data = b"\xef\xbb\xbf" + target.getvalue().encode()
    assert cells(data, separator=separator) == [row for row in table if any(row)]
