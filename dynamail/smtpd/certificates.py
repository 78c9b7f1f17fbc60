"""The certificate of the submission listeners.

An operator names files (`DYNAMAIL_SUBMISSION_CERTIFICATE`); they are read again when they change, so that a renewal needs no restart. On
a loopback address one is made and kept in the data folder: nobody but this machine can ask for it.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

OWN_LIFE = timedelta(days=397)
RENEWED_BEFORE = timedelta(days=30)
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


class CertificateError(OSError):
    """What is wrong with the files, and which setting says so."""


def make_context() -> ssl.SSLContext:
    """TLS 1.2 and later, without renegotiation."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    return context


class Certificates:
    """A context, and the files that it was loaded from."""

    def __init__(self, certificate: str, key: str = "") -> None:
        self.context = make_context()
        self._files = (Path(certificate), Path(key or certificate))
        self._loaded: tuple[int, ...] = ()

    def load(self) -> bool:
        """Read the files if they changed. Raises CertificateError; what was loaded before stays in force."""
        certificate, key = self._files
        try:
            changed = tuple(path.stat().st_mtime_ns for path in self._files)
            if changed == self._loaded:
                return False
            self.context.load_cert_chain(certificate, key)
        except (OSError, ssl.SSLError) as error:
            raise CertificateError(
                f"the certificate for SMTP cannot be used ({error}). Check DYNAMAIL_SUBMISSION_CERTIFICATE and "
                "DYNAMAIL_SUBMISSION_CERTIFICATE_KEY."
            ) from error
        self._loaded = changed
        return True


def find_certificates(*, certificate: str, key: str, host: str, home: Path) -> Certificates:
    """The operator's, or on loopback our own. Raises CertificateError."""
    if not certificate:
        if not is_loopback(host):
            raise CertificateError(
                f"SMTP on {host} needs a certificate. Set DYNAMAIL_SUBMISSION_CERTIFICATE to its file."
            )
        certificate, key = str(ensure_own_certificate(home)), ""
    found = Certificates(certificate, key)
    found.load()
    return found


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def ensure_own_certificate(home: Path) -> Path:
    """A self-signed one for this machine, in `home/submission.pem`; made anew a month before it ends."""
    path = home / "submission.pem"
    if not _is_good(path):
        home.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(_make_pem())
        fresh.replace(path)
    return path


def _is_good(path: Path) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        return False
    return certificate.not_valid_after_utc > datetime.now(UTC) + RENEWED_BEFORE


def _make_pem() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "DynaMail on this machine")])
    now = datetime.now(UTC)
    names: list[x509.GeneralName] = [x509.DNSName("localhost")]
    names += [x509.IPAddress(ipaddress.ip_address(one)) for one in LOOPBACK_NAMES[1:]]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + OWN_LIFE)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + certificate.public_bytes(serialization.Encoding.PEM)
