from __future__ import annotations

import asyncio
import gzip
import random
import socket
import threading
import zlib
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest

from dynamail.lib.egress import (
    SSH_PORTS,
    Bounds,
    EgressError,
    EgressRules,
    KeptConnections,
    find_targets,
    open_socket,
    open_url,
)
from dynamail.protocols.dns import Resolver
from tests.support.dns_server import DnsServer
from tests.support.tls_authority import TlsAuthority
from tests.support.web_server import Page, WebServer
from tests.support.webhook_sink import Received, Said, WebhookSink


@pytest.fixture
def server() -> Iterator[WebServer]:
    with WebServer() as running:
        yield running


def open_for(server: WebServer, **values: object) -> EgressRules:
    """Rules with the server's own address and port opened, and nothing else."""
    return EgressRules(frozenset({(server.host, server.port)}), **values)  # type: ignore[arg-type]


def fetch(url: str, rules: EgressRules, **options: object) -> bytes:
    with open_url(url, rules=rules, **options) as answer:  # type: ignore[arg-type]
        assert answer.status == 200, answer.status
        return b"".join(answer.chunks)


def refusal(url: str, rules: EgressRules | None = None, **options: object) -> str:
    with pytest.raises(EgressError) as caught:
        fetch(url, rules or EgressRules(), **options)
    return caught.value.code


def test_an_allowed_target_answers(server: WebServer) -> None:
    server.pages["/a?b=1"] = Page(b"people")
    with open_url(server.url("/a?b=1"), rules=open_for(server), headers={"X-Key": "k"}) as answer:
        assert (answer.status, b"".join(answer.chunks)) == (200, b"people")
    request = server.requests[0]
    assert request.headers["host"] == f"127.0.0.1:{server.port}"
    assert (request.headers["x-key"], request.headers["user-agent"]) == ("k", "DynaMail")


def test_loopback_is_closed_unless_exactly_this_port_is_open(server: WebServer) -> None:
    server.pages["/"] = Page(b"secret")
    assert refusal(server.url("/")) == "address"
    assert refusal(server.url("/"), EgressRules(frozenset({("127.0.0.1", server.port + 1)}))) == "address"
    assert server.requests == []


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "017700000001",
        "0.0.0.0",
        "0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "192.0.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:10.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::a00:1]",
        "[2002:7f00:1::]",
        "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
        "[fe80::1]",
        "[fec0::1]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[ff02::1]",
        "[2001:db8::1]",
        "[100::1]",
        "localhost",
    ],
)
def test_no_spelling_of_an_inner_address_is_called(host: str) -> None:
    assert refusal(f"http://{host}/latest/meta-data/") in ("address", "name")


@pytest.mark.parametrize(
    "url",
    ["", "people.csv", "//host/x", "ftp://example.com/x", "file:///etc/passwd", "gopher://x/", "http:///x", "http://u:p@example.com/",
     "http://example.com:abc/", "http://example.com:0/", "http://example.com:99999/", "http://[::1/", "http://a\x00b/", "http://a\r\nb/",
     "http://xn--a/", "http://xn--zzzzzzzz99999/"],
)  # fmt: skip
def test_what_is_no_plain_web_address_is_refused(url: str) -> None:
    assert refusal(url) == "url"


@pytest.mark.parametrize("port", [22, 25, 53, 110, 143, 445, 465, 587, 993])
def test_ports_of_other_services_are_closed(port: int) -> None:
    assert refusal(f"http://93.184.215.14:{port}/") == "port"


def resolving(*answers: Sequence[str]) -> EgressRules:
    """The DNS says something else each time."""
    coming = iter(answers)
    return EgressRules(resolve=lambda host: [ip_address(text) for text in next(coming)])


def test_one_inner_address_among_others_closes_the_name() -> None:
    rules = resolving(("93.184.215.14", "10.0.0.7"))
    assert refusal("http://mixed.example/", rules) == "address"


