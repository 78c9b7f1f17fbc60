"""A receiver of webhooks in a process of its own, as quick as we can make one: it answers 204 and notes each request in a file: its
`webhook-id` and the moment, in seconds of the machine's monotonic clock.

    python -m tests.support.hook_sink --log /somewhere/ids         # prints its port

A request is in the log before it is answered.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import time
from typing import BinaryIO, cast

import uvloop

ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"
ID = re.compile(rb"\r\nwebhook-id: ([^\r]+)\r\n", re.IGNORECASE)
LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


class HookSink(asyncio.Protocol):
    def __init__(self, log: BinaryIO) -> None:
        self._log = log
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            head = self._data[: end + 2]
            length = LENGTH.search(head)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._data) < whole:
                return
            self._data = self._data[whole:]
            if name := ID.search(head):
                self._log.write(b"%s %.4f\n" % (name[1], time.monotonic()))
            self._transport.write(ANSWER)


async def serve(log: BinaryIO) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: HookSink(log), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--log", required=True)
    options = parser.parse_args()
    with open(options.log, "ab", buffering=0) as log:
        uvloop.run(serve(log))


if __name__ == "__main__":
    main()
