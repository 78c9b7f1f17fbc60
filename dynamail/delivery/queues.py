"""Parcels that wait: for a connection in a queue, for an answer about their domain in a parking place."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable

from dynamail.delivery.records import RETURNED, Owner, Parcel, Result

Waiting = tuple[Parcel, bool]  # and whether it is urgent


class ParcelQueue:
    """Urgent parcels before the others, each kind in the order of its arrival. The connections look at both parts directly."""

    __slots__ = ("bulk", "urgent")

    def __init__(self) -> None:
        self.urgent: deque[Parcel] = deque()
        self.bulk: deque[Parcel] = deque()

    def __len__(self) -> int:
        return len(self.urgent) + len(self.bulk)

    def take_out(self, is_wanted: Callable[[Parcel], bool]) -> list[Waiting]:
        """Remove these; the others keep their places."""
        taken: list[Waiting] = []
        for part, urgent in ((self.urgent, True), (self.bulk, False)):
            left = []
            for parcel in part:
                if is_wanted(parcel):
                    taken.append((parcel, urgent))
                else:
                    left.append(parcel)
            if len(left) < len(part):
                part.clear()
                part.extend(left)
        return taken

    def withdraw(self, owner: Owner, result: Result) -> None:
        """Give an owner's parcels back with this result."""
        for parcel, _ in self.take_out(lambda parcel: parcel.owner is owner):
            owner.take_result(parcel, result)

    def take_surplus(self, room: int) -> list[Parcel]:
        """Remove what is behind the first `room` parcels; urgent ones stay."""
        surplus = min(len(self) - room, len(self.bulk))
        return [self.bulk.pop() for _ in range(surplus)][::-1] if surplus > 0 else []


class Parking:
    """Parcels by the domain that is being looked up for them."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, list[Waiting]] = defaultdict(list)

    def __contains__(self, domain: str) -> bool:
        return domain in self._waiting

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def park(self, domain: str, parcel: Parcel, *, urgent: bool) -> None:
        self._waiting[domain].append((parcel, urgent))

    def take_out(self, domain: str) -> list[Waiting]:
        """Everything that waits for this domain."""
        return self._waiting.pop(domain, [])

    def withdraw(self, owner: Owner) -> None:
        """Give an owner's parcels back untried."""
        for domain in list(self._waiting):
            waiting = self._waiting.pop(domain)
            if left := [one for one in waiting if one[0].owner is not owner]:
                self._waiting[domain] = left
            for parcel, _ in waiting:
                if parcel.owner is owner:
                    owner.take_result(parcel, Result(RETURNED))
