"""The content of a message as it comes after DATA, read so that two servers cannot disagree about where it ends (SMTP smuggling).

Only <CR><LF>.<CR><LF> ends it (RFC 5321 §4.1.1.4). A bare CR or LF inside, which some server behind us might take for the end of a line,
is no content of a message (RFC 5322 §2.3): such a message is refused as a whole, and the client hung up on. Only what is never given to
anybody, a report, may have some; it is the client's last message too.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

END = b"\r\n.\r\n"


class ContentRefused(Exception):
    """The message was read to its end; `reply` says why it is not taken."""

    def __init__(self, reply: str, *, is_last: bool = False) -> None:
        super().__init__(reply)
        self.reply = reply
        self.is_last = is_last  # nothing more is read of this client: what it means may be more than it says


class Room:
    """Octets of messages that all clients together, and those of one network, may have in memory."""

    def __init__(self, most: int, *, most_of_one: int = 0) -> None:
        self.most, self.most_of_one = most, most_of_one or most
        self._of: Counter[str] = Counter()

    @property
    def held(self) -> int:
        return self._of.total()

    @contextmanager
    def share(self, network: str) -> Iterator[Share]:
        """For one message, from its first octet until it is stored."""
        share = Share(self, network)
        try:
            yield share
        finally:
            share.free()

    def has(self, octets: int, network: str) -> bool:
        return self.held + octets <= self.most and self._of[network] + octets <= self.most_of_one

    def move(self, octets: int, network: str) -> None:
        self._of[network] += octets
        if not self._of[network]:
            del self._of[network]


class Share:
    """What one message takes of the room."""

    def __init__(self, room: Room, network: str) -> None:
        self._room, self._network, self.held = room, network, 0

    def hold(self, octets: int) -> bool:
        """Is there room for so many more?"""
        if not self._room.has(octets, self._network):
            return False
        self.held += octets
        self._room.move(octets, self._network)
        return True

    def free(self) -> None:
        self._room.move(-self.held, self._network)
        self.held = 0


async def read_content(
    reader: asyncio.StreamReader, *, most: int, share: Share, takes_bare: bool = False
) -> bytes:
    """The octets up to the final dot, without the dots of stuffing. Raises ContentRefused when the client is done."""
    # The line end of the DATA command is also that of a first line which is nothing but a dot.
    reader._buffer[:0] = b"\r\n"  # type: ignore[attr-defined]
    pieces: list[bytes] = []
    size, reply, is_read = 0, "", False
    while not is_read:
        try:
            piece = await reader.readuntil(END)
            is_read = True
        except asyncio.LimitOverrunError as overrun:
            piece = await reader.read(overrun.consumed)
        except asyncio.IncompleteReadError as ended:
            raise ConnectionResetError from ended
        size += len(piece)
        if size > most + len(END):
            reply = f"552 5.3.4 The message is larger than {most} octets"
        elif not reply and not share.hold(len(piece)):
            reply = "452 4.3.1 Too much mail comes in at the moment; try again"
        if reply:
            pieces.clear()
            share.free()
        else:
            pieces.append(piece)
    if reply:
        raise ContentRefused(reply)
    content = b"".join(pieces)
    pieces.clear()
    if not takes_bare and has_bare(content):
        raise ContentRefused(
            "550 5.6.0 The message has a CR or LF that stands alone; end every line with CR LF (RFC 5321 section 2.3.8)",
            is_last=True,
        )
    return content[: -len(b".\r\n")].replace(b"\r\n.", b"\r\n")[2:]


def has_bare(content: bytes) -> bool:
    """Does a CR or LF stand alone? Counted, for searching twenty megabytes would hold up the other clients."""
    pairs = content.count(b"\r\n")
    return content.count(b"\r") != pairs or content.count(b"\n") != pairs
