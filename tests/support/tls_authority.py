"""Certificates for servers on loopback: self-signed ones, and a private authority with an intermediate one.

authority = TlsAuthority()
certificate = authority.issue("mx.example.com")           # a leaf with the whole chain behind it
context = authority.client_context()                      # trusts this authority and nobody else
"""

from __future__ import annotations

import hashlib
import ssl
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

HOUR = timedelta(hours=1)
Key = ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Certificate:
    """`pem` holds the server's own certificate and, after it, those above it."""

    pem: str
    key_pem: str

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with TemporaryDirectory() as folder:
            path = Path(folder, "both.pem")
            path.write_text(self.key_pem + self.pem)
            context.load_cert_chain(path)
        return context

    @property
    def chain(self) -> list[x509.Certificate]:
        return x509.load_pem_x509_certificates(self.pem.encode())

    def describe(self, usage: int, selector: int, matching: int, *, index: int = 0) -> str:
        """A TLSA record as in a zone file, of the certificate at `index` of the chain."""
        return describe_certificate(self.chain[index], usage, selector, matching)


def describe_certificate(certificate: x509.Certificate, usage: int, selector: int, matching: int) -> str:
    if selector == 0:
        data = certificate.public_bytes(serialization.Encoding.DER)
    else:
        data = certificate.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    text = {0: data.hex(), 1: hashlib.sha256(data).hexdigest(), 2: hashlib.sha512(data).hexdigest()}[matching]
    return f"{usage} {selector} {matching} {text}"


def make_certificate() -> Certificate:
    """Self-signed, valid for an hour, for localhost and 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _sign("localhost", key, names=("localhost", "127.0.0.1"), is_authority=True)
    return Certificate(_to_pem(certificate), _key_to_pem(key))


class TlsAuthority:
    """A root and an intermediate authority below it."""

    def __init__(self, name: str = "Test authority") -> None:
        self._root_key = ec.generate_private_key(ec.SECP256R1())
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.root = _sign(name, self._root_key, is_authority=True)
        self.intermediate = _sign(
            f"{name}, intermediate", self._key, issuer=self.root, issuer_key=self._root_key, is_authority=True
        )

    def issue(self, *names: str, is_expired: bool = False, with_root: bool = True) -> Certificate:
        """A certificate for these names with its chain: itself, the intermediate, the root."""
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = _sign(
            names[0],
            key,
            names=names,
            issuer=self.intermediate,
            issuer_key=self._key,
            expires_in=-HOUR if is_expired else HOUR,
        )
        chain = [leaf, self.intermediate, *([self.root] if with_root else [])]
        return Certificate("".join(map(_to_pem, chain)), _key_to_pem(key))

    def client_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=_to_pem(self.root))
        return context


def _sign(
    common_name: str,
    key: Key,
    *,
    names: tuple[str, ...] = (),
    issuer: x509.Certificate | None = None,
    issuer_key: Key | None = None,
    is_authority: bool = False,
    expires_in: timedelta = HOUR,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
    now = datetime.fromtimestamp(time.time(), UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 3 * HOUR)
        .not_valid_after(now + expires_in)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_to_general_name(name) for name in names]), critical=False
        )
    return builder.sign(issuer_key or key, hashes.SHA256())


def _to_general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _to_pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_to_pem(key: Key) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
