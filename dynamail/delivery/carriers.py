"""What opens the connections of a way out: to a relay, to the hosts of a destination, to a provider's API."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from dynamail.delivery.provider_api import ApiHop, open_api
from dynamail.protocols.smtp.client import open_connection
from dynamail.protocols.smtp.next_hop import NextHop
from dynamail.protocols.smtp.pipeline import NextEnvelope, OnFinalDot, OnOutcome
from dynamail.protocols.smtp.replies import SmtpError

BAD_HOST_SECONDS = 60.0
MOST_BAD_HOSTS = 10_000


class Link(Protocol):
    """An open connection, as `SmtpConnection` is one."""

    @property
    def is_usable(self) -> bool: ...

    async def deliver(
        self, next_envelope: NextEnvelope, *, on_final_dot: OnFinalDot, on_outcome: OnOutcome
    ) -> None:
        """Send what `next_envelope()` yields until it returns None; each envelope gets exactly one outcome, also when canceled.

        `on_final_dot(envelope)` is called before anything is done that could make the other side accept the message; when it
        raises, nothing of the sort is done, and the error is raised here.
        """
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Carrier(Protocol):
    """Opens links to one place. Two that are equal lead to the same place in the same way."""

    async def open(self) -> Link:
        """Raises SmtpError."""
        ...


@dataclass(frozen=True, slots=True)
class RelayCarrier:
    """One SMTP server that takes mail for everybody: a relay, or the Mailbox."""

    hop: NextHop

    async def open(self) -> Link:
        return await open_connection(self.hop)


@dataclass(frozen=True, slots=True)
class ApiCarrier:
    """A provider's API over HTTPS."""

    hop: ApiHop = field(repr=False)

    async def open(self) -> Link:
        return await open_api(self.hop)


class HostMemory:
    """Which hosts could not be reached lately, so that the next connection begins with another one. Shared by all ways out."""

    def __init__(self) -> None:
        self._bad_until: OrderedDict[tuple[str, int], float] = OrderedDict()  # loop time

    def note_failure(self, hop: NextHop, now: float) -> None:
        self._bad_until[hop.host, hop.port] = now + BAD_HOST_SECONDS
        self._bad_until.move_to_end((hop.host, hop.port))
        if len(self._bad_until) > MOST_BAD_HOSTS:
            self._bad_until.popitem(last=False)

    def note_success(self, hop: NextHop) -> None:
        self._bad_until.pop((hop.host, hop.port), None)

    def sort(self, hops: Sequence[NextHop], now: float) -> list[NextHop]:
        """Those that failed lately come last; the order is kept otherwise."""
        return sorted(hops, key=lambda hop: self._bad_until.get((hop.host, hop.port), 0.0) > now)


@dataclass(frozen=True, slots=True)
class DestinationCarrier:
    """The hosts of one destination, tried in order until one greets."""

    hops: tuple[NextHop, ...]
    memory: HostMemory = field(compare=False, repr=False)

    async def open(self) -> Link:
        loop = asyncio.get_running_loop()
        hops = self.memory.sort(self.hops, loop.time())
        for hop in hops[:-1]:
            with suppress(SmtpError):
                return await self._try(hop)
        return await self._try(hops[-1])

    async def _try(self, hop: NextHop) -> Link:
        try:
            connection = await open_connection(hop)
        except SmtpError:
            self.memory.note_failure(hop, asyncio.get_running_loop().time())
            raise
        self.memory.note_success(hop)
        return connection
