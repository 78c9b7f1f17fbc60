"""DKIM signatures: keys, the records that publish them, and the DKIM-Signature fields (RFC 6376, 8301, 8463).

Always relaxed/relaxed, over the whole body (no `l=`), with every header field of `SIGNED_FIELDS` named once more than it is
present: a second From or Subject that somebody adds breaks the signature (RFC 6376 §8.15).

    sign_message   a whole message in, the fields that stand in front of it out
    DkimSigning    the same for many messages that share header fields: the shared part is hashed once
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa, utils

from dynamail.protocols.address import parse_address

RSA_BITS = 2048  # more does not fit into a DNS answer over UDP, less is refused by the large providers
LEAST_RSA_BITS = 1024  # RFC 8301 §3.2: verifiers take nothing shorter
SIGNATURE_LIFETIME = timedelta(days=7)  # a relay may hold mail for five days; later copies are replays
_SIGNED_FIELDS = (
    "from to cc subject date reply-to message-id mime-version content-type content-transfer-encoding list-id list-unsubscribe "
    "list-unsubscribe-post list-help list-subscribe list-post list-owner list-archive feedback-id"
)
SIGNED_FIELDS = tuple(_SIGNED_FIELDS.split())

_LIFETIME_SECONDS = int(SIGNATURE_LIFETIME.total_seconds())
_FOLD_AT = 78
_SIGNATURE_LINE = 72  # characters of Base64
_MAX_RECORD = 8_000  # characters of a TXT value that we look at
_SIGNED = frozenset(name.encode("ascii") for name in SIGNED_FIELDS)
_PADDING = padding.PKCS1v15()
_PREHASHED = utils.Prehashed(hashes.SHA256())
_WSP_RUN = re.compile(rb"[ \t]+")
_SELECTOR = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
_TAG_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_WHITESPACE = re.compile(r"[ \t\r\n]+")


class DkimAlgorithm(StrEnum):
    """The `a=` of a signature."""

    RSA = "rsa-sha256"
    ED25519 = "ed25519-sha256"

    @property
    def key_type(self) -> str:
        """The `k=` of the record."""
        return self.value.removesuffix("-sha256")


class DkimKeyError(ValueError):
    """Bytes that are no private key for DKIM."""


class DkimRecordError(ValueError):
    """A TXT value that no verifier would take as a DKIM key; the sentence is for the owner of the domain."""


# --- keys and records ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PublicKeyRecord:
    """A published key. `public_key` is what `read_public_key` gives for its private key; empty when it is revoked."""

    algorithm: DkimAlgorithm
    public_key: bytes
    is_testing: bool = False  # t=y: verifiers treat the mail as if it were not signed

    @property
    def is_revoked(self) -> bool:
        return not self.public_key


def generate_private_key(algorithm: DkimAlgorithm) -> bytes:
    """A new key as PKCS#8 DER, not encrypted: seal it before it is stored."""
    key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
    if algorithm == DkimAlgorithm.RSA:
        key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    else:
        key = ed25519.Ed25519PrivateKey.generate()
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def read_public_key(private_key: bytes) -> bytes:
    """The public half as it stands in `p=`: SubjectPublicKeyInfo for RSA, 32 octets for Ed25519. Raises DkimKeyError."""
    key = _load_private_key(private_key)
    return _encode_public_key(key.public_key())


def format_public_record(private_key: bytes) -> str:
    """The TXT value at `<selector>._domainkey.<domain>` (RFC 6376 §3.6.1, RFC 8463 §4). Raises DkimKeyError.

    For RSA it is longer than 255 octets: a zone file has to cut it into strings.
    """
    algorithm = _find_algorithm(_load_private_key(private_key))
    encoded = base64.b64encode(read_public_key(private_key)).decode("ascii")
    return f"v=DKIM1; k={algorithm.key_type}; p={encoded}"