def test_the_connection_goes_to_the_address_that_was_looked_at(server: WebServer) -> None:
    """A DNS server that first tells a permitted address and then another one is asked once."""
    server.pages["/"] = Page(b"people")
    with DnsServer({("rebind.example", "A"): "127.0.0.1"}, ttl=0) as dns:

        def resolve(host: str) -> list[IPv4Address | IPv6Address]:
            found = asyncio.run(Resolver([dns.address]).addresses(host))
            dns.publish("rebind.example", "A", "10.0.0.1")
            return list(found)

        rules = open_for(server, resolve=resolve)
        assert fetch(server.url("/", host="rebind.example"), rules) == b"people"
        assert dns.count("rebind.example", "A") == 1
        assert server.requests[0].headers["host"] == f"rebind.example:{server.port}"
        assert refusal(server.url("/", host="rebind.example"), rules) == "address"


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("http://169.254.169.254/latest/meta-data/", "address"),
        ("http://[::ffff:169.254.169.254]/", "address"),
        ("//10.0.0.1/", "address"),
        ("file:///etc/passwd", "url"),
        ("gopher://127.0.0.1:6379/_x", "url"),
        ("/round", "redirect"),
    ],
)
def test_each_redirect_is_looked_at_anew(server: WebServer, location: str, code: str) -> None:
    server.pages["/"] = Page(status=302, headers={"Location": location})
    server.pages["/round"] = Page(status=302, headers={"Location": "/round"})
    assert refusal(server.url("/"), open_for(server)) == code
    assert len(server.requests) <= 6


def test_redirects_are_followed_and_may_be_handed_out(server: WebServer) -> None:
    server.pages["/old"] = Page(status=301, headers={"Location": "new/people.csv?x=1"})
    server.pages["/new/people.csv?x=1"] = Page(b"people")
    assert fetch(server.url("/old"), open_for(server)) == b"people"
    with open_url(server.url("/old"), rules=open_for(server), redirects=0) as answer:
        assert answer.status == 301


def test_secrets_stay_with_their_origin(server: WebServer) -> None:
    with WebServer() as other:
        server.pages["/"] = Page(status=307, headers={"Location": other.url("/")})
        other.pages["/"] = Page(b"people")
        rules = EgressRules(frozenset({(server.host, server.port), (other.host, other.port)}))
        secrets = {"Authorization": "Bearer secret", "Cookie": "a=b", "X-Plain": "kept"}
        assert fetch(server.url("/"), rules, headers=secrets) == b"people"
        assert server.requests[0].headers["authorization"] == "Bearer secret"
        seen = other.requests[0].headers
        assert "authorization" not in seen
        assert "cookie" not in seen
        assert seen["x-plain"] == "kept"


def test_tls_names_the_host_and_never_falls_back(server: WebServer) -> None:
    authority = TlsAuthority()
    with WebServer(authority.issue("files.example")) as secure:
        rules = EgressRules(
            frozenset({("127.0.0.1", secure.port), ("127.0.0.1", server.port)}),
            resolve=lambda host: [ip_address("127.0.0.1")],
            tls=authority.client_context(),
        )
        secure.pages["/"] = Page(b"people")
        secure.pages["/down"] = Page(status=302, headers={"Location": server.url("/")})
        assert fetch(secure.url("/", host="files.example"), rules) == b"people"
        assert refusal(secure.url("/", host="other.example"), rules) == "tls"
        assert refusal(secure.url("/down", host="files.example"), rules) == "redirect"
        distrusting = EgressRules(rules.allowed, resolve=rules.resolve)
        assert refusal(secure.url("/", host="files.example"), distrusting) == "tls"


def test_a_body_ends_at_its_limit(server: WebServer) -> None:
    def endless() -> Iterable[bytes]:
        while not server.stopping.is_set():
            yield b"x" * 2**16

    server.pages["/"] = Page(endless)
    assert refusal(server.url("/"), open_for(server), bounds=Bounds(most_bytes=2**20)) == "too_large"


