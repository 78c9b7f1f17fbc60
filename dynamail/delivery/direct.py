"""Direct delivery: mail for any domain, to the hosts that the domain names. One way out for each site, made when it is needed.

1. A parcel's domain is looked up (`destinations`); until the answer is there it is parked, and others go on.
2. Domains with the same hosts and the same demands share one way out and its connections; all of one site share its throttle.
3. A domain that takes no mail bounces at once; one whose DNS does not answer is tried again later.
4. What its site cannot take within LONGEST_WAIT goes elsewhere or back to the database, so that nobody waits behind it: a moment is
   found for each message (`postponed`), or, after a failed connection, its attempt is counted (`deferred`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from weakref import WeakValueDictionary

from dynamail.delivery.carriers import Carrier, DestinationCarrier, HostMemory
from dynamail.delivery.connections import LONGEST_WAIT, TRYING_INTERVAL, Crowd, Equipment, WayOut
from dynamail.delivery.destinations import Destination, Destinations
from dynamail.delivery.health import Tally
from dynamail.delivery.pacing import Slots
from dynamail.delivery.queues import Parking
from dynamail.delivery.records import BOUNCED, DEFERRED, POSTPONED, Owner, Parcel, Result
from dynamail.delivery.routing import find_domain
from dynamail.delivery.throttling import Throttle, ThrottleKey, Throttles
from dynamail.delivery.transports import Route
from dynamail.protocols.hop_plans import HopPlan, HopSettings

CONNECT_SECONDS = 10.0  # to each host: there are others
UNUSED_SECONDS = 60.0  # after which an idle site is forgotten
UNREACHABLE = "4.4.1"


@dataclass(frozen=True, slots=True)
class DirectEquipment:
    """What direct delivery of all accounts shares."""

    ways: Equipment
    throttles: Throttles
    destinations: Destinations
    memory: HostMemory
    settings: HopSettings


class Direct:
    """See the module. `move` tries to send a parcel another way and says whether it could; `on_trouble` is called when nothing is going
    to leave for any destination."""

    def __init__(
        self,
        route: Route,
        equipment: DirectEquipment,
        *,
        move: Callable[[Parcel, bool, Direct], bool],
        on_trouble: Callable[[Direct], None],
    ) -> None:
        self._equipment, self._move, self._on_trouble = equipment, move, on_trouble
        self._slots = Slots()
        self._sites: dict[object, WayOut] = {}
        self._parking = Parking()
        self._crowds: WeakValueDictionary[str, Crowd] = WeakValueDictionary()  # by site
        self._loop = asyncio.get_running_loop()
        self.tally = Tally(route.account_id, route.transport_id)  # of what never came to a site
        self.sent_by_forgotten = 0
        self.change(route)

    # --- for the outlet ------------------------------------------------------------------------------------------------

    @property
    def is_closed(self) -> bool:
        """Nothing goes to any destination: the transport cannot be used, or its own limits are reached."""
        return bool(self.route.problem) or self.wait > LONGEST_WAIT

    @property
    def is_full(self) -> bool:
        return False

    @property
    def seconds_closed(self) -> float:
        return max(LONGEST_WAIT if self.route.problem else 0.0, self.wait)

    @property
    def problem(self) -> str:
        if self.route.problem:
            return self.route.problem
        return "The limit of messages is reached." if self.wait > LONGEST_WAIT else ""

    @property
    def is_idle(self) -> bool:
        return not self._parking and all(way.is_idle for way in self._sites.values())

    def list_ways(self) -> Iterator[WayOut]:
        return iter(list(self._sites.values()))

    def list_tallies(self) -> Iterator[Tally]:
        return iter([self.tally, *(way.tally for way in self._sites.values())])

    def submit(self, parcels: Iterable[Parcel], *, urgent: bool = False) -> None:
        """Queue each parcel towards its own destination."""
        ready: dict[WayOut, list[Parcel]] = {}
        for parcel in parcels:
            way = self._find_way(parcel, urgent)
            if way is not None:
                ready.setdefault(way, []).append(parcel)
        for way, members in ready.items():
            way.submit(members, urgent=urgent)

    def withdraw(self, owner: Owner) -> None:
        """As `WayOut.withdraw`."""
        for way in self.list_ways():
            way.withdraw(owner)
        self._parking.withdraw(owner)

    def find_slot(self) -> float:
        """Seconds after which one message that cannot go now should come again."""
        interval = max(self._limit.seconds_per_message, TRYING_INTERVAL)
        return self._slots.find_wait(
            self._loop.time(), earliest=max(1.0, self.seconds_closed), interval=interval
        )

    def change(self, route: Route) -> None:
        """Settings changed. Sites that were reached another way lose their connections when they are next idle."""
        self.route = route
        timeouts = replace(route.hop.timeouts, connect=min(CONNECT_SECONDS, route.hop.timeouts.connect))
        self._settings = replace(
            self._equipment.settings,
            helo_name=route.hop.helo_name,
            source_address=route.hop.source_address,
            timeouts=timeouts,
        )
        self._limit = self._find_throttle("")
        for way in self._sites.values():
            way.change(route, way.carrier, self._find_throttle(way.site))

    def forget_unused(self, now: float) -> list[Tally]:
        """Drop idle sites; returns their last counts."""
        unused = [
            key for key, way in self._sites.items() if way.is_idle and now - way.used_at > UNUSED_SECONDS
        ]
        gone = [self._sites.pop(key) for key in unused]
        self.sent_by_forgotten += sum(way.sent for way in gone)
        return [way.tally for way in gone]

    # --- where a parcel goes -------------------------------------------------------------------------------------------

    @property
    def wait(self) -> float:
        """Seconds until the transport's own limits let a message go to anybody."""
        return self._limit.seconds_to_wait(self._loop.time())

    def _find_way(self, parcel: Parcel, urgent: bool) -> WayOut | None:
        """The way out to its destination; None when the parcel is taken care of otherwise."""
        if parcel.stopped is not None:
            parcel.owner.take_result(parcel, parcel.stopped)
            return None
        domain = find_domain(parcel.email)
        if domain not in self._parking:
            found = self._equipment.destinations.find(domain, self._settings, self._take_up)
            if found is not None:
                return self._find_open(parcel, urgent, found)
        self._parking.park(domain, parcel, urgent=urgent)
        return None

    def _take_up(self, domain: str) -> None:
        """A domain was looked up."""
        waiting = self._parking.take_out(domain)
        for urgent in (True, False):
            members = [parcel for parcel, is_urgent in waiting if is_urgent is urgent]
            if members:
                self.submit(members, urgent=urgent)

    def _find_open(self, parcel: Parcel, urgent: bool, found: Destination) -> WayOut | None:
        parcel.transport_id = self.route.transport_id
        if found.plan is None or found.result is not None:
            self._end(parcel, found.result or Result(DEFERRED))
            return None
        way = self._find_site(found.plan)
        if way.is_closed or way.expect_wait(urgent=urgent) > LONGEST_WAIT:
            self._postpone(way, parcel, urgent)
            return None
        return way

    def _end(self, parcel: Parcel, result: Result) -> None:
        """Nobody needs to be asked to know what becomes of it."""
        self.tally.bounced += result.state == BOUNCED
        self.tally.deferred += result.state == DEFERRED
        parcel.owner.take_result(parcel, result)

    def _postpone(self, way: WayOut, parcel: Parcel, urgent: bool) -> None:
        if not self._move(parcel, urgent, self):
            result = Result(POSTPONED, reply=way.problem, wait=way.find_slot())
            parcel.owner.take_result(parcel, result)

    def _find_site(self, plan: HopPlan) -> WayOut:
        key = plan.site, frozenset(plan.hops)
        way = self._sites.get(key)
        if way is None:
            way = self._sites[key] = WayOut(
                self.route,
                self._make_carrier(plan),
                self._find_throttle(plan.site),
                equipment=self._equipment.ways,
                site=plan.site,
                crowd=self._crowds.setdefault(plan.site, Crowd()),
                on_trouble=self._clear,
            )
        way.used_at = self._loop.time()
        return way

    def _make_carrier(self, plan: HopPlan) -> Carrier:
        return DestinationCarrier(plan.hops, self._equipment.memory)

    def _find_throttle(self, site: str) -> Throttle:
        key = ThrottleKey(self.route.account_id, self.route.transport_id or 0, site)
        return self._equipment.throttles.find(key, self.route.limits)

    # --- when a destination cannot be reached --------------------------------------------------------------------------

    def _clear(self, way: WayOut) -> None:
        """Nothing will go there soon: what is queued must not hold up those behind it."""
        now = self._loop.time()
        if self.is_closed:
            self._on_trouble(self)
            return
        if way.breaker.is_closed(now):
            for parcel, urgent in way.give_up_queue():
                if not self._move(parcel, urgent, self):
                    way.tally.deferred += 1
                    result = Result(DEFERRED, enhanced=UNREACHABLE, reply=way.problem)
                    parcel.owner.take_result(parcel, parcel.stopped or result)
            return
        # A server that is only slow to greet would never get anything if nobody waited for it.
        patient = 1 if way.is_stalled(now) else 0

        def is_given(parcel: Parcel) -> bool:
            nonlocal patient
            patient -= parcel.owner.is_patient
            return not parcel.owner.is_patient or patient < 0

        for parcel, urgent in way.give_up_queue(is_given):
            self._postpone(way, parcel, urgent)
