"""Wrong keys of one network: after so many, no more are looked at for a while."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable

MOST_FAILURES = 10
WITHIN_SECONDS = 600.0
MOST_NETWORKS = 10_000  # remembered at once


class Attempts:
    """In this process alone; `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float], *, most: int = MOST_FAILURES) -> None:
        self._clock, self._most = clock, most
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def are_spent(self, network: str) -> bool:
        failures = self._failures.get(network)
        if failures is None:
            return False
        while failures and failures[0] <= self._clock() - WITHIN_SECONDS:
            failures.popleft()
        return len(failures) >= self._most

    def note_failure(self, network: str) -> None:
        self._failures.setdefault(network, deque(maxlen=self._most)).append(self._clock())
        self._failures.move_to_end(network)
        while len(self._failures) > MOST_NETWORKS:
            self._failures.popitem(last=False)

    def forget(self, network: str) -> None:
        self._failures.pop(network, None)
