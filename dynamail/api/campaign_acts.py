"""Sending a campaign, and stopping it: what the buttons of its pages do. `docs/api/campaigns.md`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import msgspec
from django.conf import settings
from django.urls import reverse
from litestar import Response, get, post
from litestar.params import FromPath

from dynamail.accounts.api_keys import Scope
from dynamail.api.answering import answer, needs_live_key, read_input
from dynamail.api.auth import ApiRequest, Caller, forbidden, in_account
from dynamail.api.campaign_shapes import CampaignBody, ReadinessProblemBody, describe_readiness
from dynamail.api.campaigns import ONE, describe, find_campaign, refusing
from dynamail.api.contacts import find_contact
from dynamail.api.describing import described
from dynamail.campaigns.launching import (
    cancel_campaign,
    launch_campaign,
    pause_campaign,
    resume_campaign,
    schedule_campaign,
    unschedule_campaign,
)
from dynamail.campaigns.models import Campaign
from dynamail.campaigns.reviewing import review_campaign
from dynamail.campaigns.trying import MOST_AT_ONCE, send_test
from dynamail.lib.ids import to_public_id

IDS = {"campaign": "cmp"}


class LaunchInput(msgspec.Struct, forbid_unknown_fields=True):
    """With a `version` it is launched only as it was read."""

    version: int | None = None


class ScheduleInput(msgspec.Struct, forbid_unknown_fields=True):
    at: Annotated[datetime, msgspec.Meta(tz=True)]
    version: int | None = None


class TestInput(msgspec.Struct, forbid_unknown_fields=True):
    """`contact`: whose data the test shows, by id or address; none: a sample person's."""

    to: Annotated[
        list[Annotated[str, msgspec.Meta(max_length=320)]],
        msgspec.Meta(min_length=1, max_length=MOST_AT_ONCE),
    ]
    contact: str = ""


class TestBody(msgspec.Struct, frozen=True):
    """The messages that are on their way."""

    messages: list[str]


class ReadinessBody(msgspec.Struct, frozen=True):
    """`recipients` is how many a launch at this moment would reach."""

    ready: bool
    recipients: int
    problems: list[ReadinessProblemBody]


def _described(summary: str, body: Any = None) -> dict[str, Any]:
    return described(
        summary,
        scope=Scope.WRITE_CAMPAIGNS,
        body=body,
        answers={200: CampaignBody},
        statuses=(404, 409),
        ids=IDS,
    )


@get(
    f"{ONE}/readiness",
    **described(
        "What stands between a draft and its launch",
        scope=Scope.READ_CAMPAIGNS,
        answers={200: ReadinessBody},
        statuses=(404,),
        ids=IDS,
    ),
)
async def check(request: ApiRequest, campaign: FromPath[str]) -> Response[ReadinessBody]:
    def review(caller: Caller) -> ReadinessBody:
        found = review_campaign(find_campaign(caller, campaign), now=caller.now)
        problems = [describe_readiness(problem) for problem in found.problems]
        return ReadinessBody(found.is_ready, found.recipients, problems)

    return answer(await in_account(request, lambda caller: refusing(lambda: review(caller))))


@post(
    f"{ONE}/test",
    **described(
        "Send a test",
        scope=Scope.WRITE_CAMPAIGNS,
        body=TestInput,
        answers={202: TestBody},
        statuses=(404, 409),
        ids=IDS,
    ),
)
async def test(request: ApiRequest, campaign: FromPath[str]) -> Response[TestBody]:
    """To at most five addresses; an account sends up to fifty tests an hour. They count in no report. `contact` needs contacts.read as well."""
    said = await read_input(request, TestInput)

    def send(caller: Caller) -> TestBody:
        needs_live_key(caller, "send tests of campaigns")
        if said.contact and Scope.READ_CONTACTS not in caller.key.scopes:
            raise forbidden(Scope.READ_CONTACTS)  # what the test shows of them is read by whoever gets it
        row = find_campaign(caller, campaign)
        sent = send_test(
            row,
            to=said.to,
            as_contact=find_contact(caller, said.contact) if said.contact else None,
            own_pages=settings.PUBLIC_URL + reverse("test_message_link"),
            by=caller.key,
            now=caller.now,
        )
        return TestBody([to_public_id("msg", message_id) for message_id in sent])

    return answer(await in_account(request, lambda caller: refusing(lambda: send(caller))), status=202)


@post(f"{ONE}/launch", **_described("Launch a campaign", LaunchInput))
async def launch(request: ApiRequest, campaign: FromPath[str]) -> Response[CampaignBody]:
    """Audience and content are frozen and sending begins. 409 when something is missing, or when it was launched before."""
    said = await _read_optional(request)

    def start(caller: Caller, row: Campaign) -> None:
        needs_live_key(caller, "launch campaigns")
        launch_campaign(row, version=said.version, by=caller.key, now=caller.now)

    return await _act(request, campaign, start)


@post(f"{ONE}/schedule", **_described("Schedule a campaign", ScheduleInput))
async def schedule(request: ApiRequest, campaign: FromPath[str]) -> Response[CampaignBody]:
    """Launch it at a set time, up to a year ahead; who is in the audience is decided then."""
    said = await read_input(request, ScheduleInput)

    def plan(caller: Caller, row: Campaign) -> None:
        needs_live_key(caller, "schedule campaigns")
        schedule_campaign(row, at=said.at, version=said.version, by=caller.key, now=caller.now)

    return await _act(request, campaign, plan)


@post(f"{ONE}/unschedule", **_described("Take a campaign off the schedule"))
async def unschedule(request: ApiRequest, campaign: FromPath[str]) -> Response[CampaignBody]:
    """It is a draft again."""
    return await _act(
        request, campaign, lambda caller, row: unschedule_campaign(row, by=caller.key, now=caller.now)
    )


@post(f"{ONE}/pause", **_described("Pause a campaign"))
async def pause(request: ApiRequest, campaign: FromPath[str]) -> Response[CampaignBody]:
    """What is on the wire ends; nothing more is begun."""
    return await _act(
        request, campaign, lambda caller, row: pause_campaign(row, by=caller.key, now=caller.now)
    )


@post(f"{ONE}/resume", **_described("Resume a campaign"))
async def resume(request: ApiRequest, campaign: FromPath[str]) -> Response[CampaignBody]:
    def go_on(caller: Caller, row: Campaign) -> None:
        needs_live_key(caller, "resume campaigns")
        resume_campaign(row, by=caller.key, now=caller.now)

    return await _act(request, campaign, go_on)


@post(f"{ONE}/cancel", **_described("Cancel a campaign"))
async def cancel(request: ApiRequest, campaign: FromPath[str]) -> Response[CampaignBody]:
    """For good: who was not reached yet is counted as canceled. A scheduled one is taken off the schedule instead."""

    def stop(caller: Caller, row: Campaign) -> None:
        cancel_campaign(row, by=caller.key, now=caller.now)

    return await _act(request, campaign, stop)


HANDLERS = [check, test, launch, schedule, unschedule, pause, resume, cancel]


async def _act(
    request: ApiRequest, campaign: str, act: Callable[[Caller, Campaign], object]
) -> Response[CampaignBody]:
    """Do it in one transaction, and tell what is saved then."""

    def run(caller: Caller) -> CampaignBody:
        row = find_campaign(caller, campaign)
        act(caller, row)
        return describe(row)

    return answer(await in_account(request, lambda caller: refusing(lambda: run(caller))))


async def _read_optional(request: ApiRequest) -> LaunchInput:
    return await read_input(request, LaunchInput) if await request.body() else LaunchInput()
