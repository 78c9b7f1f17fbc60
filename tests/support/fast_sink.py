"""A very cheap SMTP server that accepts everything: `python -m tests.support.fast_sink --port 0 --log FILE`.

It prints `{"port": 12345}` on one line when it listens. With `--log` it appends `<message-id> TAB recipient` for every message
*before* it answers 250, by one unbuffered write each, so the file tells the truth also after a kill -9 of either side.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import sys
from typing import cast

import uvloop

MESSAGE_ID = re.compile(rb"(?mi)^Message-ID:[ \t\r\n]*(<[^>\r\n]*>)")
_BDAT = re.compile(rb"(?i)BDAT (\d{1,12})( LAST)?\r\n")
_END = b"\r\n.\r\n"


class SinkSession(asyncio.Protocol):
    """One client. Commands are told apart by their first letter; arguments are not checked."""

    def __init__(self, sink: FastSink) -> None:
        self.sink = sink
        self.buffer = bytearray()
        self.searched = 0
        self.in_data = False
        self.recipient = b""
        self.chunks = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        replies: list[bytes] = []
        while self.take_message(replies) if self.in_data else self.take_command(replies):
            pass
        if replies:
            self.transport.write(b"".join(replies))

    def take_message(self, replies: list[bytes]) -> bool:
        if self.buffer.startswith(b".\r\n"):
            end, length = 0, 3
        else:
            end, length = self.buffer.find(_END, max(0, self.searched - len(_END))), len(_END)
        if end < 0:
            self.searched = len(self.buffer)
            return False
        self.sink.record(self.buffer[:end] if length == 3 else self.buffer[: end + 2], self.recipient)
        del self.buffer[: end + length]
        self.in_data, self.searched = False, 0
        replies.append(b"250 2.0.0 Ok: queued\r\n")
        return True

    def take_command(self, replies: list[bytes]) -> bool:
        end = self.buffer.find(b"\r\n")
        if end < 0:
            return False
        letter = self.buffer[0] & 0xDF
        if letter == 0x42:  # BDAT
            return self.take_chunk(replies)
        line = bytes(self.buffer[:end])
        del self.buffer[: end + 2]
        if letter == 0x4D:  # MAIL
            replies.append(b"250 2.1.0 Ok\r\n")
        elif letter == 0x52:  # RCPT, RSET
            if line[1:2] in b"Cc":
                self.recipient = line[9:-1]
            replies.append(b"250 2.1.5 Ok\r\n")
        elif letter == 0x44:  # DATA
            self.in_data = True
            replies.append(b"354 go\r\n")
        elif letter == 0x45:  # EHLO
            replies.append(self.sink.capabilities)
        elif letter == 0x51:  # QUIT
            replies.append(b"221 bye\r\n")
            self.transport.write(b"".join(replies))
            replies.clear()
            self.transport.close()
        else:
            replies.append(b"250 ok\r\n")
        return True

    def take_chunk(self, replies: list[bytes]) -> bool:
        match = _BDAT.match(self.buffer)
        if match is None:
            self.transport.abort()
            return False
        start, size, is_last = match.end(), int(match[1]), match[2] is not None
        if len(self.buffer) < start + size:
            return False
        self.chunks += self.buffer[start : start + size]
        del match, self.buffer[: start + size]
        if is_last:
            self.sink.record(self.chunks, self.recipient)
            self.chunks = bytearray()
        replies.append(b"250 2.0.0 Ok: queued\r\n")
        return True


class FastSink:
    """The server. `log` is a file descriptor opened for appending, or None."""

    def __init__(self, *, chunking: bool = False, log: int | None = None) -> None:
        self.received = 0
        self.log = log
        extensions = ["PIPELINING", "SIZE 104857600", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"]
        lines = ["sink", *extensions, *(["CHUNKING"] if chunking else [])]
        self.capabilities = "".join(f"250-{line}\r\n" for line in lines[:-1]).encode()
        self.capabilities += f"250 {lines[-1]}\r\n".encode()

    def record(self, message: bytearray, recipient: bytes) -> None:
        if self.log is not None:
            found = MESSAGE_ID.search(message, 0, 65_536)
            os.write(self.log, (found[1] if found else b"<>") + b"\t" + recipient + b"\n")
        self.received += 1

    async def start(self, host: str, port: int) -> asyncio.Server:
        return await asyncio.get_running_loop().create_server(
            lambda: SinkSession(self), host, port, backlog=1024
        )


async def serve_sink(options: argparse.Namespace) -> None:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    log = os.open(options.log, flags, 0o644) if options.log else None
    sink = FastSink(chunking=options.chunking, log=log)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stopped.set)
    server = await sink.start(options.host, options.port)
    sys.stdout.write(json.dumps({"port": server.sockets[0].getsockname()[1]}) + "\n")
    sys.stdout.flush()
    await stopped.wait()
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", default="")
    parser.add_argument("--chunking", action="store_true")
    uvloop.run(serve_sink(parser.parse_args()))


if __name__ == "__main__":
    main()
