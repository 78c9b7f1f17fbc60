"""A real DNS server on loopback, UDP and TCP on one free port, in a thread of its own.

    with DnsServer({("example.com", "MX"): "10 mx.example.com", ("mx.example.com", "A"): "192.0.2.1"}) as server:
        resolver = Resolver([server.address])
        server.publish("example.com", "TXT", "v=spf1 -all")      # any time
        server.fail("mx.example.com", "A", Failure.SERVFAIL)     # type "ANY": every question about the name
        server.validated = {"example.com"}                       # answers below it carry the AD flag
        server.count("example.com", "MX")                        # how often it was asked

Values are as in a zone file, names with or without the last dot; a TXT value is quoted and cut by itself. Names that nothing
was published for are NXDOMAIN; a name with other records, or with names below it, has no data. Aliases are followed.
"""

from __future__ import annotations

import asyncio
import struct
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from types import TracebackType
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

Value = str | Sequence[str]
SOA = "ns.invalid. admin.invalid. 1 3600 600 86400 {ttl}"
LONGEST_CHAIN = 12


class Failure(StrEnum):
    SERVFAIL = "servfail"
    REFUSED = "refused"
    NXDOMAIN = "nxdomain"
    TIMEOUT = "timeout"  # never answered
    GARBAGE = "garbage"  # bytes that are no DNS message
    TRUNCATED = "truncated"  # over UDP; the whole answer comes over TCP


_RCODES = {
    Failure.SERVFAIL: dns.rcode.SERVFAIL,
    Failure.REFUSED: dns.rcode.REFUSED,
    Failure.NXDOMAIN: dns.rcode.NXDOMAIN,
}


