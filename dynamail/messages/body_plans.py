"""A compiled email as bytes with holes: everything static is quoted-printable already, and links wait for their tokens.

Made once per campaign and tracking mode. `BodyPlan.render` fills the holes for one recipient:

    statics   ready bytes, never touched again
    tokens    a signed token of this recipient: link number n, pixel, unsubscribe, preferences, web version
    values    what Liquid says, rendered by `content.programs` and encoded one by one
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from dynamail.content.compiling import CompiledEmail
from dynamail.content.programs import LinkSlot, PixelSlot, Program, Resolver, Slot, UrlSlot
from dynamail.messages.recipient_links import PAGES, LinkToken, RecipientLinks, SourceLinks, UntrackedLinks
from dynamail.protocols.dkim import hash_body
from dynamail.protocols.mime import make_boundary
from dynamail.protocols.quoted_printable import SOFT_BREAK, encode_text, qp_slot, qp_static
from dynamail.tracking.tokens import NOBODY

NONE, AGGREGATE, INDIVIDUAL = "none", "aggregate", "individual"

_HEAD = 0  # the place of the header fields that differ between recipients
_ONE_CLICK = b">\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"  # RFC 8058 §3.1
_PIXEL_MARK = "pixel-token-stands-here"
_PART_HEAD = b"Content-Type: text/%b; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"


@dataclass(frozen=True, slots=True)
class _Value:
    """A hole for the next value of a program's rendering."""

    slot: Slot


Piece = str | LinkToken | _Value


@dataclass(frozen=True, slots=True)
class _Values:
    """The slots of one program that need rendering, and the places of their holes."""

    program: Program
    places: tuple[int, ...]


class BodyPlan:
    """See the module. `resolver_class` decides what stands behind links that are rendered."""

    def __init__(self, source: SourceLinks, resolver_class: type[RecipientLinks]) -> None:
        self._source = source
        self._resolver_class = resolver_class
        self._parts: list[bytes] = []
        self._tokens: dict[str, tuple[LinkToken, list[int]]] = {}
        self._values: list[_Values] = []

    def links_for(self, contact_id: UUID) -> RecipientLinks:
        return self._resolver_class(self._source, contact_id)

    def render(self, head: bytes, context: Mapping[str, object], links: RecipientLinks) -> bytes:
        """The whole message from its header fields on. Raises ContentError when a slot fails."""
        parts = self._parts.copy()
        heads = links.heads
        parts[_HEAD] = head
        for sign, start, tail, places in self._fills:
            token = sign(heads[start] + tail)
            for place in places:
                parts[place] = token
        for values in self._values:
            rendered = values.program.render_slots(context, links)
            for place, value in zip(values.places, rendered, strict=True):
                parts[place] = qp_slot(value) if value else b""
        return b"".join(parts)

    # --- made once -----------------------------------------------------------------------------------------------------

    def add_bytes(self, data: bytes) -> None:
        self._parts.append(data)

    def add_token(self, token: LinkToken) -> None:
        """A hole; equal tokens are signed once a message."""
        self._tokens.setdefault(token.name, (token, []))[1].append(len(self._parts))
        self._parts.append(b"")

    def add_program(self, program: Program, pieces: list[Piece]) -> None:
        """Append a program's text, encoded, with its holes; the last line ends with CRLF."""
        slots: list[Slot] = []
        places: list[int] = []
        for piece in _merged(_ended(pieces)):
            if isinstance(piece, str):
                self._parts.append(qp_static(encode_text(piece)))
                continue
            if isinstance(piece, LinkToken):
                self.add_token(piece)
                self._parts.append(SOFT_BREAK)
            else:
                slots.append(piece.slot)
                places.append(len(self._parts))
                self._parts.append(b"")
        if slots:
            blank = ("",) * (len(slots) + 1)
            part = Program(blank, tuple(slots), program.is_html, program.template, program.where, program.utm)
            self._values.append(_Values(part, tuple(places)))

    def finish(self) -> None:
        """Find out what `is_canonical` says: whether what is static has the form that DKIM hashes. Values always have it."""
        body = b"".join(self._parts).partition(b"\r\n\r\n")[2]
        self.is_canonical = hash_body(body) == hash_body(body, is_canonical=True)
        self._fills = tuple(
            (token.sign, token.head, token.tail, tuple(places)) for token, places in self._tokens.values()
        )