def read_public_record(txt: str) -> PublicKeyRecord:
    """Read a TXT value as a verifier would, its strings joined (RFC 6376 §3.6.1). Raises DkimRecordError."""
    tags = _read_tags(txt)
    if tags.get("v", "DKIM1") != "DKIM1" or ("v" in tags and next(iter(tags)) != "v"):
        raise DkimRecordError("The record must begin with v=DKIM1.")
    if "p" not in tags:
        raise DkimRecordError("The record has no p= with the public key.")
    if "h" in tags and "sha256" not in _read_list(tags["h"]):
        raise DkimRecordError("The record forbids SHA-256 with h=. Leave h= out.")
    if "s" in tags and not {"*", "email"} & set(_read_list(tags["s"])):
        raise DkimRecordError("The record says with s= that the key is not for email. Leave s= out.")
    algorithm = _read_key_type(tags.get("k", "rsa"))
    encoded = _WHITESPACE.sub("", tags["p"])
    return PublicKeyRecord(
        algorithm, _read_key(algorithm, encoded) if encoded else b"", "y" in _read_list(tags.get("t", ""))
    )


def _read_tags(txt: str) -> dict[str, str]:
    if len(txt) > _MAX_RECORD:
        raise DkimRecordError("The record is far too long for a DKIM key.")
    if '"' in txt or "\\" in txt:
        raise DkimRecordError(
            "The record contains quotation marks or backslashes. Publish the value without them."
        )
    tags: dict[str, str] = {}
    for part in txt.split(";"):
        if not part.strip():
            continue
        name, sign, value = (text.strip() for text in part.partition("="))
        if not sign or not _TAG_NAME.fullmatch(name):
            raise DkimRecordError("The record is not a list of tags such as v=DKIM1; k=rsa; p=…")
        if name in tags:
            raise DkimRecordError(f"The record has {name[:20]}= twice.")
        tags[name] = value
    if not tags:
        raise DkimRecordError("The record is empty.")
    return tags


def _read_list(value: str) -> list[str]:
    return [entry.strip() for entry in value.split(":")]


def _read_key_type(name: str) -> DkimAlgorithm:
    for algorithm in DkimAlgorithm:
        if name == algorithm.key_type:
            return algorithm
    raise DkimRecordError(f"The record has a key of the unknown type {name[:20]}. Known are rsa and ed25519.")


def _read_key(algorithm: DkimAlgorithm, encoded: str) -> bytes:
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise DkimRecordError("The key in p= is cut off or damaged: it is no valid Base64.") from None
    if algorithm == DkimAlgorithm.ED25519:
        if len(data) != 32:
            raise DkimRecordError("The key in p= is no Ed25519 key: that has 32 octets.")
        return data
    try:
        key = serialization.load_der_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        raise DkimRecordError("The key in p= is cut off or damaged: it is no RSA key.") from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise DkimRecordError("The key in p= is no RSA key, although the record says so.")
    if key.key_size < LEAST_RSA_BITS:
        raise DkimRecordError(
            f"The RSA key has {key.key_size} bits. Verifiers want at least {LEAST_RSA_BITS}."
        )
    return _encode_public_key(key)


