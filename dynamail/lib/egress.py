"""Requests to addresses that somebody typed: the one way out for HTTP(S), and for other connections to strangers' hosts.

A URL must never lead into our own network, whatever it says and whatever the DNS answers:

1. only http and https, without a user in the address, to ports 80, 443 and those above 1023
2. the name is resolved once; when one of its addresses is not on the public internet, none is used
3. the connection goes to the address that was looked at, while TLS and `Host` name the host: a second DNS answer changes nothing
4. each redirect begins again at 1, there are few of them, none from https to http, and secrets stay with their origin
5. time and size are bounded as a whole, not only from one byte to the next; proxies of the environment are not used

The operator may open single internal addresses with their port (`EgressRules.allowed`).

Who asks the same hosts again and again keeps connections (`KeptConnections`): each one was looked at when it was made, leads to that address for as
long as it lives, and does not get old, so that a name which moved is noticed.
"""

from __future__ import annotations

import math
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Protocol

import httpcore
import httpx

from dynamail.lib.public_addresses import is_public_address

Address = IPv4Address | IPv6Address
Resolve = Callable[[str], Sequence[Address]]  # raises OSError

WEB_PORTS = frozenset((80, 443))
SSH_PORTS = frozenset((22,))
FIRST_FREE_PORT = 1024  # those below belong to services that are none of our business
MOST_REDIRECTS = 5
REDIRECTS = frozenset((301, 302, 303, 307, 308))
PRIVATE_HEADERS = frozenset(("authorization", "cookie"))
MOST_ADDRESSES = 4  # tried for one host
USER_AGENT = "DynaMail"
GZIP = 31  # wbits of zlib: the largest window, with gzip's header and checksum
UNPACKED_PIECE = 2**20  # bytes
IDLE_SECONDS = 15.0  # a connection is kept without a request; most servers keep one longer
OLDEST_SECONDS = 60.0  # a connection is used for new requests; then the name is asked again


class EgressError(Exception):
    """The request was refused or did not succeed. `code` is stable, `detail` says what it was about, in few words.

    Codes: url, port, name, address (not public), connect, tls, timeout, protocol, too_large, redirect.
    """

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = " ".join(detail.split())[:300]


def resolve_by_system(host: str) -> list[Address]:
    """What the machine's own resolver says. Raises OSError."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(str(entry[4][0]).partition("%")[0]) for entry in found))


@dataclass(frozen=True)
class EgressRules:
    """Where requests may go besides the public internet: `allowed` holds IP addresses with a port."""

    allowed: frozenset[tuple[str, int]] = frozenset()
    resolve: Resolve = resolve_by_system
    tls: ssl.SSLContext | None = None  # the system's authorities when None

    def permits(self, address: Address, port: int, *, ports: frozenset[int]) -> bool:
        if (str(address), port) in self.allowed:
            return True
        return is_public_address(address) and (port in ports or port >= FIRST_FREE_PORT)


@dataclass(frozen=True)
class Bounds:
    """How long and how much, in seconds and bytes. `silence_seconds`: between two pieces of an answer."""

    connect_seconds: float = 10.0
    silence_seconds: float = 30.0
    total_seconds: float = 600.0
    most_bytes: int = 2**30


@dataclass(frozen=True)
class Answer:
    """What came back from `url`, the last one after redirects. Header names are in small letters; `chunks` may be read once."""

    status: int
    url: str
    headers: Mapping[str, str]
    chunks: Iterator[bytes] = field(repr=False)


@contextmanager
def open_url(
    url: str,
    *,
    rules: EgressRules,
    bounds: Bounds | None = None,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
    redirects: int = MOST_REDIRECTS,
    kept: KeptConnections | None = None,
) -> Iterator[Answer]:
    """Send a request and hand out the answer while it comes. Raises EgressError, also while the chunks are read.

    With `redirects` 0 the answer may be a redirect itself. `kept` was made with the same rules.
    """
    bounds = bounds or Bounds()
    deadline = _Deadline(bounds.total_seconds)
    target, sent = read_url(url), _fold_headers(headers or {})
    for left in range(redirects, -1, -1):
        with _exchange(target, sent, rules, bounds, deadline, kept, method=method, content=content) as answer:
            following = answer.headers.get("location", "") if answer.status in REDIRECTS else ""
            if not following or not redirects:
                yield answer
                return
            if not left:
                break
        target, sent = _follow(target, following, sent)
    raise EgressError("redirect", f"more than {redirects}")


def find_targets(
    host: str, port: int, rules: EgressRules, *, ports: frozenset[int], seconds: float
) -> list[str]:
    """The IP addresses to connect to, all of them permitted. Raises EgressError."""
    found = _resolve(host, rules, seconds)
    if not found:
        raise EgressError("name", host)
    for address in found:
        if not rules.permits(address, port, ports=ports):
            code = "port" if is_public_address(address) else "address"
            raise EgressError(code, f"{host}:{port}")
    return [str(address) for address in found[:MOST_ADDRESSES]]


def open_socket(
    host: str, port: int, rules: EgressRules, *, ports: frozenset[int], seconds: float
) -> socket.socket:
    """A connection to a host that somebody typed, for protocols other than HTTP. Raises EgressError."""
    deadline = _Deadline(seconds)
    error: OSError | None = None
    for target in find_targets(host, port, rules, ports=ports, seconds=seconds):
        try:
            return socket.create_connection((target, port), timeout=deadline.cut(seconds))
        except TimeoutError:
            raise EgressError("timeout", f"{host}:{port}") from None
        except OSError as failed:
            error = failed
    raise EgressError("connect", f"{host}:{port}: {error}")


class _Deadline:
    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self.has_connected = False

    def note_connection(self) -> None:
        self.has_connected = True

    def cut(self, seconds: float | None) -> float:
        """What is left of these seconds. Raises EgressError when nothing is left at all."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise EgressError("timeout")
        return left if seconds is None else min(seconds, left)