def test_a_packed_body_is_measured_unpacked(server: WebServer) -> None:
    server.pages["/"] = Page(gzip.compress(b"\0" * 2**24), headers={"Content-Encoding": "gzip"})
    rules = open_for(server)
    assert refusal(server.url("/"), rules, bounds=Bounds(most_bytes=2**22)) == "too_large"
    assert len(fetch(server.url("/"), rules)) == 2**24
    server.pages["/"] = Page(zlib.compress(b"people"), headers={"Content-Encoding": "deflate"})
    assert refusal(server.url("/"), rules) == "protocol"


PACKED = {"Content-Encoding": "gzip"}


def test_all_members_of_a_packed_body_are_unpacked(server: WebServer) -> None:
    members = [gzip.compress(text) for text in (b"one\n", b"", b"two\n" * 100_000)]
    server.pages["/"] = Page(b"".join(members), headers=PACKED)
    assert fetch(server.url("/"), open_for(server)) == b"one\n" + b"two\n" * 100_000
    server.pages["/"] = Page(b"", headers=PACKED)
    assert fetch(server.url("/"), open_for(server)) == b""


@pytest.mark.parametrize("missing", [1, 8, 9, 100])
def test_a_packed_body_that_is_cut_off_is_not_taken_for_a_whole_one(server: WebServer, missing: int) -> None:
    people = gzip.compress(random.Random(1).randbytes(100_000))
    server.pages["/"] = Page(people[:-missing], headers=PACKED)
    assert refusal(server.url("/"), open_for(server)) == "protocol"
    server.pages["/"] = Page(people + people[:-missing], headers=PACKED)
    assert refusal(server.url("/"), open_for(server)) == "protocol"


def test_what_follows_a_packed_body_is_refused_at_once(server: WebServer) -> None:
    sent = []

    def endless() -> Iterable[bytes]:
        yield gzip.compress(b"people")
        while not server.stopping.is_set():
            sent.append(2**16)
            yield b"x" * 2**16

    server.pages["/"] = Page(endless, headers=PACKED)
    assert refusal(server.url("/"), open_for(server)) == "protocol"
    assert sum(sent) < 2**26, "what the sockets hold, and no more"


def test_a_packed_body_that_holds_nothing_ends_at_its_limit_too(server: WebServer) -> None:
    def endless() -> Iterable[bytes]:
        while not server.stopping.is_set():
            yield gzip.compress(b"") * 1000

    server.pages["/"] = Page(endless, headers=PACKED)
    assert refusal(server.url("/"), open_for(server), bounds=Bounds(most_bytes=2**20)) == "too_large"