def _load_private_key(
    private_key: bytes, *, is_checked: bool = False
) -> rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey:
    try:
        key = serialization.load_der_private_key(
            private_key, password=None, unsafe_skip_rsa_key_validation=is_checked
        )
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise DkimKeyError("This is no private key in PKCS#8.") from None
    if not isinstance(key, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
        raise DkimKeyError("DKIM signs with RSA and Ed25519 only.")
    return key


def _find_algorithm(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> DkimAlgorithm:
    return DkimAlgorithm.RSA if isinstance(key, rsa.RSAPrivateKey) else DkimAlgorithm.ED25519


def _encode_public_key(key: rsa.RSAPublicKey | ed25519.Ed25519PublicKey) -> bytes:
    if isinstance(key, rsa.RSAPublicKey):
        return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return key.public_bytes_raw()


# --- canonical forms -------------------------------------------------------------------------------------------------


def canonicalize_fields(headers: bytes) -> list[tuple[bytes, bytes]]:
    """Each field's lower-case name and relaxed form with its CRLF (RFC 6376 §3.4.2), from the top down."""
    unfolded = headers.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")
    if b"  " in unfolded or b"\t" in unfolded:
        unfolded = _WSP_RUN.sub(b" ", unfolded)
    fields = []
    for line in unfolded.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if colon:
            key = name.rstrip(b" ").lower()
            fields.append((key, b"%b:%b\r\n" % (key, value.strip(b" "))))
    return fields


def canonicalize_body(body: bytes) -> bytes:
    """The relaxed form of a body of CRLF lines (RFC 6376 §3.4.4). A body that has this form already comes back fast."""
    if b"\t" in body or b"  " in body or b" \r\n" in body or body.endswith(b" "):
        body = _WSP_RUN.sub(b" ", body).replace(b" \r\n", b"\r\n").removesuffix(b" ")
    end = _find_end(body, 0)
    return body[:end] + b"\r\n" if end else b""


def hash_body(message: bytes, *, start: int = 0, is_canonical: bool = False) -> bytes:
    """The hash for `bh=` of the body that begins at `start`.

    `is_canonical` promises that no line has a tab, two spaces in a row or a space at its end; the body is not looked through
    again then, only empty lines at its end are left out.
    """
    if not is_canonical:
        return hashlib.sha256(canonicalize_body(message[start:])).digest()
    end = _find_end(message, start)
    with memoryview(message) as view:
        digest = hashlib.sha256(view[start:end])
    if end > start:
        digest.update(b"\r\n")
    return digest.digest()


def _find_end(body: bytes, start: int) -> int:
    """Where the last line that is not empty ends, before its CRLF."""
    end = len(body)
    while body.endswith(b"\r\n", start, end):
        end -= 2
    return end


# --- signing ---------------------------------------------------------------------------------------------------------


class DkimSigner:
    """One key of one domain. Raises DkimKeyError, or ValueError for a bad domain or selector.

    `private_key` is PKCS#8 DER that `read_public_key` has once accepted: RSA's slow check of its numbers is not repeated.
    """

    def __init__(self, *, domain: str, selector: str, private_key: bytes) -> None:
        if not _SELECTOR.fullmatch(selector):
            raise ValueError(f"{selector[:80]!r} is not a valid selector.")
        self.domain = parse_address(f"postmaster@{domain}").domain  # in A-labels
        self.selector = selector
        self._key = _load_private_key(private_key, is_checked=True)
        self.algorithm = _find_algorithm(self._key)

    def sign(self, digest: bytes) -> bytes:
        """Sign a SHA-256 digest. Ed25519 signs the digest as its message (RFC 8463 §3)."""
        if isinstance(self._key, rsa.RSAPrivateKey):
            return self._key.sign(digest, _PADDING, _PREHASHED)
        return self._key.sign(digest)


@dataclass(frozen=True, slots=True)
class _Form:
    """One signer's DKIM-Signature field around its times, the body hash and the signature; `canonical_*` is what is hashed."""

    signer: DkimSigner
    start: bytes
    names: bytes
    canonical_start: bytes
    canonical_names: bytes


class DkimSigning:
    """The signatures of messages that share header fields.

    `shared` are whole header fields that each message has; `sign` is given the others. No field name of `SIGNED_FIELDS` may be
    in both, for then nobody could tell which stands first.
    """

    def __init__(self, signers: Iterable[DkimSigner], *, shared: bytes = b"") -> None:
        self._signers = tuple(signers)
        names, canonical = _choose_signed(shared)
        self._shared_names = names
        self._shared_hash = hashlib.sha256(canonical)
        self._forms: dict[tuple[bytes, ...], list[_Form]] = {}

    def sign(self, own: bytes, *, body_hash: bytes, now: datetime) -> bytes:
        """The DKIM-Signature fields for the header fields in `own` and the shared ones."""
        names, canonical = _choose_signed(own)
        forms = self._forms.get(names)
        if forms is None:
            forms = self._forms[names] = self._make_forms(names)
        headers_hash = self._shared_hash.copy()
        headers_hash.update(canonical)
        second = int(now.timestamp())
        times = b"t=%d; x=%d;" % (second, second + _LIFETIME_SECONDS)
        encoded_body = binascii.b2a_base64(body_hash, newline=False)
        fields = []
        for form in forms:
            digest = headers_hash.copy()
            digest.update(
                b"%b%b%b bh=%b; b=" % (form.canonical_start, times, form.canonical_names, encoded_body)
            )
            signature = binascii.b2a_base64(form.signer.sign(digest.digest()), newline=False)
            fields.append(
                b"%b%b\r\n%b\r\n bh=%b;\r\n b=%b\r\n"
                % (form.start, times, form.names, encoded_body, _fold_signature(signature))
            )
        return b"".join(fields)

    def _make_forms(self, own_names: tuple[bytes, ...]) -> list[_Form]:
        if set(own_names) & set(self._shared_names):
            raise ValueError("A header field is both shared and the message's own.")
        named = [*self._shared_names, *own_names, *map(str.encode, SIGNED_FIELDS)]
        names = _fold_names(named)
        return [_make_form(signer, names) for signer in self._signers]


def sign_message(message: bytes, signers: Sequence[DkimSigner], *, now: datetime) -> bytes:
    """The DKIM-Signature fields to put in front of a message, which has CRLF line ends."""
    headers, separator, _ = message.partition(b"\r\n\r\n")
    body_hash = hash_body(message, start=len(headers) + len(separator))
    return sign_fields(signers, headers=headers + b"\r\n", body_hash=body_hash, now=now)


def sign_fields(signers: Sequence[DkimSigner], *, headers: bytes, body_hash: bytes, now: datetime) -> bytes:
    """The same when the hash of the body is known (`hash_body`). `headers` are whole fields with their CRLF."""
    return DkimSigning(signers).sign(headers, body_hash=body_hash, now=now)


def _choose_signed(headers: bytes) -> tuple[tuple[bytes, ...], bytes]:
    """Names and relaxed forms of the fields that are signed, from the bottom up (RFC 6376 §5.4.2)."""
    chosen = [field for field in reversed(canonicalize_fields(headers)) if field[0] in _SIGNED]
    return tuple([name for name, _ in chosen]), b"".join([canonical for _, canonical in chosen])


def _make_form(signer: DkimSigner, names: bytes) -> _Form:
    values = (
        signer.algorithm.value.encode("ascii"),
        signer.domain.encode("ascii"),
        signer.selector.encode("ascii"),
    )
    start = b" v=1; a=%b; c=relaxed/relaxed;\r\n d=%b;\r\n s=%b;\r\n " % values
    return _Form(
        signer,
        b"DKIM-Signature:" + start,
        names,
        b"dkim-signature:" + start.replace(b"\r\n", b"").removeprefix(b" "),
        names.replace(b"\r\n", b""),
    )


def _fold_names(names: Sequence[bytes]) -> bytes:
    """` h=from:to:…;` in lines of at most 78; white space may stand after a colon (RFC 6376 §3.5)."""
    lines, line = [], b" h="
    for index, name in enumerate(names):
        piece = name + (b";" if index == len(names) - 1 else b":")
        if len(line) + len(piece) > _FOLD_AT:
            lines.append(line)
            line = b" "
        line += piece
    return b"\r\n".join([*lines, line])


def _fold_signature(signature: bytes) -> bytes:
    return b"\r\n ".join(
        [signature[start : start + _SIGNATURE_LINE] for start in range(0, len(signature), _SIGNATURE_LINE)]
    )
