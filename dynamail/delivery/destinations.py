"""Where mail for a domain goes when no relay carries it: looked up once for all who ask, kept for some minutes.

Nobody waits for a lookup: `find` answers at once with what is known, and calls back when there is more to know.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from dynamail.delivery.outcomes import MAX_REPLY
from dynamail.delivery.records import BOUNCED, DEFERRED, Result
from dynamail.protocols.codes import BounceClass, is_hard
from dynamail.protocols.dns import Resolver
from dynamail.protocols.hop_plans import HopPlan, HopSettings, plan_hops
from dynamail.protocols.mta_sts import HttpsFetcher, StsPolicies
from dynamail.protocols.mx import UnroutableDomain
from dynamail.protocols.smtp.replies import SmtpReply

log = logging.getLogger(__name__)

KEPT_SECONDS = 300.0
UNKNOWN_KEPT_SECONDS = 30.0  # after a DNS failure
MOST_KEPT = 50_000
LOOKUPS_AT_ONCE = 200
POLICY_SECONDS = (
    10.0  # RFC 8461 §3.3 suggests a minute; but others' lookups wait for the places of those that hang
)
# RFC 3463: no such domain, and RFC 7505: accepts no mail. The others say something about how its DNS is kept.
_BAD_DOMAIN = ("5.1.2", "5.1.10")


@dataclass(frozen=True, slots=True)
class Destination:
    """What is known of a domain. Without `plan` nothing can be sent to it; `result` says what becomes of its messages."""

    plan: HopPlan | None
    result: Result | None
    expires_at: float  # loop time

    @property
    def site(self) -> str:
        return self.plan.site if self.plan else ""


class Destinations:
    """See the module. Used by one event loop."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._policies = StsPolicies(resolver, HttpsFetcher(resolver, seconds=POLICY_SECONDS))
        self._known: OrderedDict[tuple[HopSettings, str], Destination] = OrderedDict()
        self._running: dict[tuple[HopSettings, str], asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(LOOKUPS_AT_ONCE)

    def find(self, domain: str, settings: HopSettings, on_found: Callable[[str], None]) -> Destination | None:
        """The destination of a domain (A-labels); None when it must be looked up first: then `on_found(domain)` is called later."""
        key = settings, domain
        known = self._known.get(key)
        loop = asyncio.get_running_loop()
        if known is not None and loop.time() < known.expires_at:
            return known
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = loop.create_task(self._look_up(key))
        task.add_done_callback(lambda done: None if done.cancelled() else on_found(domain))
        return None

    async def close(self) -> None:
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _look_up(self, key: tuple[HopSettings, str]) -> None:
        settings, domain = key
        try:
            async with self._places:
                found = await self._ask(domain, settings)
        except Exception:
            log.exception("The destination of a domain could not be looked up")
            found = _defer("An internal error while looking for the mail server.")
        finally:
            del self._running[key]
        self._known[key] = found
        self._known.move_to_end(key)
        if len(self._known) > MOST_KEPT:
            self._known.popitem(last=False)

    async def _ask(self, domain: str, settings: HopSettings) -> Destination:
        try:
            plan = await plan_hops(domain, resolver=self._resolver, sts=self._policies, settings=settings)
        except UnroutableDomain as error:
            return _refuse(error) if error.permanent else _defer(error.text, error.enhanced)
        return Destination(plan, None, asyncio.get_running_loop().time() + KEPT_SECONDS)


def _refuse(error: UnroutableDomain) -> Destination:
    """The domain's own DNS says that nobody can write to it."""
    bounce_class = BounceClass.BAD_DOMAIN if error.enhanced in _BAD_DOMAIN else BounceClass.ROUTING
    reply = SmtpReply(550, error.enhanced, error.text)
    result = Result(
        BOUNCED,
        bounce_class,
        reply.code,
        reply.enhanced,
        reply.text[:MAX_REPLY],
        is_hard(bounce_class, reply),
    )
    return Destination(None, result, asyncio.get_running_loop().time() + KEPT_SECONDS)


def _defer(text: str, enhanced: str = "4.4.3") -> Destination:
    result = Result(DEFERRED, BounceClass.ROUTING, 450, enhanced, text[:MAX_REPLY])
    return Destination(None, result, asyncio.get_running_loop().time() + UNKNOWN_KEPT_SECONDS)