def make_body_plan(compiled: CompiledEmail, source: SourceLinks, *, mode: str) -> BodyPlan:
    """The plan for one tracking mode; `source.individual` must say the same."""
    plan = BodyPlan(source, UntrackedLinks if mode == NONE else RecipientLinks)
    cutter = _Cutter(source, mode)
    plan.add_bytes(b"")  # the header fields that `render` is given
    plan.add_bytes(f"List-Unsubscribe:\r\n <{source.public_url}{PAGES['unsubscribe']}".encode("ascii"))
    plan.add_token(source.page_tokens["unsubscribe"])
    plan.add_bytes(_ONE_CLICK)
    text = cutter.cut(compiled.text)
    if compiled.html is None:
        plan.add_bytes(_PART_HEAD % b"plain")
        plan.add_program(compiled.text, text)
    else:
        boundary = _make_boundary("\0".join((*compiled.text.statics, *compiled.html.statics)))
        plan.add_bytes(b'Content-Type: multipart/alternative;\r\n boundary="%b"\r\n\r\n' % boundary)
        plan.add_bytes(b"--%b\r\n" % boundary + _PART_HEAD % b"plain")
        plan.add_program(compiled.text, text)
        plan.add_bytes(b"\r\n--%b\r\n" % boundary + _PART_HEAD % b"html")
        plan.add_program(compiled.html, cutter.cut(compiled.html))
        plan.add_bytes(b"\r\n--%b--\r\n" % boundary)
    plan.finish()
    return plan


def _make_boundary(seed: str) -> bytes:
    """`=_` occurs in no quoted-printable text, so a boundary with it occurs in no part (RFC 2045 §6.7)."""
    return make_boundary(hashlib.sha256(encode_text(seed)).digest()).encode("ascii")


class _Cutter:
    """Decides for each slot of a program what is static, what is a token, what must be rendered."""

    def __init__(self, source: SourceLinks, mode: str) -> None:
        self._source = source
        self._mode = mode

    def cut(self, program: Program) -> list[Piece]:
        pieces: list[Piece] = [program.statics[0]]
        for slot, static in zip(program.slots, program.statics[1:], strict=True):
            pieces += self._cut_slot(slot, program)
            pieces.append(static)
        return pieces

    def _cut_slot(self, slot: Slot, program: Program) -> list[Piece]:
        match slot:
            case LinkSlot() if not slot.url_program.slots:
                return self._cut_link(slot, program)
            case UrlSlot():
                return [f"{self._source.public_url}{PAGES[slot.name]}", self._source.page_tokens[slot.name]]
            case PixelSlot():
                return self._cut_pixel(program)
            case _:
                return [_Value(slot)]

    def _cut_link(self, slot: LinkSlot, program: Program) -> list[Piece]:
        if self._mode == NONE:
            return [_render_alone(slot, program, _Fixed(None))]
        address, token = f"{self._source.tracking_url}/t/c/", self._source.click_token(slot.number)
        if self._mode == AGGREGATE:
            return [address + _sign_for_nobody(self._source, token)]
        return [address, token]

    def _cut_pixel(self, program: Program) -> list[Piece]:
        if self._mode == NONE:
            return []
        address = f"{self._source.tracking_url}/t/o/"
        if self._mode == AGGREGATE:
            token = _sign_for_nobody(self._source, self._source.open_token)
            return [_render_alone(PixelSlot(), program, _Fixed(address + token))]
        before, _, after = _render_alone(PixelSlot(), program, _Fixed(address + _PIXEL_MARK)).partition(
            _PIXEL_MARK
        )
        return [before, self._source.open_token, after]


@dataclass(frozen=True, slots=True)
class _Fixed:
    """A Resolver that leaves links as they are and knows one pixel."""

    address: str | None

    def link(self, number: int, url: str) -> str:
        return url

    def pixel(self) -> str:
        return self.address or ""

    def url(self, name: str) -> str:
        return ""


def _render_alone(slot: Slot, program: Program, resolver: Resolver) -> str:
    part = Program(("", ""), (slot,), program.is_html, program.template, program.where, program.utm)
    return part.render({}, resolver)


def _sign_for_nobody(source: SourceLinks, token: LinkToken) -> str:
    return RecipientLinks(source, NOBODY).sign(token).decode("ascii")


def _ended(pieces: list[Piece]) -> list[Piece]:
    """The last line of a quoted-printable body must not end in a soft line break (RFC 2045 §6.7 rule 3)."""
    last = next((piece for piece in reversed(pieces) if piece != ""), "")
    return pieces if isinstance(last, str) and last.endswith("\n") else [*pieces, "\n"]


def _merged(pieces: list[Piece]) -> list[Piece]:
    """Neighboring texts become one: each boundary between segments costs a soft line break."""
    merged: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, str) and merged and isinstance(merged[-1], str):
            merged[-1] += piece
        elif piece != "":
            merged.append(piece)
    return merged
