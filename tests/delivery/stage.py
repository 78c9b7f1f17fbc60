"""Everything around a deliver worker in a test: accounts with relays, launched campaigns, real workers in threads."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import uvloop

from dynamail.delivery.worker import Worker, WorkerSettings
from dynamail.lib.clock import utc_now
from dynamail.messages.accounting import Accounting, count_outcomes, find_miscounts
from dynamail.messages.composing import load_composing_settings
from dynamail.messages.freezing import FrozenSettings, FrozenSource
from dynamail.protocols.smtp.next_hop import Timeouts
from tests.support.campaign_rows import (
    LaunchedCampaign,
    add_account,
    add_contacts,
    add_relay,
    add_topic,
    launch,
)

PATIENCE = 30.0  # seconds; a test that waits longer has failed
SHORT = Timeouts(*[2.0] * 11)
SOURCE = FrozenSource("text", "Hello {{ contact.name }}", "Dear {{ contact.name }} of {{ contact.city }}.\n")


class RunningWorker:
    """A worker in a thread of its own."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._ready = threading.Event()
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait(PATIENCE)

    def _run(self) -> None:
        async def main() -> None:
            self.worker = Worker(self._settings)
            self._loop = asyncio.get_running_loop()
            self._ready.set()
            await self.worker.run()

        try:
            uvloop.run(main())
        except BaseException as error:
            self.error = error
            self._ready.set()

    def stop(self) -> None:
        """As SIGTERM does. Raises what the worker raised."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self.worker.stop)
        self.join()

    def join(self) -> None:
        self._thread.join(2 * PATIENCE)
        assert not self._thread.is_alive(), "the worker did not stop"
        if self.error is not None:
            raise self.error


class Stage:
    """See the module."""

    def __init__(self, connection: psycopg.Connection[Any], conninfo: str, journal: Path) -> None:
        self.connection = connection
        self.settings = WorkerSettings(
            conninfo=conninfo,
            journal_dir=journal,
            window=20,
            connections=4,
            composing=load_composing_settings(),
            timeouts=SHORT,
        )
        self._workers: list[RunningWorker] = []

    # --- making --------------------------------------------------------------------------------------------------------

    def account(self, relay_port: int | None = None, *, connections: int = 4, rate: int | None = None) -> int:
        now = utc_now()
        account_id = add_account(self.connection, now)
        if relay_port is not None:
            add_relay(self.connection, account_id, relay_port, now, connections=connections, rate=rate)
        return account_id

    def relay(self, account_id: int, port: int = 25, **values: Any) -> int:
        """A transport that is not the default one."""
        return add_relay(self.connection, account_id, port, utc_now(), **{"is_default": False, **values})

    def pool(self, account_id: int, weights: dict[int, int]) -> int:
        """Weights by transport."""
        pool_id = self.value(
            "INSERT INTO pool (uid, created_at, account_id, name) VALUES (gen_random_uuid(), now(), %s, 'Pool') RETURNING id",
            account_id,
        )
        for transport_id, weight in weights.items():
            self.change(
                "INSERT INTO pool_member (account_id, pool_id, transport_id, weight) VALUES (%s, %s, %s, %s)",
                account_id,
                pool_id,
                transport_id,
                weight,
            )
        return int(pool_id)

    def rule(
        self,
        account_id: int,
        *,
        pool: int | None = None,
        transport: int | None = None,
        stream: str = "",
        sender: str = "",
        recipient: str = "",
    ) -> None:
        """One more routing rule, after those that exist."""
        self.change(
            "INSERT INTO routing_rule (uid, created_at, account_id, position, stream, sender_domain, recipient_domain, pool_id,"
            " transport_id) SELECT gen_random_uuid(), now(), %s, count(*), %s, %s, %s, %s, %s FROM routing_rule WHERE account_id = %s",
            account_id,
            stream,
            sender,
            recipient,
            pool,
            transport,
            account_id,
        )

    def campaign(
        self,
        account_id: int,
        emails: list[str],
        *,
        source: FrozenSource = SOURCE,
        chunk_size: int = 500,
        tracking: str = "none",
    ) -> LaunchedCampaign:
        now = utc_now()
        topic_id = add_topic(self.connection, account_id, now, name=f"Topic {now.timestamp()}")
        ids = add_contacts(self.connection, account_id, topic_id, emails, now)
        settings = FrozenSettings(topic_id, "Product news", "November", "Roastery", tracking=tracking)
        return launch(
            self.connection,
            account_id,
            topic_id,
            ids,
            now,
            source=source,
            settings=settings,
            chunk_size=chunk_size,
        )

    # --- working -------------------------------------------------------------------------------------------------------

    def start(self, **changes: Any) -> RunningWorker:
        worker = RunningWorker(replace(self.settings, **changes))
        self._workers.append(worker)
        return worker

    def deliver(self, **changes: Any) -> None:
        """One worker until nothing is due any more."""
        self.start(once=True, **changes).join()

    def stop_workers(self) -> None:
        for worker in self._workers:
            worker.stop()

    # --- asking --------------------------------------------------------------------------------------------------------

    def rows(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        return self.connection.execute(statement, parameters or None).fetchall()  # type: ignore[arg-type]

    def value(self, statement: str, *parameters: object) -> Any:
        return self.rows(statement, *parameters)[0][0]

    def change(self, statement: str, *parameters: object) -> None:
        self.connection.execute(statement, parameters or None)  # type: ignore[arg-type]

    def count(self, campaign: LaunchedCampaign) -> Accounting:
        """Where everybody is; checks that the numbers add up and agree with the log."""
        accounting = count_outcomes(campaign.account_id, campaign.source_id)
        assert accounting.adds_up, accounting
        assert find_miscounts(campaign.account_id, campaign.source_id) == {}
        return accounting

    def campaign_state(self, campaign: LaunchedCampaign) -> str:
        return self.value("SELECT state FROM campaign WHERE uid = %s", campaign.source_id)

    def delivered(self, campaign: LaunchedCampaign) -> int:
        """For waiting: one look, while workers go on."""
        accounting = count_outcomes(campaign.account_id, campaign.source_id)
        assert accounting.adds_up, accounting
        return accounting.delivered

    def states(self, campaign: LaunchedCampaign) -> dict[str, str]:
        """State in the log by recipient."""
        return dict(
            self.rows("SELECT recipient, state FROM message WHERE source_id = %s", campaign.source_id)
        )

    def wait_until(self, fact: Callable[[], Any]) -> Any:
        """Wait for a fact in the database or the relay."""
        deadline = time.monotonic() + PATIENCE
        while not (found := fact()):
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.02)
        return found

    def outbox(self) -> list[tuple[Any, ...]]:
        return self.rows(
            "SELECT recipient, attempts, run_at, in_doubt, last_code, worker FROM outbox ORDER BY recipient"
        )


def addresses(count: int, *, domain: str = "example.com") -> list[str]:
    return [f"p{number}@{domain}" for number in range(count)]


def recent(at: datetime, since: datetime) -> bool:
    return at >= since


def ids_of(campaign: LaunchedCampaign) -> set[UUID]:
    return {campaign.message_id(contact_id) for contact_id in campaign.contact_ids}
