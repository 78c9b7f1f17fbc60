from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob

from dynamail.accounts.models import Account, BackgroundWork, User
from dynamail.contacts.bulk import Act, BulkAct, queue_act
from dynamail.contacts.catalog import create_attribute
from dynamail.contacts.models import Contact
from dynamail.contacts.queries import ContactFilter
from dynamail.contacts.tags import create_tag, delete_tag
from dynamail.lib.ids import new_id
from dynamail.segments.models import Segment
from dynamail.segments.tasks import (
    count_task,
    follow_logs_task,
    refresh_due_task,
    refresh_task,
    run_bulk_act,
)
from tests.support.people import make_contact
from tests.support.personas import NOW
from tests.support.segments import EVERYBODY, in_city, lacks, list_members, make_segment, within

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def people(account: Account) -> None:
    create_attribute(account.pk, label="City", key="city", by=None, now=NOW)
    for name, city in (("ann", "Minsk"), ("bea", "Brest"), ("cora", "Minsk")):
        make_contact(account, f"{name}@mail.example", attributes={"1": city})


def list_jobs(task: str, account: Account) -> list[ProcrastinateJob]:
    waiting = ProcrastinateJob.objects.filter(task_name=task, status="todo", args__account_id=account.pk)
    return list(waiting.order_by("id"))


def run_act(account: Account, by: User, condition: dict[str, Any]) -> tuple[BackgroundWork, int]:
    tag = create_tag(account.pk, f"tag {new_id(NOW)}", by=None, now=NOW)
    act = BulkAct(Act.ADD_TAG, tag.pk)
    work = queue_act(account.pk, ContactFilter(), act, condition=condition, by=by, now=NOW)
    *_before, job = list_jobs("segments.run_act", account)
    run_bulk_act(**job.args)
    work.refresh_from_db()
    return work, Contact.objects.for_account(account).filter(tags__contains=[tag.pk]).count()


def test_a_bulk_act_reaches_those_who_fit_a_condition(account: Account, bob: User) -> None:
    work, tagged = run_act(account, bob, in_city("Minsk"))
    assert (work.state, work.result["changed"], tagged) == ("finished", 2, 2)


def test_a_bulk_act_by_nonsense_fails_and_says_why(account: Account, bob: User) -> None:
    work, tagged = run_act(account, bob, {"kind": "moon"})
    assert (work.state, tagged) == ("failed", 0)
    assert "moon" in work.message


def test_a_bulk_act_by_a_tag_that_was_deleted_meanwhile_reaches_nobody(account: Account, bob: User) -> None:
    """Everybody lacks a tag that is gone: also those whom the member left out."""
    spared = create_tag(account.pk, "spared", by=None, now=NOW)
    segment = make_segment(account, definition=lacks(spared), built=False)
    conditions = (lacks(spared), within(segment))
    delete_tag(spared, by=bob, now=NOW)
    for condition in conditions:
        work, tagged = run_act(account, bob, condition)
        assert (work.state, tagged) == ("failed", 0)
        assert work.message


def test_a_new_segment_is_counted_and_filled_by_its_tasks(account: Account) -> None:
    segment = make_segment(account, built=False)
    for name, task in (("segments.count", count_task), ("segments.refresh", refresh_task)):
        (job,) = list_jobs(name, account)
        run: Callable[..., None] = task
        run(**job.args)
    segment.refresh_from_db()
    assert (segment.size, segment.members_version) == (2, 1)
    assert segment.count_ms is not None
    assert list_members(segment) == {"ann@mail.example", "cora@mail.example"}


def test_what_is_due_is_queued_once(account: Account) -> None:
    make_segment(account, keeps_members=True)
    make_segment(account, "Not kept", EVERYBODY, keeps_members=False, built=False)
    ProcrastinateJob.objects.all().delete()
    Segment.objects.for_account(account).update(next_refresh_at=NOW - timedelta(days=1))
    refresh_due_task()
    refresh_due_task()
    assert len(list_jobs("segments.refresh", account)) == 1


def test_nothing_is_followed_while_nothing_is_kept() -> None:
    ProcrastinateJob.objects.filter(task_name="segments.follow").delete()
    follow_logs_task()
    assert not ProcrastinateJob.objects.filter(task_name="segments.follow").exists()
