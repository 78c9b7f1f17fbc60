from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from dynamail.tracking.hits import (
    CLICKED,
    MACHINE,
    OPENED,
    RECORD_BYTES,
    Hit,
    drop_repeats,
    mark_bursts,
    pack_hit,
    unpack_hits,
)
from dynamail.tracking.tokens import NOBODY

HITS = st.builds(
    Hit,
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**50),
    st.binary(min_size=16, max_size=16),
    st.binary(min_size=16, max_size=16),
    st.integers(-1, 2**15 - 1),
    st.sampled_from([OPENED, CLICKED]),
    st.sampled_from([0, MACHINE]),
)
PERSON, CHECKER, SOURCE = UUID(int=7).bytes, UUID(int=8).bytes, UUID(int=9).bytes


def click(link: int, at_ms: int = 0, person: bytes = PERSON) -> Hit:
    return Hit(1, at_ms, SOURCE, person, link, CLICKED)


@given(st.lists(HITS, max_size=20), st.binary(max_size=RECORD_BYTES - 1))
def test_whole_records_are_read_and_a_torn_one_is_not(hits: list[Hit], torn: bytes) -> None:
    assert unpack_hits(b"".join(map(pack_hit, hits)) + torn) == hits


def test_a_link_checker_gives_itself_away() -> None:
    reader = [click(1, 0), click(2, 3_000), click(3, 6_000), click(4, 9_000)]
    checker = [click(link, link * 100, CHECKER) for link in range(5)]
    marked = mark_bursts([*reader, *checker])
    assert [hit.is_machine for hit in marked] == [False] * 4 + [True] * 5


def test_clicking_one_link_again_and_again_is_no_burst() -> None:
    assert not any(hit.is_machine for hit in mark_bursts([click(1, at) for at in range(100)]))


def test_clicks_without_a_person_are_never_a_burst() -> None:
    assert not any(hit.is_machine for hit in mark_bursts([click(link, 0, NOBODY.bytes) for link in range(9)]))


def test_a_double_click_is_one_click() -> None:
    assert drop_repeats([click(1, 5), click(1, 90), click(2, 95)]) == [click(1, 5), click(2, 95)]


def test_hits_without_a_person_are_all_kept() -> None:
    assert len(drop_repeats([click(1, 5, NOBODY.bytes), click(1, 5, NOBODY.bytes)])) == 2
