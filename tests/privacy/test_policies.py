from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from dynamail.accounts.models import User
from dynamail.privacy.acceptance import accept_policy, find_policy_in_force, find_unaccepted
from dynamail.privacy.models import PolicyAcceptance, PolicyDocument
from dynamail.privacy.policies import (
    LANGUAGES,
    PolicyText,
    ensure_policies,
    list_versions,
    load_policy_texts,
    publish_policy,
)
from dynamail.privacy.reading import compare_texts, keep_changed, read_blocks
from tests.support.personas import NOW

KINDS = ("privacy", "cookies")
SPEC_WORDS = "Use of the DynaMail service constitutes the user"


def text(body: str) -> dict[str, PolicyText]:
    return {"en": PolicyText("Privacy policy", body)}


@pytest.mark.django_db
def test_the_first_start_publishes_every_policy_and_the_next_starts_nothing() -> None:
    assert ensure_policies(now=NOW) == ["privacy", "cookies"]
    assert ensure_policies(now=NOW + timedelta(days=1)) == []
    assert PolicyDocument.objects.count() == len(KINDS) * len(LANGUAGES)
    assert set(PolicyDocument.objects.values_list("version", flat=True)) == {1}


@pytest.mark.promise("P9.2")
@pytest.mark.django_db
def test_a_changed_text_is_a_new_version_in_every_language(settings: LazySettings) -> None:
    ensure_policies(now=NOW)
    settings.OPERATOR_NAME = "Flowers Ltd"
    assert ensure_policies(now=NOW + timedelta(days=1)) == ["privacy"]
    in_force = find_policy_in_force("privacy", language="ru", now=NOW + timedelta(days=1))
    assert in_force is not None
    assert (in_force.version, in_force.language) == (2, "ru")
    assert "Flowers Ltd" in in_force.body


@pytest.mark.django_db
def test_a_version_is_not_in_force_before_its_time() -> None:
    publish_policy("privacy", text("One."), now=NOW)
    publish_policy("privacy", text("Two."), now=NOW + timedelta(days=7))
    found = find_policy_in_force("privacy", language="en", now=NOW + timedelta(days=6))
    assert found is not None
    assert found.version == 1


@pytest.mark.promise("P9.1")
@pytest.mark.django_db
@pytest.mark.parametrize("field", ["body", "title", "version", "sha256", "published_at"])
def test_a_published_version_cannot_be_changed_or_removed(field: str) -> None:
    publish_policy("privacy", text("One."), now=NOW)
    row = PolicyDocument.objects.get()
    value = {"version": 9, "published_at": None}.get(field, "other")
    with pytest.raises(IntegrityError, match="published"), transaction.atomic():
        PolicyDocument.objects.filter(pk=row.pk).update(**{field: value})
    with pytest.raises(IntegrityError, match="published"), transaction.atomic():
        PolicyDocument.objects.filter(pk=row.pk).delete()


@pytest.mark.promise("P1.3")
def test_acceptance_is_asked_for_each_version_and_recorded_once(alice: User) -> None:
    publish_policy("privacy", text("One."), now=NOW)
    [document] = find_unaccepted(alice, now=NOW)
    accept_policy(alice, document, language="en", now=NOW)
    accept_policy(alice, document, language="en", now=NOW)
    assert find_unaccepted(alice, now=NOW) == []
    row = PolicyAcceptance.objects.get()
    assert (row.user, row.document.version, row.language, row.at) == (alice, 1, "en", NOW)
    publish_policy("privacy", text("Two."), now=NOW + timedelta(days=1))
    assert [row.version for row in find_unaccepted(alice, now=NOW + timedelta(days=1))] == [2]


def test_a_version_accepted_in_one_language_is_accepted_in_all(alice: User) -> None:
    ensure_policies(now=NOW)
    [document] = find_unaccepted(alice, now=NOW)
    accept_policy(alice, document, language="en", now=NOW)
    alice.language = "be"
    assert find_unaccepted(alice, now=NOW) == []


