"""The simulator: recipients at `settings.SIMULATOR_DOMAIN` whose server we play, with real SMTP answers and real reports.

The local part says what happens; what follows a plus sign is the sender's own.

    delivered@          kept in the Mailbox                      bounce@ bounce-5.2.2@        refused for good
    defer@ defer-4.2.1@ defer-3@ defer-4.2.1-3@                  refused once (three times), then taken
    slow@               taken after some seconds                 late-bounce@ late-bounce-5.1.1@   taken, then a bounce comes
    complaint@          taken, then a complaint comes            open@ click@                 taken, then opened, clicked
    reply@              taken, then answered                     suppressed@                  refused when it is accepted

Whoever invents such an address at a domain of its own gets nothing of this: the name after the @ decides.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings

MOST_TIMES = 9
MOST_REMEMBERED = 10_000  # messages whose refusals are counted


class PlayKind(StrEnum):
    DELIVERED = "delivered"
    BOUNCE = "bounce"
    DEFER = "defer"
    LATE_BOUNCE = "late-bounce"
    COMPLAINT = "complaint"
    OPEN = "open"
    CLICK = "click"
    REPLY = "reply"
    SLOW = "slow"
    SUPPRESSED = "suppressed"


@dataclass(frozen=True, slots=True)
class Play:
    """What an address asks for. `enhanced` is the code of the refusal, `times` how often it comes."""

    kind: PlayKind
    enhanced: str = ""
    times: int = 1

    @property
    def refusal(self) -> str:
        """The reply of a server that refuses so."""
        return f"{_BASIC.get(self.enhanced, _BASIC_OF_CLASS[self.enhanced[0]])} {self.enhanced} {_say(self.enhanced)}"


_KINDS = frozenset(kind.value for kind in PlayKind)
UNKNOWN = "550 5.1.1 The simulator has no such address; see the documentation of the simulator"
_SHAPE = re.compile(r"([a-z]+(?:-bounce)?)(?:-([45]\.[0-7]\.\d{1,3}))?(?:-(\d))?", re.ASCII)
_REFUSED = {PlayKind.BOUNCE: "5.1.1", PlayKind.LATE_BOUNCE: "5.1.1", PlayKind.DEFER: "4.2.1"}
_BASIC_OF_CLASS = {"4": 451, "5": 550}
_BASIC = {
    "5.2.2": 552,
    "5.2.3": 552,
    "5.3.4": 552,
    "5.1.3": 553,
    "5.1.7": 553,
    "5.5.0": 554,
    "4.2.2": 452,
    "4.3.1": 452,
}
_WORDS = {
    "1.1": "The mailbox does not exist",
    "1.2": "The domain does not exist",
    "2.1": "The mailbox is disabled",
    "2.2": "The mailbox is full",
    "3.4": "The message is too large",
    "4.1": "No answer from the host",
    "7.1": "The message is refused by policy",
    "7.26": "The message is not authenticated",
}


def _say(enhanced: str) -> str:
    return f"{_WORDS.get(enhanced[2:], 'The message is refused')} (simulated)"


def is_simulated(address: str) -> bool:
    return address.lower().endswith(f"@{settings.SIMULATOR_DOMAIN}")


def read_play(address: str) -> Play | None:
    """What an address of the simulator asks for; None for one that it does not have."""
    local = address.lower().rpartition("@")[0].partition("+")[0]
    found = _SHAPE.fullmatch(local)
    if found is None or found[1] not in _KINDS:
        return None
    kind, enhanced, times = PlayKind(found[1]), found[2] or "", int(found[3] or 1)
    usual = _REFUSED.get(kind, "")
    fits = enhanced[:1] in ("", usual[:1]) and (found[3] is None or kind is PlayKind.DEFER) and times
    return Play(kind, enhanced or usual, times) if fits else None


class Refusals:
    """How often each message was refused so far, in this process."""

    def __init__(self) -> None:
        self._counts: OrderedDict[tuple[str, str], int] = OrderedDict()

    def refuses(self, play: Play, envelope_from: str, recipient: str) -> bool:
        """Is this attempt one of those that fail? The return-path tells messages apart."""
        if play.kind is not PlayKind.DEFER:
            return play.kind is PlayKind.BOUNCE
        key = (envelope_from.lower(), recipient.lower())
        count = self._counts.pop(key, 0) + 1
        if count > play.times:
            return False
        self._counts[key] = count
        while len(self._counts) > MOST_REMEMBERED:
            self._counts.popitem(last=False)
        return True
