"""All ways out of one account, and which of them a message takes.

1. Without rules and pools there is one way, and everything takes it.
2. Else the rules decide, first match first: by stream (its key or its kind), by the domain in From, by the recipient's domain or the site that receives its
   mail (then it is looked up first, and the message is parked meanwhile). No rule: the default transport; none: the Mailbox.
3. In a pool the members take turns by weight, as long as they are open and have room; a member of weight 0 works only while no other
   can. When a way closes, what is queued on it moves to another member; when it works again, it gets its turns again.
4. What has nowhere to go: if nothing of its stream can go, it is left to the lanes (`is_closed_for`), which take it back; if others can
   go, it alone is postponed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence

from dynamail.delivery.connections import WayOut
from dynamail.delivery.direct import Direct, DirectEquipment
from dynamail.delivery.health import Tally
from dynamail.delivery.queues import Parking
from dynamail.delivery.records import POSTPONED, RETURNED, Owner, Parcel, Result
from dynamail.delivery.routing import find_domain
from dynamail.delivery.throttling import Throttle, ThrottleKey
from dynamail.delivery.transports import Route, Routing
from dynamail.senders.route_matching import Rule, find_rule, needs_site

MOST_REMEMBERED = 20_000  # answers to "which way", by stream and domains
LONGEST_PAUSE = 60.0  # seconds before a chunk is looked at again whose way is closed

EMPTY_POOL = "The pool that a rule names has no transport."

Exit = WayOut | Direct


class Member:
    """A way out and its weight; `turn` is its state in smooth weighted round robin."""

    __slots__ = ("exit", "turn", "weight")

    def __init__(self, exit_: Exit, weight: int) -> None:
        self.exit, self.weight, self.turn = exit_, weight, 0


class Target:
    """One transport, or the members of a pool."""

    def __init__(self, members: Sequence[Member]) -> None:
        self._members = [member for member in members if member.weight > 0]
        self._standby = [member for member in members if member.weight <= 0]

    @property
    def exits(self) -> list[Exit]:
        return [member.exit for member in (*self._members, *self._standby)]

    @property
    def is_closed(self) -> bool:
        return all(way.is_closed for way in self.exits)

    @property
    def seconds_closed(self) -> float:
        return min((way.seconds_closed for way in self.exits), default=LONGEST_PAUSE)

    @property
    def problem(self) -> str:
        return next((way.problem for way in self.exits if way.problem), "" if self.exits else EMPTY_POOL)

    def list_slow(self) -> list[WayOut]:
        """Members that have more than they can send soon, while another one has room."""
        exits = [member.exit for member in self._members]
        if len(exits) < 2 or all(way.is_full or way.is_closed for way in exits):
            return []
        return [way for way in exits if isinstance(way, WayOut) and way.is_full]

    def choose(self, without: Exit | None = None) -> Exit | None:
        """Whose turn it is; None when nobody works."""
        for members in (self._members, self._standby):
            usable = [one for one in members if one.exit is not without and not one.exit.is_closed]
            if usable:
                return self._choose_turn([one for one in usable if not one.exit.is_full] or usable)
        return None

    def _choose_turn(self, members: Sequence[Member]) -> Exit:
        """Each comes as often as its weight says, and never twice in a row while others wait."""
        for member in members:
            member.turn += max(1, member.weight)
        chosen = max(members, key=lambda member: member.turn)
        chosen.turn -= sum(max(1, member.weight) for member in members)
        return chosen.exit


class Outlet:
    """See the module. Used by one event loop."""

    def __init__(self, routing: Routing, equipment: DirectEquipment) -> None:
        self._equipment = equipment
        self._exits: dict[int | None, Exit] = {}
        self._retired: list[Exit] = []
        self._moving: Parcel | None = None
        self._parking = Parking()
        self._loop = asyncio.get_running_loop()
        self.sent_by_forgotten = 0
        self.change(routing)

    # --- for the lanes -------------------------------------------------------------------------------------------------

    @property
    def account_id(self) -> int:
        return self.routing.account_id

    def now(self) -> float:
        """The event loop's clock."""
        return self._loop.time()

    @property
    def is_closed(self) -> bool:
        """Nothing of this account can go any way."""
        return all(target.is_closed for target in self._list_targets())

    @property
    def seconds_closed(self) -> float:
        """Until something may go again some way."""
        return min(target.seconds_closed for target in self._list_targets())

    def is_closed_for(self, stream: str, sender_domain: str, *, stream_key: str = "") -> bool:
        """Nothing of this stream from this domain can go any way."""
        targets = self._list_targets_for(stream, sender_domain, stream_key)
        return all(target.is_closed for target in targets)

    def seconds_closed_for(self, stream: str, sender_domain: str) -> float:
        targets = self._list_targets_for(stream, sender_domain)
        return min(LONGEST_PAUSE, *(target.seconds_closed for target in targets))

    @property
    def problem(self) -> str:
        """Why something does not go out, as a sentence; "" when all is well."""
        return next((target.problem for target in self._list_targets() if target.problem), "")

    @property
    def is_idle(self) -> bool:
        return not self._parking and all(way.is_idle for way in self._list_exits())

    def submit(self, parcels: Iterable[Parcel], *, urgent: bool = False) -> None:
        """Send each parcel its way. Their gate has just been asked."""
        if self._only is None:
            for parcel in parcels:
                self._dispatch(parcel, urgent)
            return
        plain = []
        for parcel in parcels:
            if parcel.to_mailbox:
                self._dispatch(parcel, urgent)
            else:
                plain.append(parcel)
        self._only.submit(plain, urgent=urgent)

    def withdraw(self, owner: Owner) -> None:
        """Take an owner's parcels back that no connection has pulled; each gets the result `returned`."""
        for way in self._list_exits():
            way.withdraw(owner)
        self._parking.withdraw(owner)

    def withdraw_from_closed(self, owner: Owner) -> None:
        """The same for a closed account; what goes to the Mailbox, which is open all the same, stays."""
        for way in self._list_exits():
            if way.is_closed:
                way.withdraw(owner)
        self._parking.withdraw(owner)

    # --- for Ways ------------------------------------------------------------------------------------------------------

    def list_ways(self) -> Iterator[WayOut]:
        """Every way out that it uses now, also those to single destinations."""
        for way in self._list_exits():
            if isinstance(way, WayOut):
                yield way
            else:
                yield from way.list_ways()

    def list_closed_direct(self) -> Iterator[Direct]:
        """Direct transports from which nothing leaves; they may have no way out to show it."""
        return (way for way in self._list_exits() if isinstance(way, Direct) and way.is_closed)

    def list_tallies(self) -> Iterator[Tally]:
        for way in self._list_exits():
            if isinstance(way, WayOut):
                yield way.tally
            else:
                yield from way.list_tallies()

    def change(self, routing: Routing) -> None:
        """Settings changed. What is queued on a way that is no longer used leaves another way."""
        self.routing = routing
        self._targets: dict[int | None, Target] = {}
        self._pools: dict[int, Target] = {}
        self._remembered: dict[tuple[str, str, str, str], Target] = {}
        for transport_id, way in list(self._exits.items()):
            route = routing.find_route(transport_id)
            if isinstance(way, Direct) == route.is_direct and self._is_used(transport_id):
                self._change_exit(way, route)
            else:
                self._retired.append(self._exits.pop(transport_id))
        is_plain = not routing.rules
        self._only = self._find_exit(routing.default) if is_plain else None
        for way in self._retired:
            self._empty(way)

    def look(self, now: float) -> None:
        """Several times a second: what waits in vain, or on the slow member of a pool, moves on."""
        for way in self.list_ways():
            way.look(now)
        for pool in self._pools.values():
            for slow in pool.list_slow():
                for parcel in slow.give_up_surplus():
                    self._dispatch(parcel, urgent=False)

    def forget_unused(self, now: float) -> list[Tally]:
        """Drop what is idle and unused; returns the last counts."""
        gone: list[Tally] = []
        for way in self._list_exits():
            if isinstance(way, Direct):
                gone += way.forget_unused(now)
        for way in [one for one in self._retired if one.is_idle]:
            self._retired.remove(way)
            gone.append(way.tally)
            self.sent_by_forgotten += way.sent if isinstance(way, WayOut) else way.sent_by_forgotten
        return gone

    @property
    def sent(self) -> int:
        forgotten = sum(way.sent_by_forgotten for way in self._list_exits() if isinstance(way, Direct))
        return self.sent_by_forgotten + forgotten + sum(way.sent for way in self.list_ways())

    # --- which way -----------------------------------------------------------------------------------------------------

    def _dispatch(self, parcel: Parcel, urgent: bool) -> None:
        target = self._find_or_park(parcel, urgent)
        if target is None:
            return
        if (way := target.choose()) is not None:
            way.submit((parcel,), urgent=urgent)
        else:
            self._hold_back(parcel, target)

    def _find_or_park(self, parcel: Parcel, urgent: bool) -> Target | None:
        """None when there is nothing to choose: the parcel was stopped, or waits until its domain is known."""
        if parcel.stopped is not None:
            parcel.owner.take_result(parcel, parcel.stopped)
            return None
        target = self._find_target(parcel)
        if target is None:
            self._parking.park(find_domain(parcel.email), parcel, urgent=urgent)
        return target

    def _hold_back(self, parcel: Parcel, target: Target) -> None:
        wait, problem = min(LONGEST_PAUSE, target.seconds_closed), target.problem
        if self.is_closed_for(parcel.stream, parcel.sender_domain, stream_key=parcel.stream_key):
            result = Result(RETURNED, reply=problem, wait=wait)
        else:
            slots = [way.find_slot() for way in target.exits]
            result = Result(POSTPONED, reply=problem, wait=min(slots, default=LONGEST_PAUSE))
        parcel.owner.take_result(parcel, result)

    def _find_target(self, parcel: Parcel) -> Target | None:
        """None while the site of the recipient's domain is being looked up."""
        if parcel.to_mailbox:
            return self._target_to(None)
        domain = find_domain(parcel.email)
        key = parcel.stream, parcel.stream_key, parcel.sender_domain, domain
        target = self._remembered.get(key)
        if target is None:
            target = self._apply_rules(*key)
            if target is not None:
                if len(self._remembered) >= MOST_REMEMBERED:
                    self._remembered.clear()
                self._remembered[key] = target
        return target

    def _apply_rules(self, stream: str, stream_key: str, sender_domain: str, domain: str) -> Target | None:
        rules = self.routing.rules
        message = {
            "stream": stream,
            "stream_key": stream_key,
            "sender_domain": sender_domain,
            "recipient_domain": domain,
        }
        rule = find_rule(rules, **message)
        if needs_site(rules, **message):
            if domain in self._parking:
                return None
            found = self._equipment.destinations.find(domain, self._equipment.settings, self._take_up)
            if found is None:
                return None
            rule = find_rule(rules, **message, site=found.site)
        return self._target_of(rule)

    def _take_up(self, domain: str) -> None:
        for parcel, urgent in self._parking.take_out(domain):
            self._dispatch(parcel, urgent)

    def _list_rules_for(self, stream: str, sender_domain: str, stream_key: str) -> Iterator[Rule]:
        """Rules that hold for a stream and a sender, whoever the recipient is."""
        for rule in self.routing.rules:
            general = Rule(rule.target, rule.stream, rule.sender_domain)
            if find_rule(
                [general],
                stream=stream,
                stream_key=stream_key,
                sender_domain=sender_domain,
                recipient_domain="",
            ):
                yield rule

    def _list_targets_for(self, stream: str, sender_domain: str, stream_key: str = "") -> list[Target]:
        targets = []
        for rule in self._list_rules_for(stream, sender_domain, stream_key):
            targets.append(self._target_of(rule))
            if not rule.recipient_domain:
                return targets
        return [*targets, self._target_of(None)]

    def _list_targets(self) -> list[Target]:
        targets = {id(one): one for one in map(self._target_of, self.routing.rules)}
        default = self._target_of(None)
        return [*targets.values(), *([] if id(default) in targets else [default])]

    def _target_of(self, rule: Rule | None) -> Target:
        if rule is not None and rule.target.pool_id is not None:
            return self._find_pool(rule.target.pool_id)
        return self._target_to(rule.target.transport_id if rule is not None else self.routing.default)

    def _target_to(self, transport_id: int | None) -> Target:
        target = self._targets.get(transport_id)
        if target is None:
            target = self._targets[transport_id] = Target([Member(self._find_exit(transport_id), 1)])
        return target

    def _find_pool(self, pool_id: int) -> Target:
        pool = self._pools.get(pool_id)
        if pool is None:
            members = [
                Member(self._find_exit(transport_id), weight)
                for transport_id, weight in self.routing.pools.get(pool_id, ())
            ]
            pool = self._pools[pool_id] = Target(members)
        return pool

    # --- the ways themselves -------------------------------------------------------------------------------------------

    def _find_exit(self, transport_id: int | None) -> Exit:
        way = self._exits.get(transport_id)
        if way is None:
            way = self._exits[transport_id] = self._make_exit(self.routing.find_route(transport_id))
        return way

    def _make_exit(self, route: Route) -> Exit:
        if route.carrier is None:
            return Direct(route, self._equipment, move=self._move, on_trouble=self._empty)
        return WayOut(
            route,
            route.carrier,
            self._find_throttle(route),
            equipment=self._equipment.ways,
            on_trouble=self._empty,
        )

    def _change_exit(self, way: Exit, route: Route) -> None:
        if isinstance(way, Direct):
            way.change(route)
        elif route.carrier is not None:
            way.change(route, route.carrier, self._find_throttle(route))

    def _find_throttle(self, route: Route) -> Throttle:
        key = ThrottleKey(route.account_id, route.transport_id or 0, "")
        return self._equipment.throttles.find(key, route.limits)

    def _is_used(self, transport_id: int | None) -> bool:
        routing = self.routing
        if transport_id == routing.default:
            return True
        used = {rule.target.transport_id for rule in routing.rules if rule.target.transport_id is not None}
        pools = {rule.target.pool_id for rule in routing.rules}
        for pool_id, members in routing.pools.items():
            if pool_id in pools:
                used |= {member for member, _ in members}
        return transport_id in used

    def _list_exits(self) -> list[Exit]:
        return [*self._exits.values(), *self._retired]

    # --- moving --------------------------------------------------------------------------------------------------------

    def _move(self, parcel: Parcel, urgent: bool, away_from: Exit) -> bool:
        """Send it by another member of its pool, if there is one that works."""
        if parcel.stopped is not None or self._only is away_from or self._moving is parcel:
            return False
        target = self._find_target(parcel)
        way = target.choose(without=away_from) if target is not None else None
        if way is None:
            return False
        self._moving = parcel  # The other one may have no better way for it; then it is not moved again.
        way.submit((parcel,), urgent=urgent)
        self._moving = None
        return True

    def _empty(self, way: Exit) -> None:
        """A way closed or is not used any more: what is queued on it takes another one, or waits on its own account."""
        if way is self._only:
            return  # The lanes take everything back when they look next.
        queues = [way] if isinstance(way, WayOut) else list(way.list_ways())
        for queue in queues:
            for parcel, urgent in queue.give_up_queue():
                if self._move(parcel, urgent, way):
                    continue
                if (target := self._find_or_park(parcel, urgent)) is not None:
                    self._hold_back(parcel, target)