@pytest.mark.django_db
def test_versions_are_listed_the_newest_first_in_the_readers_language() -> None:
    publish_policy("privacy", text("One."), now=NOW)
    ensure_policies(now=NOW + timedelta(days=1))
    assert [(row.version, row.language) for row in list_versions("privacy", language="be")] == [
        (2, "be"),
        (1, "en"),
    ]


# ── The texts ────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_language_has_the_same_sections(kind: str, language: str) -> None:
    shapes = {
        other: [(block.kind, len(block.lines), block.anchor) for block in read_blocks(found.body)]
        for other, found in load_policy_texts(kind).items()
    }
    assert shapes[language] == shapes["en"]
    assert "{" not in load_policy_texts(kind)[language].body


@pytest.mark.promise("P1.1")
def test_the_policy_names_the_operator_and_the_place_of_this_installation(settings: LazySettings) -> None:
    settings.OPERATOR_NAME, settings.OPERATOR_PLACE = "Flowers {Ltd}", "Grodno, Belarus"
    for found in load_policy_texts("privacy").values():
        assert "Flowers {Ltd}" in found.body
        assert "Grodno, Belarus" in found.body


def test_the_cookie_policy_names_every_cookie_that_is_set() -> None:
    from django.conf import settings

    body = load_policy_texts("cookies")["en"].body
    for name in (
        settings.SESSION_COOKIE_NAME,
        settings.CSRF_COOKIE_NAME,
        settings.LANGUAGE_COOKIE_NAME,
        "dynamail_theme",
        "messages",
    ):
        assert name in body


# ── Reading and comparing ────────────────────────────────────────────────────────────────────────────────────────────
def test_edited_words_are_marked_inside_their_paragraph() -> None:
    changes = compare_texts(
        "1. Title\n\nWe keep it for 7 days.", "1. Title\n\nWe keep it for 9 days.\n\nNew here."
    )
    assert [change.is_changed for change in changes] == [False, True, True]
    assert [(run.change, run.text) for run in changes[1].runs] == [
        ("same", "We keep it for "),
        ("removed", "7"),
        ("added", "9"),
        ("same", " days."),
    ]


def test_only_what_changed_is_kept_under_its_heading() -> None:
    older = "1. One\n\nSame.\n\n2. Two\n\nWe keep it for 7 days.\n\nSame too."
    newer = "1. One\n\nSame.\n\n2. Two\n\nWe keep it for 9 days.\n\nSame too.\n\n3. Three\n\nNew."
    kept = keep_changed(compare_texts(older, newer))
    words = ["".join(run.text for run in change.runs if run.change != "removed") for change in kept]
    assert words == ["2. Two", "We keep it for 9 days.", "3. Three", "New."]
    assert keep_changed(compare_texts(older, older)) == []


texts = st.lists(
    st.sampled_from(["1. One", "2. Two", "We keep it.", "We keep it long.", "- a\n- b", "Gone.", "x y z"]),
    max_size=8,
).map("\n\n".join)


@given(texts, texts)
def test_the_marks_contain_both_texts_whole(older: str, newer: str) -> None:
    changes = compare_texts(older, newer)
    kept = [_join(change.runs, "removed") for change in changes]
    assert [part for part in kept if part] == [block.text for block in read_blocks(newer)]
    had = [_join(change.runs, "added") for change in changes]
    assert [part for part in had if part] == [block.text for block in read_blocks(older)]


def _join(runs, without: str) -> str:
    return "".join(run.text for run in runs if run.change != without)


@given(st.text(max_size=300))
def test_any_text_is_read(body: str) -> None:
    read_blocks(body)


def test_our_texts_are_our_own() -> None:
    documents = Path(__file__).parents[2] / "dynamail" / "privacy" / "documents"
    assert SPEC_WORDS not in (documents / "privacy.en.txt").read_text(encoding="utf-8")
