from __future__ import annotations

import pytest

from dynamail.accounts.background import request_cancel
from dynamail.accounts.models import Account, BackgroundWork, User
from dynamail.segments import rechecking
from dynamail.segments.models import Segment, SegmentMember
from dynamail.segments.rechecking import find_recheck, queue_recheck, run_recheck
from dynamail.segments.saving import create_segment
from tests.support.people import make_contact
from tests.support.personas import NOW


def make_segment(account: Account, by: User) -> Segment:
    make_contact(account, name="Dana")
    named = {"kind": "field", "field": "name", "op": "equals", "value": "Dana"}
    return create_segment(account.pk, name="Danas", definition=named, by=by, now=NOW)


def test_everybody_is_looked_at_again_with_progress(account: Account, alice: User) -> None:
    segment = make_segment(account, alice)
    work = queue_recheck(segment, by=alice)
    assert find_recheck(segment) == work
    assert queue_recheck(segment, by=alice) == work, "asked twice, it is one piece of work"
    run_recheck(work, segment.pk, now=NOW)
    work.refresh_from_db()
    segment.refresh_from_db()
    assert (work.state, work.done, work.total) == (BackgroundWork.State.FINISHED, 2, 2)
    assert segment.size == 1
    assert SegmentMember.objects.for_account(account).filter(segment_id=segment.pk).count() == 1
    assert find_recheck(segment) is None


def test_it_can_be_canceled_before_it_begins(account: Account, alice: User) -> None:
    segment = make_segment(account, alice)
    work = queue_recheck(segment, by=alice)
    request_cancel(work, now=NOW)
    run_recheck(work, segment.pk, now=NOW)
    work.refresh_from_db()
    segment.refresh_from_db()
    assert work.state == BackgroundWork.State.CANCELED
    assert segment.size is None


def test_what_breaks_it_ends_it(account: Account, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that stood as running for ever could not be asked for again."""
    segment = make_segment(account, alice)
    work = queue_recheck(segment, by=alice)
    monkeypatch.setattr(rechecking, "refresh_whole", None)
    with pytest.raises(TypeError):
        run_recheck(work, segment.pk, now=NOW)
    work.refresh_from_db()
    assert work.state == BackgroundWork.State.FAILED
    assert "error in this service" in work.message
    assert queue_recheck(segment, by=alice) != work
