"""Suppressions meet the real gate: a worker, a relay, and what must not arrive there."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dynamail.accounts.models import User
from dynamail.consent.expiring import release_expired
from dynamail.consent.suppressing import suppress_address
from dynamail.contacts.importing_suppressions.columns import Defaults
from dynamail.contacts.importing_suppressions.running import run_suppression_import
from dynamail.contacts.importing_suppressions.steps import start_suppression_import, upload_suppressions
from dynamail.lib.clock import utc_now
from tests.contacts.files import reload
from tests.delivery.stage import Stage
from tests.support.fake_mx import FakeMx

LIST = b"Email Address,Status,Changed\nLeft@one.example,unsubscribed,2021-03-04\ngone@two.example,cleaned,2021-03-05\n"


@pytest.mark.promise("P8.4")
def test_imported_suppressions_stop_a_campaign_that_was_launched_before(
    stage: Stage, settings: Any, tmp_path: Path
) -> None:
    settings.FILES_DIR = tmp_path / "files"
    member = User.objects.create_user("bob@acme.example")
    try:
        with FakeMx() as mx:
            account_id = stage.account(mx.port)
            campaign = stage.campaign(
                account_id, ["left@one.example", "gone@two.example", "ann@three.example"]
            )
            now = utc_now()
            row = upload_suppressions(account_id, iter([LIST]), file_name="list.csv", by=member, now=now)
            start_suppression_import(row, row.mapping, Defaults(), by=member, now=now)
            run_suppression_import(reload(row), now=now)
            stage.deliver()
            assert [message.recipient for message in mx.accepted] == ["ann@three.example"]
        accounting = stage.count(campaign)
        assert (accounting.delivered, accounting.suppressed) == (1, 2)
    finally:
        member.delete()  # users outlive the accounts that are cleared after each test


def test_a_suppression_that_ran_out_stops_nobody_and_a_bounce_renews_it(stage: Stage) -> None:
    address = "bounce-550-5.1.1@one.example"
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        campaign = stage.campaign(account_id, [address])
        now = utc_now()
        before = now - timedelta(days=1)
        suppress_address(
            account_id, address, reason="manual", expires_at=now - timedelta(hours=1), now=before
        )
        assert release_expired(now=now) == 1
        stage.deliver()
    assert stage.count(campaign).bounced == 1, "the message went out"
    assert stage.rows("SELECT reason, expires_at FROM suppression") == [("hard_bounce", None)]
    assert stage.rows("SELECT state FROM contact") == [("suppressed",)]
