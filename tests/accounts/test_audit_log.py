from __future__ import annotations

from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction
from django.db.utils import ProgrammingError
from hypothesis import given
from hypothesis import strategies as st

from dynamail.accounts.audit import record_audit
from dynamail.accounts.audit_log import PAGE_LENGTH, AuditFilter, list_actions, list_actors, read_audit_log
from dynamail.accounts.models import Account, AuditEntry, User
from dynamail.accounts.tenancy import account_scope
from tests.support.personas import NOW


def read(**query: str) -> AuditFilter:
    return AuditFilter.read(query, zone=UTC)


def test_pages_follow_each_other_without_gap_or_repetition(account: Account, alice: User) -> None:
    for _number in range(PAGE_LENGTH * 2 + 3):
        record_audit(account.pk, by=alice, action="topic.created")
    seen: list[int] = []
    before = ""
    while True:
        page = read_audit_log(account.pk, read(before=before))
        seen += [entry.pk for entry in page.entries]
        if page.next_before is None:
            break
        before = page.next_before
    assert len(seen) == len(set(seen)) == PAGE_LENGTH * 2 + 3
    assert seen == sorted(seen, reverse=True)


def test_filters_by_act_person_and_day(account: Account, alice: User, bob: User) -> None:
    record_audit(account.pk, by=alice, action="topic.created")
    record_audit(account.pk, by=bob, action="topic.archived")
    AuditEntry.objects.for_account(account).filter(action="topic.created").update(at=NOW - timedelta(days=3))
    AuditEntry.objects.for_account(account).filter(action="topic.archived").update(at=NOW)

    def acts(**query: str) -> list[str]:
        return [entry.action for entry in read_audit_log(account.pk, read(**query)).entries]

    assert acts(action="topic.created") == ["topic.created"]
    assert acts(actor="Bob") == ["topic.archived"]
    assert acts(since="2026-11-23") == ["topic.archived"]
    assert acts(until="2026-11-22") == ["topic.created"]
    assert (list_actions(account.pk), list_actors(account.pk)) == (
        ["topic.archived", "topic.created"],
        ["Alice", "Bob"],
    )


def test_one_account_never_reads_the_log_of_another(
    account: Account, other_account: Account, alice: User
) -> None:
    record_audit(account.pk, by=alice, action="topic.created")
    assert read_audit_log(other_account.pk, read()).entries == []


def test_a_day_is_the_readers_day() -> None:
    wanted = AuditFilter.read({"until": "2026-11-23"}, zone=ZoneInfo("Europe/Minsk"))
    assert wanted.until is not None
    assert wanted.until.astimezone(UTC).isoformat() == "2026-11-23T21:00:00+00:00"
    assert wanted.to_query() == {"until": "2026-11-23"}


@given(
    st.fixed_dictionaries(
        {key: st.text(max_size=30) for key in ("action", "actor", "since", "until", "before")}
    )
)
def test_any_query_is_read(query: dict[str, str]) -> None:
    AuditFilter.read(query, zone=UTC).to_query()


@pytest.mark.promise("P5.2")
def test_nobody_rewrites_the_log(account: Account, alice: User) -> None:
    record_audit(account.pk, by=alice, action="topic.created")
    for statement in ("UPDATE audit_entry SET action = 'x'", "DELETE FROM audit_entry"):
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            transaction.atomic(),
            account_scope(account),
        ):
            connection.cursor().execute(statement)
