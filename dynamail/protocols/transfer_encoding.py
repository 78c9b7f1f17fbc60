"""The content transfer encoding of a part that is written anew (RFC 2045 §6)."""

from __future__ import annotations

from binascii import b2a_base64
from email.message import Message

from dynamail.protocols.quoted_printable import qp_join, qp_static

LONG = 64 * 1024  # octets; up to here a person who looks into the message reads quoted-printable
_LINE_OCTETS = 57  # become 76 characters, the most of a line (§6.8)
_ASCII = bytes(range(128))


def write_part(part: Message, data: bytes) -> None:
    """Give the part this content, in seven bits: text as quoted-printable, or as base64 where it is long and that is shorter.

    Anything else than text becomes base64: in quoted-printable its line ends would be changed.
    """
    is_text = part.get_content_maintype() == "text"
    if is_text and not _is_better_as_base64(data):
        name, encoded = "quoted-printable", qp_join([qp_static(data)])
    else:
        name, encoded = "base64", _encode_base64(_end_lines(data) if is_text else data)
    del part["Content-Transfer-Encoding"]
    part["Content-Transfer-Encoding"] = name
    part.set_payload(encoded.decode("ascii"))


def declare_mime(message: Message) -> None:
    """Without this field of the whole message no encoding means anything (RFC 2045 §4)."""
    if "MIME-Version" not in message:
        message["MIME-Version"] = "1.0"


def _is_better_as_base64(data: bytes) -> bool:
    """An octet beyond ASCII becomes three characters in quoted-printable, and any octet 4/3 in base64."""
    return len(data) > LONG and len(data.translate(None, _ASCII)) * 6 > len(data)


def _end_lines(data: bytes) -> bytes:
    """A line of text ends in CRLF before it is encoded (§6.8)."""
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")


def _encode_base64(data: bytes) -> bytes:
    starts = range(0, len(data), _LINE_OCTETS)
    return b"".join(
        b2a_base64(data[start : start + _LINE_OCTETS], newline=False) + b"\r\n" for start in starts
    )