def read_url(text: str) -> httpx.URL:
    """A web address that may be asked for, by its form alone. Raises EgressError."""
    try:
        url = httpx.URL(text)
        host, port = url.host, url.port  # the host is decoded only now; idna.IDNAError is a ValueError
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise EgressError("url", str(error)) from None
    if url.scheme not in ("http", "https") or not host or url.userinfo:
        raise EgressError("url", text[:200])
    if port is not None and not 0 < port < 65536:
        raise EgressError("url", text[:200])
    return url


def _follow(url: httpx.URL, location: str, headers: dict[str, str]) -> tuple[httpx.URL, dict[str, str]]:
    try:
        following = read_url(str(url.join(location)))
    except (httpx.InvalidURL, ValueError):
        raise EgressError("redirect", location[:200]) from None
    if url.scheme == "https" and following.scheme == "http":
        raise EgressError("redirect", "from https to http")
    if _origin(url) != _origin(following):
        headers = {name: value for name, value in headers.items() if name not in PRIVATE_HEADERS}
    return following, headers


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80)


def _fold_headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


@contextmanager
def _exchange(
    url: httpx.URL,
    headers: dict[str, str],
    rules: EgressRules,
    bounds: Bounds,
    deadline: _Deadline,
    kept: KeptConnections | None,
    *,
    method: str,
    content: bytes | None,
) -> Iterator[Answer]:
    """One request and its answer, over a connection of its own or one that is kept."""
    sent = {"user-agent": USER_AGENT, "accept": "*/*", "accept-encoding": "identity, gzip;q=0.5"} | headers
    sent |= {"host": url.netloc.decode("ascii")} | ({} if kept else {"connection": "close"})
    target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=_origin(url)[2], target=url.raw_path)
    request = _Request(method, target, list(sent.items()), content, bounds)
    with _explained(url), ExitStack() as stack:
        response = kept.begin(request, deadline, stack) if kept else None
        if response is None:
            context = rules.tls or (ssl.create_default_context() if url.scheme == "https" else None)
            backend = _PinningBackend(rules, deadline)
            pool = stack.enter_context(httpcore.ConnectionPool(ssl_context=context, network_backend=backend))
            response = request.begin(pool, stack)
        received = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers
        }
        # Both sides of the unpacking: a packed body may hold terabytes, or go on for ever and hold nothing.
        packed = _limit(response.iter_stream(), bounds.most_bytes)
        chunks = _limit(_decode(packed, received), bounds.most_bytes)
        yield Answer(response.status, str(url), received, chunks)


@dataclass(frozen=True)
class _Request:
    method: str
    target: httpcore.URL
    headers: list[tuple[str, str]]
    content: bytes | None
    bounds: Bounds

    def begin(self, pool: httpcore.ConnectionPool, stack: ExitStack) -> httpcore.Response:
        """Until the answer's headers are there; the stack ends it."""
        bounds = self.bounds
        timeouts = {
            "connect": bounds.connect_seconds,
            "read": bounds.silence_seconds,
            "write": bounds.silence_seconds,
        }
        extensions = {"timeout": timeouts}
        return stack.enter_context(
            pool.stream(
                self.method,
                self.target,
                headers=self.headers,
                content=self.content,
                extensions=extensions,
            )
        )


class KeptConnections:
    """Connections that serve one request after the other, for many threads. An answer is read in the thread that asked.

    A request whose kept connection ends before an answer began is sent again over a new one: only for those that may arrive twice.
    """

    def __init__(
        self,
        rules: EgressRules,
        *,
        idle_seconds: float = IDLE_SECONDS,
        oldest_seconds: float = OLDEST_SECONDS,
    ) -> None:
        self._present = _DeadlineOfThread()
        self._pool = httpcore.ConnectionPool(
            ssl_context=rules.tls or ssl.create_default_context(),
            max_connections=None,  # those who ask are counted by their threads
            keepalive_expiry=idle_seconds,
            network_backend=_PinningBackend(rules, self._present, lasts_seconds=oldest_seconds),
        )

    def begin(self, request: _Request, deadline: _Deadline, stack: ExitStack) -> httpcore.Response | None:
        """None when the other side had hung up a connection that was kept."""
        stack.enter_context(self._present.let(deadline))
        try:
            return request.begin(self._pool, stack)
        except (httpcore.ReadError, httpcore.WriteError, httpcore.RemoteProtocolError):
            if deadline.has_connected:
                raise
            return None

    def close(self) -> None:
        self._pool.close()


