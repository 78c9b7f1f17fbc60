"""How many connections to destinations one worker has at most, whoever they are for."""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol


class Taker(Protocol):
    """A way out that needs a place for each connection."""

    def wake(self) -> None:
        """There may be a place now."""
        ...

    def close_idle(self) -> None:
        """Somebody else needs the places of connections that do nothing."""
        ...


class Places:
    """So many connections at once. Whoever finds none waits in line, and idle connections end for it."""

    def __init__(self, most: int) -> None:
        self._left = most
        self._waiting: OrderedDict[Taker, None] = OrderedDict()
        self.idle: set[Taker] = set()

    @property
    def is_short(self) -> bool:
        return bool(self._waiting)

    def take(self, taker: Taker) -> bool:
        """One place. Whoever gets none is woken when there may be one."""
        if self._left > 0:
            self._left -= 1
            return True
        self._waiting[taker] = None
        for idle in list(self.idle):
            idle.close_idle()
        return False

    def give_back(self) -> None:
        self._left += 1
        while self._left and self._waiting:
            taker, _ = self._waiting.popitem(last=False)
            taker.wake()