@pytest.mark.parametrize("where", ["header", "body"])
def test_a_server_that_drips_is_left_when_the_whole_takes_too_long(where: str) -> None:
    """Each byte comes in time, and the whole never."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                start = b"HTTP/1.1 200 OK\r\n" + (b"\r\n" if where == "body" else b"X-Slow: ")
                connection.sendall(start)
                try:
                    while not done.wait(0.02):
                        connection.sendall(b"x")
                except OSError:
                    pass

        done = threading.Event()
        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        port = listener.getsockname()[1]
        rules = EgressRules(frozenset({("127.0.0.1", port)}))
        bounds = Bounds(silence_seconds=5, total_seconds=0.3)
        assert refusal(f"http://127.0.0.1:{port}/", rules, bounds=bounds) == "timeout"
        done.set()
        thread.join(10)


def test_a_silent_or_missing_server_is_told_apart(server: WebServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        rules = EgressRules(frozenset({("127.0.0.1", port)}))
        assert refusal(f"http://127.0.0.1:{port}/", rules, bounds=Bounds(silence_seconds=0.1)) == "timeout"
    assert refusal(f"http://127.0.0.1:{port}/", rules) == "connect"


def test_a_name_that_nobody_knows_is_said_so() -> None:
    def unknown(host: str) -> list[IPv4Address]:
        raise socket.gaierror("no such name")

    assert refusal("http://nobody.example/", EgressRules(resolve=unknown)) == "name"


def test_sockets_of_other_protocols_follow_the_same_rules(server: WebServer) -> None:
    with open_socket("127.0.0.1", server.port, open_for(server), ports=SSH_PORTS, seconds=5) as opened:
        assert opened.getpeername() == ("127.0.0.1", server.port)
    with pytest.raises(EgressError, match="address"):
        open_socket("127.0.0.1", server.port, EgressRules(), ports=SSH_PORTS, seconds=5)
    with pytest.raises(EgressError, match="port"):
        find_targets("93.184.215.14", 443, EgressRules(), ports=SSH_PORTS, seconds=5)
    assert find_targets("93.184.215.14", 22, EgressRules(), ports=SSH_PORTS, seconds=5) == ["93.184.215.14"]


# ── Connections that are kept ────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def sink() -> Iterator[WebhookSink]:
    with WebhookSink() as running:
        yield running


def post_kept(url: str, rules: EgressRules, kept: KeptConnections) -> int:
    with open_url(url, rules=rules, method="POST", content=b"{}", kept=kept) as answer:
        assert b"".join(answer.chunks) == b""
        return answer.status


def named(sink: WebhookSink, *answers: str) -> tuple[str, EgressRules]:
    """A name whose address is another one each time it is asked for; the last one stays."""
    left = list(answers)

    def resolve(_host: str) -> list[IPv4Address | IPv6Address]:
        return [ip_address(left.pop(0) if len(left) > 1 else left[0])]

    rules = EgressRules(frozenset({(sink.host, sink.port)}), resolve=resolve)
    return f"http://hooks.example:{sink.port}/", rules


def test_a_kept_connection_serves_one_request_after_the_other(sink: WebhookSink) -> None:
    url, rules = named(sink, "127.0.0.1", "10.0.0.1")  # a second look would be refused
    kept = KeptConnections(rules)
    assert [post_kept(url, rules, kept) for _time in range(3)] == [204] * 3
    assert sink.connections == 1
    assert {request.headers["host"] for request in sink.requests} == {f"hooks.example:{sink.port}"}
    kept.close()


def test_an_old_connection_is_left_and_the_name_looked_at_again(sink: WebhookSink) -> None:
    url, rules = named(sink, "127.0.0.1", "127.0.0.1", "10.0.0.1")
    kept = KeptConnections(rules, oldest_seconds=0)
    assert [post_kept(url, rules, kept) for _time in range(2)] == [204] * 2
    assert sink.connections == 2
    with pytest.raises(EgressError, match="address"):
        post_kept(url, rules, kept)
    assert len(sink.requests) == 2
    kept.close()


def test_a_connection_that_was_hung_up_is_replaced(sink: WebhookSink) -> None:
    def answer(_request: Received) -> Said:
        if sink.connections == 1 and len(sink.requests) == 2:
            raise ConnectionError  # without an answer, on the connection that was kept
        return Said()

    sink.answer = answer
    url, rules = named(sink, "127.0.0.1")
    kept = KeptConnections(rules)
    assert [post_kept(url, rules, kept) for _time in range(3)] == [204] * 3
    assert (len(sink.requests), sink.connections) == (4, 3)
    sink.answer = lambda _request: (_ for _ in ()).throw(ConnectionError)
    with pytest.raises(EgressError):
        post_kept(url, rules, kept)
    kept.close()


def test_each_request_of_a_kept_connection_has_its_own_time(sink: WebhookSink) -> None:
    url, rules = named(sink, "127.0.0.1")
    kept = KeptConnections(rules)
    assert post_kept(url, rules, kept) == 204
    release = threading.Event()

    def wait(_request: Received) -> Said:
        release.wait(60)
        return Said()

    sink.answer = wait
    with (
        pytest.raises(EgressError, match="timeout"),
        open_url(url, rules=rules, bounds=Bounds(total_seconds=0.2), method="POST", kept=kept),
    ):
        pass
    release.set()
    sink.answer = lambda _request: Said()
    assert post_kept(url, rules, kept) == 204
    kept.close()
