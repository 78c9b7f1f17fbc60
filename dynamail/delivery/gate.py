"""The gate, asked again just before the envelope leaves: consent, suppression, restriction, account and campaign state (P8.3, P8.4).

An answer is good for a moment only. `Gate.check` asks for many parcels in one statement per campaign; a parcel whose answer is
older than `FRESH` seconds is not sent before it was asked again, however slow the server at the other end is.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

from dynamail.consent.gate import SENTENCES, Reason
from dynamail.delivery.database import (
    Connection,
    Database,
    bytea_array,
    fetch,
    int_array,
    text_array,
    uuid_array,
)
from dynamail.delivery.records import CANCELED, MARKETING, RETURNED, SUPPRESSED, Parcel, Result
from dynamail.lib.clock import utc_now
from dynamail.lib.sql import load_sql

FRESH = 0.8  # seconds that an answer may be old when the message is written to the connection
RENEW_AFTER = 0.3  # seconds after which a parcel on a slow connection is asked about again
PULL_WITHIN = 0.6  # seconds; more than RENEW_AFTER, so that a slow database delays mail and does not stop it

PAUSED = Result(RETURNED, reply="The campaign is paused.")
STOPPED_ACCOUNT = Result(RETURNED, reply="The account is suspended or closed.")
CANCELED_CAMPAIGN = Result(CANCELED, reply="The campaign was canceled.")


class Gate:
    """The gate of one worker."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def check(self, parcels: Sequence[Parcel]) -> None:
        """Ask about all of them; each has a fresh `gated_at` afterwards, and `stopped` when it must not be sent."""
        if parcels:
            await self._database.insist(lambda connection: check_with(connection, parcels))


async def check_with(connection: Connection, parcels: Sequence[Parcel]) -> None:
    """The same with a connection that is already at hand."""
    asked_at = asyncio.get_running_loop().time()
    campaigns: dict[tuple[int, UUID, int], list[Parcel]] = defaultdict(list)
    singles: list[Parcel] = []
    for parcel in parcels:
        if parcel.source_id is not None and parcel.topic_id is not None:
            campaigns[parcel.account_id, parcel.source_id, parcel.topic_id].append(parcel)
        else:
            singles.append(parcel)
    for (account_id, _, topic_id), members in campaigns.items():
        await check_consent(connection, account_id, topic_id, members)
    if campaigns:
        await _check_states(
            connection, {source_id: members for (_, source_id, _), members in campaigns.items()}
        )
    if singles:
        await _check_singles(connection, singles)
        for parcel in singles:
            parcel.gated_at = asked_at


def stop_for(reason: Reason) -> Result:
    """The result for a parcel that the gate refused. A stopped account is a matter of time, the rest is final."""
    if reason is Reason.ACCOUNT_STOPPED:
        return STOPPED_ACCOUNT
    return Result(SUPPRESSED, reply=str(SENTENCES[reason]), reason=reason.value)


def stop_for_states(campaign: str | None, account: str | None) -> Result | None:
    """What the states of campaign and account mean for everything of theirs that is not yet sent."""
    if campaign == "canceled":
        return CANCELED_CAMPAIGN
    if campaign == "paused":
        return PAUSED
    return None if account == "active" else STOPPED_ACCOUNT


async def check_consent(
    connection: Connection, account_id: int, topic_id: int, members: Sequence[Parcel]
) -> None:
    """The contacts' side of the gate for one campaign, whose own state the caller knows."""
    asked_at = asyncio.get_running_loop().time()
    rows = await fetch(
        connection,
        load_sql("consent", "find_refused"),
        {
            "account_id": account_id,
            "topic_id": topic_id,
            "contact_ids": uuid_array(parcel.contact_id for parcel in members),
            "address_hashes": bytea_array(parcel.address_hash for parcel in members),
            "now": utc_now(),
        },
    )
    refused = dict(rows)
    for parcel in members:
        parcel.gated_at = asked_at
        if refused and (reason := refused.get(parcel.contact_id)):
            parcel.stopped = stop_for(Reason(reason))


async def _check_states(connection: Connection, groups: Mapping[UUID, Sequence[Parcel]]) -> None:
    rows = await fetch(
        connection,
        load_sql("delivery", "find_campaign_states"),
        {"source_ids": uuid_array(groups)},
    )
    for source_id, state in rows:
        stop = stop_for_states(state, "active")
        if stop is not None:
            for parcel in groups[source_id]:
                parcel.stopped = stop


async def _check_singles(connection: Connection, singles: Sequence[Parcel]) -> None:
    rows = await fetch(
        connection,
        load_sql("delivery", "find_refused_singles"),
        {
            "numbers": int_array(range(len(singles))),
            "account_ids": int_array(parcel.account_id for parcel in singles),
            "contact_ids": uuid_array(parcel.contact_id for parcel in singles),
            "email_keys": text_array(parcel.email_key for parcel in singles),
            "address_hashes": bytea_array(parcel.address_hash for parcel in singles),
            "scopes": text_array(_find_scope(parcel) for parcel in singles),
            "topic_ids": int_array(parcel.topic_id for parcel in singles),
            "now": utc_now(),
        },
    )
    for number, reason in rows:
        singles[number].stopped = stop_for(Reason(reason))


def _find_scope(parcel: Parcel) -> str:
    """Mail on a topic is what its recipient may leave, whatever stream carries it; as it was judged when it was accepted."""
    return parcel.stream if parcel.topic_id is None else MARKETING
