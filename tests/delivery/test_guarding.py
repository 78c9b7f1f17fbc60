from __future__ import annotations

import asyncio
import json
from dataclasses import asdict

from dynamail.campaigns.models import Campaign
from dynamail.delivery.database import Database
from dynamail.delivery.guarding import guard_campaigns
from dynamail.events.counters import read_totals
from dynamail.lib.clock import utc_now
from dynamail.messages.accounting import count_outcomes
from dynamail.messages.freezing import resume_chunks
from dynamail.messages.guard_rails import make_tally
from tests.delivery.stage import Stage, addresses
from tests.support.campaign_rows import LaunchedCampaign
from tests.support.fake_mx import FakeMx

COUNT = (
    "INSERT INTO rollup_hour (account_id, source_id, kind, hour, domain_lane, shard, n)"
    " VALUES (%s, %s, %s, date_trunc('hour', %s::timestamptz), 0, 0, %s)"
)


def count(stage: Stage, campaign: LaunchedCampaign, **kinds: int) -> None:
    for kind, n in kinds.items():
        stage.change(COUNT, campaign.account_id, campaign.source_id, kind, utc_now(), n)


def look(stage: Stage) -> int:
    async def run() -> int:
        database = Database(stage.settings.conninfo, size=1)
        await database.open()
        try:
            return await guard_campaigns(database)
        finally:
            await database.close()

    return asyncio.run(run())


def test_a_campaign_with_too_many_dead_addresses_is_paused_with_its_figures(stage: Stage) -> None:
    campaign = stage.campaign(stage.account(), addresses(3))
    count(stage, campaign, delivered=900, bounced=100, hard_bounced=60)
    assert look(stage) == 1
    assert stage.campaign_state(campaign) == "paused"
    assert stage.value("SELECT stopped_by FROM campaign") == {"cause": "bounces", "count": 60, "of": 1000}
    assert stage.rows("SELECT state FROM chunk") == [(2,)]
    assert stage.value("SELECT data FROM event WHERE kind = 'campaign.paused'") == {
        "cause": "bounces",
        "count": 60,
        "of": 1000,
    }
    assert look(stage) == 0, "it is paused once"


def test_a_healthy_campaign_goes_on(stage: Stage) -> None:
    campaign = stage.campaign(stage.account(), addresses(3))
    count(stage, campaign, delivered=9_900, bounced=100, hard_bounced=100, complained=9)
    assert look(stage) == 0
    assert stage.campaign_state(campaign) == "running"


def test_what_was_seen_at_the_last_resume_does_not_stop_it_again(stage: Stage) -> None:
    campaign = stage.campaign(stage.account(), addresses(3))
    count(stage, campaign, delivered=900, bounced=100, hard_bounced=60)
    stage.change(
        "UPDATE campaign SET guard_baseline = %s::jsonb",
        '{"attempted": 1000, "delivered": 900, "hard": 60, "complained": 0}',
    )
    assert look(stage) == 0
    count(stage, campaign, returned_hard=40)
    assert look(stage) == 0, "too few since then to say anything"


def test_hard_bounces_are_counted_beside_all_bounces(stage: Stage) -> None:
    gone = [f"bounce-550-5.1.1-{number}@one.example" for number in range(3)]
    full = [f"bounce-552-5.2.2-{number}@one.example" for number in range(4)]
    with FakeMx() as mx:
        campaign = stage.campaign(stage.account(mx.port), [*gone, *full, *addresses(13)])
        stage.deliver()
    kinds = dict(stage.rows("SELECT kind, sum(n)::int FROM rollup_hour GROUP BY kind"))
    assert kinds == {"delivered": 13, "bounced": 7, "hard_bounced": 3}
    assert stage.count(campaign).bounced == 7


def test_a_running_campaign_stops_itself_and_goes_on_when_it_is_resumed(stage: Stage) -> None:
    people = [f"bounce-550-5.1.1-{number}@one.example" for number in range(400)]
    people += [f"person{number}@two.example" for number in range(3_600)]
    with FakeMx() as mx:
        campaign = stage.campaign(stage.account(mx.port, rate=400), people, chunk_size=50)
        stage.start()
        stage.wait_until(lambda: stage.campaign_state(campaign) == "paused")
        stage.wait_until(lambda: stage.value("SELECT count(*) FROM chunk WHERE worker IS NOT NULL") == 0)
        accounting = stage.count(campaign)
        assert accounting.remaining > 1_000, "it stopped long before the end"
        assert stage.value("SELECT stopped_by->>'cause' FROM campaign") == "bounces"
        row = Campaign.objects.for_account(campaign.account_id).get()
        baseline = make_tally(read_totals(campaign.account_id, campaign.source_id))
        stage.change(
            "UPDATE campaign SET guard_baseline = %s::jsonb, state = 'running'", json.dumps(asdict(baseline))
        )
        resume_chunks(row.account_id, source_id=campaign.source_id)
        before = accounting.remaining
        stage.wait_until(lambda: count_outcomes(campaign.account_id, campaign.source_id).remaining < before)


def test_a_refusal_that_is_about_us_names_nobody(stage: Stage) -> None:
    with FakeMx() as mx:
        stage.campaign(
            stage.account(mx.port), ["bounce-550-5.7.1@one.example", "bounce-550-5.2.2@two.example"]
        )
        stage.deliver()
    named = stage.rows(
        "SELECT data->>'class', contact_id IS NOT NULL FROM event WHERE kind = 'message.bounced'"
    )
    assert dict(named) == {"policy": False, "quota": True}
