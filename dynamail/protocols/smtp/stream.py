"""The connection below the dialog: bytes in as replies, and the moment when it is lost."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Protocol, cast

from dynamail.protocols.smtp.replies import RawReply, ReplyParser, SmtpError

TLS_RECORD = 16_384 + 512  # bytes of the largest one, and some more


class ReplyConsumer(Protocol):
    """Takes over from `receive` while messages stream."""

    def take_replies(self, replies: Sequence[RawReply]) -> None: ...

    def take_loss(self, reason: str) -> None: ...


class ReplyStream(asyncio.Protocol):
    """One connection. Replies go to `consumer` when there is one, else they wait for `receive`."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport  # set by connection_made
        self.consumer: ReplyConsumer | None = None
        self.lost_because = ""
        self.is_writing_paused = False
        self.below_tls: asyncio.Transport | None = None  # when STARTTLS has put another transport on top
        self.closed = asyncio.Event()
        self._parser = ReplyParser()
        self._replies: deque[RawReply] = deque()
        self._arrival: asyncio.Future[None] | None = None

    @property
    def is_open(self) -> bool:
        return not self.lost_because and not self.transport.is_closing()

    @property
    def has_unasked_reply(self) -> bool:
        return bool(self._replies)

    def count_unsent(self) -> int:
        """Bytes that are certainly still in this process. TLS encrypts at once, so they wait below it, in records."""
        size = self.transport.get_write_buffer_size()
        if self.below_tls is not None:
            size += max(0, self.below_tls.get_write_buffer_size() - 2 * TLS_RECORD)
        return size

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self.lost_because:
            return
        replies = self._parser.feed(data)
        if self.consumer is not None:
            self.consumer.take_replies(replies)
        else:
            self._replies.extend(replies)
        if self._parser.error:
            self.abort(self._parser.error)
        self._wake()

    def pause_writing(self) -> None:
        self.is_writing_paused = True

    def resume_writing(self) -> None:
        self.is_writing_paused = False

    def eof_received(self) -> None:
        self._lose("The server closed the connection.")

    def connection_lost(self, error: Exception | None) -> None:
        self._lose(f"The connection was lost: {error}" if error else "The server closed the connection.")
        self.closed.set()

    def abort(self, reason: str) -> None:
        """Drop the connection now; what is still unsent is never sent."""
        self._lose(reason)
        self.transport.abort()

    def discard_received(self) -> None:
        """Forget everything read so far (before TLS)."""
        self._parser.discard()
        self._replies.clear()

    def write(self, data: bytes) -> None:
        self.transport.write(data)

    async def receive(self, *, command: str, timeout: float) -> RawReply:
        """The next reply. Raises SmtpError when the connection is lost or `timeout` seconds pass."""
        try:
            async with asyncio.timeout(timeout):
                while not self._replies:
                    if self.lost_because:
                        raise lost_error(command, self.lost_because)
                    self._arrival = asyncio.get_running_loop().create_future()
                    await self._arrival
        except TimeoutError:
            self.abort(f"No answer within {timeout:g} seconds.")
            raise lost_error(command, self.lost_because) from None
        return self._replies.popleft()

    def _lose(self, reason: str) -> None:
        if self.lost_because:
            return
        self.lost_because = reason
        if self.consumer is not None:
            self.consumer.take_loss(reason)
        self._wake()

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)


def lost_error(command: str, reason: str) -> SmtpError:
    """A temporary failure that no reply caused."""
    return SmtpError(permanent=False, code=0, enhanced="", command=command, text=reason)
