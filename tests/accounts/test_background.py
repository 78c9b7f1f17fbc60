from __future__ import annotations

import pytest

from dynamail.accounts.background import (
    WorkCanceled,
    finish_work,
    list_running_work,
    queue_work,
    report_progress,
    request_cancel,
    start_work,
)
from dynamail.accounts.models import Account, BackgroundWork, User
from tests.support.personas import NOW


@pytest.fixture
def work(account: Account, alice: User) -> BackgroundWork:
    return queue_work(account.pk, kind="contacts.import", title="Import", by=alice, total=10)


def test_work_runs_reports_and_finishes(work: BackgroundWork) -> None:
    assert start_work(work, now=NOW)
    report_progress(work, done=4, message="Reading")
    work.refresh_from_db()
    assert (work.state, work.done, work.total, work.message) == ("running", 4, 10, "Reading")
    finish_work(work, now=NOW, message="10 contacts", created=10)
    work.refresh_from_db()
    assert (work.is_over, work.result) == (True, {"created": 10})


def test_queued_work_is_canceled_at_once_and_never_starts(work: BackgroundWork) -> None:
    assert request_cancel(work, now=NOW)
    assert not start_work(work, now=NOW)
    work.refresh_from_db()
    assert work.state == BackgroundWork.State.CANCELED


def test_running_work_stops_at_its_next_report(work: BackgroundWork) -> None:
    start_work(work, now=NOW)
    assert request_cancel(work, now=NOW)
    with pytest.raises(WorkCanceled):
        report_progress(work, done=5)


def test_work_that_is_over_cannot_be_canceled(work: BackgroundWork) -> None:
    start_work(work, now=NOW)
    finish_work(work, now=NOW)
    assert not request_cancel(work, now=NOW)


def test_the_tray_lists_what_waits_or_runs(
    account: Account, other_account: Account, work: BackgroundWork
) -> None:
    assert [row.pk for row in list_running_work(account.pk)] == [work.pk]
    assert list_running_work(other_account.pk) == []
    start_work(work, now=NOW)
    finish_work(work, now=NOW)
    assert list_running_work(account.pk) == []