class DnsServer:
    """Start with `with` or `start()` and `stop()`. Everything may be changed and read from any thread while it runs."""

    host = "127.0.0.1"

    def __init__(self, records: Mapping[tuple[str, str], Value] | None = None, *, ttl: int = 60) -> None:
        self.ttl = ttl
        self.port = 0
        self.validated: set[str] = set()
        self.queries: Counter[tuple[str, str]] = Counter()
        self._records: dict[tuple[str, str], list[str]] = {}
        self._failures: dict[tuple[str, str], Failure] = {}
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None
        for (name, kind), value in (records or {}).items():
            self.publish(name, kind, value)

    # --- for tests ---------------------------------------------------------------------------------------------------

    @property
    def address(self) -> tuple[str, int]:
        return self.host, self.port

    def publish(self, name: str, kind: str, value: Value) -> None:
        """Replace the records of a name and type."""
        values = [value] if isinstance(value, str) else list(value)
        self._records[_key(name, kind)] = [_quote(text) if kind.upper() == "TXT" else text for text in values]

    def remove(self, name: str, kind: str = "ANY") -> None:
        """Take records back; "ANY" takes them all."""
        for key in [key for key in self._records if key[0] == _plain(name) and kind in ("ANY", key[1])]:
            del self._records[key]

    def fail(self, name: str, kind: str, failure: Failure) -> None:
        self._failures[_key(name, kind)] = failure

    def recover(self, name: str, kind: str) -> None:
        self._failures.pop(_key(name, kind), None)

    @property
    def failures(self) -> set[Failure]:
        return set(self._failures.values())

    def count(self, name: str, kind: str) -> int:
        return self.queries[_key(name, kind)]

    def start(self) -> DnsServer:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        if not self._ready.wait(10) or self._error is not None:
            raise RuntimeError("the DNS server did not start") from self._error
        return self

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        assert self._thread is not None
        self._thread.join(10)

    def __enter__(self) -> DnsServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # --- serving -----------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._error = error
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        server, endpoint = await self._bind()
        self._ready.set()
        await self._stopping.wait()
        endpoint.close()
        server.close()

    async def _bind(self) -> tuple[asyncio.Server, asyncio.BaseTransport]:
        """The same free port for both protocols."""
        for _ in range(50):
            server = await asyncio.start_server(self._serve_stream, self.host, 0)
            port = server.sockets[0].getsockname()[1]
            try:
                endpoint, _ = await self._loop.create_datagram_endpoint(
                    lambda: _Datagrams(self), local_addr=(self.host, port)
                )
            except OSError:
                server.close()
                continue
            self.port = port
            return server, endpoint
        raise RuntimeError("no port is free for both UDP and TCP")

    async def _serve_stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                (size,) = struct.unpack("!H", await reader.readexactly(2))
                reply = self.answer(await reader.readexactly(size), by_udp=False)
                if reply is not None:
                    writer.write(struct.pack("!H", len(reply)) + reply)
                    await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def answer(self, wire: bytes, *, by_udp: bool) -> bytes | None:
        """The reply's bytes; None is silence."""
        try:
            query = dns.message.from_wire(wire)
            question = query.question[0]
        except (dns.exception.DNSException, IndexError):
            return None
        name = _plain(question.name.to_text())
        kind = dns.rdatatype.to_text(question.rdtype)
        self.queries[name, kind] += 1
        failure = self._failures.get((name, kind)) or self._failures.get((name, "ANY"))
        if failure is Failure.TIMEOUT:
            return None
        if failure is Failure.GARBAGE:
            return b"\xff" * 40
        reply = dns.message.make_response(query, recursion_available=True)
        if failure is Failure.TRUNCATED and by_udp:
            reply.flags |= dns.flags.TC
        elif failure in _RCODES:
            reply.set_rcode(_RCODES[failure])
        else:
            self._fill(reply, name, kind)
        return self._to_wire(reply, limit=max(query.payload, 512) if by_udp else 65_535)

    def _to_wire(self, reply: dns.message.Message, *, limit: int) -> bytes:
        try:
            return reply.to_wire(max_size=limit)
        except dns.exception.TooBig:
            reply.flags |= dns.flags.TC
            for section in (reply.answer, reply.authority):
                section.clear()
            return reply.to_wire()

    def _fill(self, reply: dns.message.Message, name: str, kind: str) -> None:
        owners = [name]
        while kind != "CNAME" and (alias := self._records.get((name, "CNAME"))):
            reply.answer.append(self._rrset(name, "CNAME", alias))
            name = _plain(alias[0])
            owners.append(name)
            if len(owners) > LONGEST_CHAIN:
                break
        values = self._records.get((name, kind))
        if values:
            reply.answer.append(self._rrset(name, kind, values))
        else:
            if not self._exists(name):
                reply.set_rcode(dns.rcode.NXDOMAIN)
            zone = name.partition(".")[2] or "."
            reply.authority.append(self._rrset(zone, "SOA", [SOA.format(ttl=self.ttl)]))
        if all(self._is_validated(owner) for owner in owners):
            reply.flags |= dns.flags.AD

    def _rrset(self, name: str, kind: str, values: Iterable[str]) -> dns.rrset.RRset:
        owner = dns.name.from_text(name)
        rdata = [
            dns.rdata.from_text("IN", kind, value, origin=dns.name.root, relativize=False) for value in values
        ]
        return dns.rrset.from_rdata_list(owner, self.ttl, rdata)

    def _exists(self, name: str) -> bool:
        return any(
            owner == name or owner.endswith("." + name)
            for owner, _ in list(self._records) + list(self._failures)
        )

    def _is_validated(self, name: str) -> bool:
        return any(name == zone or name.endswith("." + zone) for zone in map(_plain, self.validated))


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: DnsServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:  # type: ignore[override]
        reply = self._server.answer(data, by_udp=True)
        if reply is not None:
            self._transport.sendto(reply, address)


def _plain(name: str) -> str:
    ascii_name = name if name.isascii() else dns.name.from_text(name).to_text()
    return ascii_name.rstrip(".").lower()


def _key(name: str, kind: str) -> tuple[str, str]:
    return _plain(name), kind.upper()


def _quote(text: str) -> str:
    """Strings of at most 255 octets (RFC 1035 §3.3.14)."""
    data = text.encode()
    pieces = [data[start : start + 255] for start in range(0, len(data), 255)] or [b""]
    return " ".join('"' + "".join(_escape(octet) for octet in piece) + '"' for piece in pieces)


def _escape(octet: int) -> str:
    character = chr(octet)
    if character in '"\\':
        return "\\" + character
    return character if 0x20 <= octet < 0x7F else f"\\{octet:03d}"
