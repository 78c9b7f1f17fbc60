"""The content of a message as it comes after DATA, read so that two servers cannot disagree about where it ends (SMTP smuggling).

Only <CR><LF>.<CR><LF> ends it (RFC 5321 §4.1.1.4). A bare CR or LF inside, which some server behind us might take for the end of a line,
is no content of a message (RFC 5322 §2.3): such a message is refused as a whole, and the client hung up on.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager

END = b"\r\n.\r\n"
_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")


class ContentRefused(Exception):
    """The message was read to its end; `reply` says why it is not taken."""

    def __init__(self, reply: str, *, is_last: bool = False) -> None:
        super().__init__(reply)
        self.reply = reply
        self.is_last = is_last  # nothing more is read of this client: what it means may be more than it says


class Room:
    """Octets of messages that all clients together may have in memory."""

    def __init__(self, most: int) -> None:
        self.most, self.held = most, 0

    @contextmanager
    def share(self) -> Iterator[Share]:
        """For one message, from its first octet until it is stored."""
        share = Share(self)
        try:
            yield share
        finally:
            self.held -= share.held


class Share:
    """What one message takes of the room."""

    def __init__(self, room: Room) -> None:
        self._room, self.held = room, 0

    def hold(self, octets: int) -> bool:
        """Is there room for so many more?"""
        if self._room.held + octets > self._room.most:
            return False
        self.held += octets
        self._room.held += octets
        return True


async def read_content(reader: asyncio.StreamReader, *, most: int, share: Share) -> bytes:
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
        else:
            pieces.append(piece)
    if reply:
        raise ContentRefused(reply)
    return _unwrap(b"".join(pieces))


def _unwrap(content: bytes) -> bytes:
    if _BARE.search(content):
        raise ContentRefused(
            "550 5.6.0 The message has a CR or LF that stands alone; end every line with CR LF (RFC 5321 section 2.3.8)",
            is_last=True,
        )
    return content[: -len(b".\r\n")].replace(b"\r\n.", b"\r\n")[2:]
