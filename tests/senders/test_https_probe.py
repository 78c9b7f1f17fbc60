"""A host for links counts only when it answers over TLS with a certificate for its own name."""

from __future__ import annotations

import asyncio
import ssl
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from dynamail.senders.domain_checks import answers_over_https
from tests.support.tls_authority import TlsAuthority

HOST = "click.acme.example"
LOOPBACK = [ip_address("127.0.0.1")]


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TlsAuthority:
    """The one that this machine trusts."""
    authority = TlsAuthority()
    path = tmp_path / "roots.pem"
    path.write_bytes(authority.root.public_bytes(Encoding.PEM))
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    return authority


async def probe(context: ssl.SSLContext | None, reply: bytes = b"HTTP/1.1 200 OK\r\n\r\nok\n") -> bool:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        assert request.startswith(b"GET /healthz HTTP/1.1\r\nHost: click.acme.example\r\n")
        writer.write(reply)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        return await answers_over_https(HOST, LOOPBACK, port=server.sockets[0].getsockname()[1])


def test_a_certificate_for_the_name_is_enough(authority: TlsAuthority) -> None:
    assert asyncio.run(probe(authority.issue(HOST).server_context()))


@pytest.mark.parametrize(
    ("name", "is_expired"), [("app.dynamail.example", False), (HOST, True)], ids=["another name", "expired"]
)
def test_any_other_certificate_is_not(authority: TlsAuthority, name: str, is_expired: bool) -> None:
    certificate = authority.issue(name, is_expired=is_expired)
    assert not asyncio.run(probe(certificate.server_context()))


def test_a_certificate_of_an_unknown_authority_is_not(authority: TlsAuthority) -> None:
    assert not asyncio.run(probe(TlsAuthority("Stranger").issue(HOST).server_context()))


@pytest.mark.parametrize("reply", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"nonsense\r\n", b""])
def test_a_server_that_does_not_know_the_host_is_not(authority: TlsAuthority, reply: bytes) -> None:
    assert not asyncio.run(probe(authority.issue(HOST).server_context(), reply))


def test_nobody_there_is_not_an_error(authority: TlsAuthority) -> None:
    assert not asyncio.run(answers_over_https(HOST, LOOPBACK, port=1))
    assert not asyncio.run(answers_over_https(HOST, [], port=1))
