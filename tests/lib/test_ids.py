from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamail.lib.ids import UnknownId, derived_id, from_public_id, id_time, lowest_id, new_id, to_public_id

AT = datetime(2026, 11, 23, 10, 0, 0, 123000, tzinfo=UTC)


@given(st.uuids())
def test_a_public_id_leads_back_to_its_uuid(value: UUID) -> None:
    assert from_public_id("con", to_public_id("con", value)) == value


@given(st.text(max_size=40))
def test_any_other_text_is_refused_or_means_exactly_itself(text: str) -> None:
    try:
        value = from_public_id("con", text)
    except UnknownId:
        return
    assert to_public_id("con", value) == text


def test_ids_sort_by_time_and_carry_it() -> None:
    earlier, later = new_id(AT), new_id(AT + timedelta(milliseconds=1))
    assert earlier < later
    assert id_time(earlier) == AT
    assert lowest_id(datetime(1, 1, 1, tzinfo=UTC)) == UUID(int=0)
    assert lowest_id(AT) <= earlier < lowest_id(AT + timedelta(milliseconds=1))


def test_a_new_id_is_a_version_7_uuid_of_the_rfc_variant() -> None:
    value = new_id(AT)
    assert value.version == 7
    assert value.variant == "specified in RFC 4122"


def test_a_derived_id_depends_on_every_part_and_nothing_else() -> None:
    assert derived_id(AT, "campaign", 1) == derived_id(AT, "campaign", 1)
    assert derived_id(AT, "campaign", 1) != derived_id(AT, "campaign", 2)
    assert derived_id(AT, "campaign1", "") != derived_id(AT, "campaign", "1")


@pytest.mark.parametrize("text", ["", "con_", "cmp_" + "0" * 26, "con_" + "z" * 26, "con_" + "u" * 26])
def test_a_wrong_prefix_length_or_letter_is_refused(text: str) -> None:
    with pytest.raises(UnknownId):
        from_public_id("con", text)