@contextmanager
def _explained(url: httpx.URL) -> Iterator[None]:
    where = url.host
    try:
        yield
    except httpcore.TimeoutException:
        raise EgressError("timeout", where) from None
    except httpcore.NetworkError as error:
        code = "tls" if isinstance(error.__cause__ or error.__context__, ssl.SSLError) else "connect"
        raise EgressError(code, f"{where}: {error}") from None
    except (httpcore.ProtocolError, httpcore.UnsupportedProtocol, zlib.error) as error:
        raise EgressError("protocol", f"{where}: {error}") from None


def _limit(chunks: Iterable[bytes], most_bytes: int) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > most_bytes:
            raise EgressError("too_large", str(most_bytes))
        yield chunk


def _decode(chunks: Iterable[bytes], headers: Mapping[str, str]) -> Iterator[bytes]:
    """Bodies as they are, or unpacked from gzip piece by piece: a small body may hold terabytes."""
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("identity", ""):
        yield from chunks
    elif encoding in ("gzip", "x-gzip"):
        yield from _unpack(chunks)
    else:
        raise EgressError("protocol", f"content-encoding {encoding[:40]}")


def _unpack(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The members of a gzip body one after the other (RFC 1952 §2.2). Raises EgressError when the last one is cut off."""
    unpacker = zlib.decompressobj(wbits=GZIP)
    is_whole = True  # a body of no bytes at all is fine
    for chunk in chunks:
        packed = chunk
        while packed:
            if unpacker.eof:
                unpacker = zlib.decompressobj(wbits=GZIP)
            yield unpacker.decompress(packed, UNPACKED_PIECE)
            is_whole = unpacker.eof
            # What follows a member begins the next one; zlib itself would pile it up.
            packed = unpacker.unused_data if is_whole else unpacker.unconsumed_tail
    if not is_whole:
        raise EgressError("protocol", "the packed body is cut off")


class _Limit(Protocol):
    def cut(self, seconds: float | None) -> float: ...

    def note_connection(self) -> None: ...


class _DeadlineOfThread:
    """A connection that is kept has the time of the request that it serves now."""

    def __init__(self) -> None:
        self._local = threading.local()

    @contextmanager
    def let(self, deadline: _Deadline) -> Iterator[None]:
        self._local.deadline = deadline
        try:
            yield
        finally:
            del self._local.deadline

    def cut(self, seconds: float | None) -> float:
        deadline: _Deadline = self._local.deadline
        return deadline.cut(seconds)

    def note_connection(self) -> None:
        self._local.deadline.note_connection()


class _PinningBackend(httpcore.NetworkBackend):
    """Connects to addresses that were looked at; the name is for TLS and the Host header alone."""

    def __init__(self, rules: EgressRules, deadline: _Limit, *, lasts_seconds: float = math.inf) -> None:
        self._rules = rules
        self._deadline = deadline
        self._lasts_seconds = lasts_seconds
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        seconds = self._deadline.cut(timeout)
        self._deadline.note_connection()
        error: Exception = httpcore.ConnectError(host)
        for target in find_targets(host, port, self._rules, ports=WEB_PORTS, seconds=seconds):
            try:
                stream = self._sockets.connect_tcp(target, port, timeout=self._deadline.cut(timeout))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failed:
                error = failed
            else:
                return _TimedStream(stream, self._deadline, time.monotonic() + self._lasts_seconds)
        raise error


class _TimedStream(httpcore.NetworkStream):
    """Each wait ends with the whole: a server that drips byte by byte gains nothing."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: _Limit, lasts_until: float) -> None:
        self._stream = stream
        self._deadline = deadline
        self._lasts_until = lasts_until

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.cut(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.cut(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._deadline.cut(timeout))
        return _TimedStream(stream, self._deadline, self._lasts_until)

    def get_extra_info(self, info: str) -> object:
        if info == "is_readable" and time.monotonic() >= self._lasts_until:
            return True  # so httpcore sees that an idle connection was hung up, and makes a new one
        return self._stream.get_extra_info(info)


def _resolve(host: str, rules: EgressRules, seconds: float) -> list[Address]:
    """Literal addresses as they are; a name through the rules' resolver, which knows no time limit of its own."""
    try:
        return [ip_address(host)]
    except ValueError:
        pass
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="egress-resolver")
    try:
        return list(thread.submit(rules.resolve, host).result(timeout=seconds))
    except TookTooLong:
        raise EgressError("timeout", host) from None
    except (OSError, UnicodeError, ValueError):
        raise EgressError("name", host) from None
    finally:
        thread.shutdown(wait=False)
