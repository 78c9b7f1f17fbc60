"""DANE for SMTP (RFC 7672): what a host's signed TLSA records say about its certificate.

Only answers that DNSSEC vouches for count; without them there is no policy. With them:

- TLS is demanded, and a failed lookup (SERVFAIL) means that this host cannot be used now: an attacker could have caused it.
- DANE-EE(3) names the server's own certificate or key; its names and dates do not matter (§3.1.1).
- DANE-TA(2) names an authority that must have issued it; names and dates matter (§3.1.2). It must be in the server's chain,
  unless the record holds the whole certificate.
- When no record is usable (usages 0 and 1, unknown numbers), TLS is demanded from whoever answers (§2.2).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from dynamail.protocols.dns import NoRecord, NoSuchName, Resolver, TlsaRecord

DANE_TA, DANE_EE = 2, 3
WHOLE_CERTIFICATE, PUBLIC_KEY = 0, 1
_DIGESTS = {1: hashlib.sha256, 2: hashlib.sha512}
_DIGEST_SIZES = {1: 32, 2: 64}
LONGEST_CHAIN = 10
_ENCODING_DER = 2  # _ssl.ENCODING_DER


class DaneFailure(Exception):
    """The server's certificate is not the one that its domain has announced. The text is a sentence."""


@dataclass(frozen=True, slots=True)
class DanePolicy:
    """`records` are usable ones; none: encrypt, whoever it is. `names` may stand in a certificate below a DANE-TA."""

    records: tuple[TlsaRecord, ...]
    names: tuple[str, ...]


async def find_dane_policy(
    host: str, resolver: Resolver, *, canonical_name: str = "", domain: str = "", port: int = 25
) -> DanePolicy | None:
    """The policy of a mail host whose own addresses DNSSEC vouches for; None without one. Raises DnsUnavailable.

    With an alias as the host, the records at its target count first (RFC 7672 §2.2.2).
    """
    for base in dict.fromkeys((canonical_name or host, host)):
        try:
            records = await resolver.tlsa(f"_{port}._tcp.{base}")
        except (NoSuchName, NoRecord):
            continue
        if records.is_validated:
            names = dict.fromkeys(name for name in (base, host, domain) if name)
            return DanePolicy(tuple(filter(_is_usable, records)), tuple(names))
    return None


def read_peer_chain(ssl_object: Any) -> tuple[bytes, ...]:
    """The certificates that the peer has shown, its own first, in DER; nothing was checked.

    Python before 3.13 has no public way to the whole chain. Where the private one is missing too, only the peer's own
    certificate comes back: DANE-EE still works, and a DANE-TA then fails safe unless its record holds the certificate.
    """
    for owner in (ssl_object, getattr(ssl_object, "_sslobj", None)):
        read = getattr(owner, "get_unverified_chain", None)
        if read is not None:
            shown = read() or ()
            return tuple(one if isinstance(one, bytes) else one.public_bytes(_ENCODING_DER) for one in shown)
    leaf = ssl_object.getpeercert(binary_form=True)
    return (leaf,) if leaf else ()


def verify_chain(policy: DanePolicy, chain: Sequence[bytes], *, now: datetime) -> None:
    """Raises DaneFailure unless one record of the policy vouches for the chain (DER, the server's own first)."""
    if not policy.records:
        return
    try:
        certificates = [x509.load_der_x509_certificate(one) for one in chain[:LONGEST_CHAIN]]
        _verify(policy, certificates, now)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise DaneFailure("The server's certificate cannot be read.") from error


def _verify(policy: DanePolicy, certificates: Sequence[x509.Certificate], now: datetime) -> None:
    if not certificates:
        raise DaneFailure("The server has shown no certificate.")
    records = _prefer_strong(policy.records)
    leaf = certificates[0]
    if any(record.usage == DANE_EE and _matches(record, leaf) for record in records):
        return
    anchors = [record for record in records if record.usage == DANE_TA]
    known = [*certificates[1:], *_read_whole_certificates(anchors)]
    if not any(_matches(record, top) for top in _find_issuers(leaf, known, now) for record in anchors):
        raise DaneFailure("The server's certificate does not match its domain's TLSA records.")
    if not any(_covers(pattern, name) for pattern in _read_names(leaf) for name in policy.names):
        raise DaneFailure("The server's certificate is for another name.")


def _is_usable(record: TlsaRecord) -> bool:
    if record.usage not in (DANE_TA, DANE_EE) or record.selector not in (WHOLE_CERTIFICATE, PUBLIC_KEY):
        return False
    if record.matching == 0:
        return bool(record.data)
    return len(record.data) == _DIGEST_SIZES.get(record.matching)


def _prefer_strong(records: Sequence[TlsaRecord]) -> list[TlsaRecord]:
    """RFC 7671 §9: where SHA-512 is given, SHA-256 for the same thing does not count."""
    strong = {(record.usage, record.selector) for record in records if record.matching == 2}
    return [
        record for record in records if record.matching != 1 or (record.usage, record.selector) not in strong
    ]


def _matches(record: TlsaRecord, certificate: x509.Certificate) -> bool:
    if record.selector == WHOLE_CERTIFICATE:
        data = certificate.public_bytes(Encoding.DER)
    else:
        data = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if record.matching:
        data = _DIGESTS[record.matching](data).digest()
    return hmac.compare_digest(data, record.data)


def _read_whole_certificates(records: Sequence[TlsaRecord]) -> Iterator[x509.Certificate]:
    for record in records:
        if record.selector == WHOLE_CERTIFICATE and record.matching == 0:
            yield x509.load_der_x509_certificate(record.data)


def _find_issuers(
    certificate: x509.Certificate, known: Sequence[x509.Certificate], now: datetime
) -> Iterator[x509.Certificate]:
    """All authorities above a certificate whose signatures and dates hold."""
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        return
    for index, issuer in enumerate(known):
        if _is_authority(issuer) and _has_issued(issuer, certificate):
            yield issuer
            yield from _find_issuers(issuer, [*known[:index], *known[index + 1 :]], now)


def _has_issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _read_names(leaf: x509.Certificate) -> list[str]:
    """The DNS names; the common name only where there are none (RFC 7672 §3.2.3)."""
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found = names.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        found = []
    return found or [str(part.value) for part in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]


def _covers(pattern: str, name: str) -> bool:
    """`*` stands for exactly one whole label, the first (RFC 6125 §6.4.3)."""
    pattern = pattern.lower().rstrip(".")
    if pattern.startswith("*."):
        return name.partition(".")[2] == pattern[2:]
    return name == pattern
