"""The campaigns that this worker has met: their composer, their topic, and how their contacts become recipients."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from dynamail.consent.address_hash import hash_addresses
from dynamail.content.problems import ContentError
from dynamail.delivery.database import Database, uuid_array
from dynamail.delivery.identities import Identities
from dynamail.delivery.records import MARKETING, Owner, Parcel
from dynamail.delivery.routing import find_domain
from dynamail.lib.clock import utc_now
from dynamail.messages.composing import Composer, ComposingSettings, make_frozen
from dynamail.messages.personalizing import Recipient, name_attributes
from dynamail.messages.signing import SigningError
from dynamail.protocols.smtp.envelopes import Envelope

log = logging.getLogger(__name__)

MOST_SOURCES = 32  # compiled campaigns kept; an account's next campaign rarely needs the last one
MAX_PROBLEM = 500


@dataclass(frozen=True, slots=True)
class Reached:
    """A contact as loaded for sending. `key` is the folded address, `address_hash` what suppressions are found by."""

    recipient: Recipient
    key: str
    address_hash: bytes


@dataclass(frozen=True, slots=True)
class Source:
    """One campaign, compiled."""

    account_id: int
    source_id: UUID
    topic_id: int
    composer: Composer
    catalogue: Mapping[str, str]
    sender_domain: str

    def make_parcel(
        self, owner: Owner, contact_id: UUID, reached: Reached | None, *, position: int = 0
    ) -> Parcel:
        """A parcel for one contact; without `reached` the contact is gone, which the gate finds out."""
        message_id = self.composer.message_id(contact_id)
        if reached is None:
            return Parcel(
                owner=owner,
                account_id=self.account_id,
                message_id=message_id,
                email="",
                compose=_refuse_gone,
                contact_id=contact_id,
                source_id=self.source_id,
                topic_id=self.topic_id,
                position=position,
                stream=MARKETING,
                sender_domain=self.sender_domain,
            )
        recipient, composer = reached.recipient, self.composer

        def compose(parcel: Parcel, now: datetime) -> Envelope:
            return composer.compose(recipient, message_id=message_id, now=now, token=parcel)

        return Parcel(
            owner=owner,
            account_id=self.account_id,
            message_id=message_id,
            email=recipient.email,
            compose=compose,
            contact_id=contact_id,
            source_id=self.source_id,
            topic_id=self.topic_id,
            address_hash=reached.address_hash,
            position=position,
            stream=MARKETING,
            sender_domain=self.sender_domain,
        )


class Sources:
    """A small cache. Content that does not compile pauses its campaign with the reason, and so does a key that cannot sign."""

    def __init__(self, database: Database, settings: ComposingSettings) -> None:
        self.identities = Identities(database)
        self._database, self._settings = database, settings
        self._known: OrderedDict[tuple[int, UUID], Source] = OrderedDict()

    async def find(self, account_id: int, source_id: UUID) -> Source | None:
        """The campaign, or None when its content is missing or cannot be written to anybody."""
        key = (account_id, source_id)
        source = self._known.get(key)
        if source is None:
            source = await self._load(account_id, source_id)
            if source is None:
                return None
            self._known[key] = source
            if len(self._known) > MOST_SOURCES:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return source if await self._sign(source) else None

    async def _sign(self, source: Source) -> bool:
        """Keys are exchanged and domains verified while a campaign runs."""
        from_email = source.composer.frozen.sender.email
        try:
            source.composer.sign_as(await self.identities.find(source.account_id, from_email))
        except SigningError as error:
            await self._stop(source.account_id, source.source_id, str(error))
            return False
        return True

    async def _load(self, account_id: int, source_id: UUID) -> Source | None:
        rows = await self._database.run("load_source", {"account_id": account_id, "source_id": source_id})
        if not rows:
            await self._stop(account_id, source_id, "The content of this campaign is missing.")
            return None
        created_at, kind, content, sender, settings, catalogue = rows[0]
        try:
            frozen = make_frozen(account_id, source_id, created_at, kind, content, sender, settings)
            composer = await asyncio.to_thread(Composer, frozen, self._settings)
        except (ContentError, ValueError, TypeError) as error:
            log.warning("Campaign %s cannot be composed: %s", source_id, error)
            await self._stop(account_id, source_id, f"The content cannot be written: {error}")
            return None
        sender_domain = find_domain(frozen.sender.email)
        return Source(account_id, source_id, frozen.settings.topic_id, composer, catalogue, sender_domain)

    async def _stop(self, account_id: int, source_id: UUID, problem: str) -> None:
        await self._database.run(
            "stop_campaign",
            {
                "account_id": account_id,
                "source_id": source_id,
                "problem": problem[:MAX_PROBLEM],
                "now": utc_now(),
            },
        )


async def load_reached(
    database: Database, source: Source, contact_ids: Sequence[UUID]
) -> dict[UUID, Reached]:
    """The contacts that still exist, up to a chunk of them in one statement."""
    rows = await database.run(
        "load_contacts",
        {
            "account_id": source.account_id,
            "topic_id": source.topic_id,
            "contact_ids": uuid_array(contact_ids),
        },
    )
    hashes = hash_addresses(source.account_id, [row[2] for row in rows])
    return {
        row[0]: _to_reached(row, address_hash, source.catalogue)
        for row, address_hash in zip(rows, hashes, strict=True)
    }


def _to_reached(row: tuple[Any, ...], address_hash: bytes, catalogue: Mapping[str, str]) -> Reached:
    contact_id, email, key, name, language, attributes, tracking_allowed = row
    values = name_attributes(msgspec.json.decode(attributes), catalogue) if attributes != "{}" else {}
    return Reached(Recipient(contact_id, email, name, language, values, tracking_allowed), key, address_hash)


def _refuse_gone(parcel: Parcel, now: datetime) -> Envelope:
    raise ContentError([])
