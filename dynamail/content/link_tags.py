"""Our own tags: the tracked link and the open pixel, where they stand inside a Liquid region.

They are not in the environment that checks authors' sources, so nobody can write them.
"""

from __future__ import annotations

from typing import Any, ClassVar

from liquid import TokenStream
from liquid.ast import BlockNode, Node
from liquid.builtin.content import ContentNode
from liquid.output import LimitedStringIO
from liquid.parser import get_parser
from liquid.tag import Tag
from liquid.token import TOKEN_EXPRESSION, TOKEN_TAG
from markupsafe import escape as escape_html

from dynamail.content.links import LINK_TAG, PIXEL_TAG, Utm, safe_link, with_utm
from dynamail.content.liquid import LiquidEnvironment

MAX_ADDRESS_BYTES = 20_000


def tagged(url: str, utm: Utm | None) -> str:
    return with_utm(url, utm) if utm else url


def pixel_html(address: str) -> str:
    """The image that counts opens, or nothing."""
    if not address:
        return ""
    return (
        f'<img src="{escape_html(address)}" width="1" height="1" alt="" role="presentation" '
        'style="display:block;width:1px;height:1px;border:0">'
    )


class LinkNode(Node):
    """A tracked link inside a Liquid region."""

    __slots__ = ("block", "number")

    def __init__(self, token: Any, number: int, block: BlockNode) -> None:
        super().__init__(token)
        self.number, self.block, self.blank = number, block, False

    def render_to_output(self, context: Any, buffer: Any) -> int:
        text = LimitedStringIO(limit=MAX_ADDRESS_BYTES)
        escapes, context.escapes = context.escapes, False  # an address is data until it is written
        try:
            self.block.render(context, text)
        finally:
            context.escapes = escapes
        plain = text.getvalue().strip()
        is_dynamic = any(not isinstance(node, ContentNode) for node in self.block.nodes)
        address = context.resolver.link(
            self.number, tagged(safe_link(plain) if is_dynamic else plain, context.utm)
        )
        return buffer.write(str(escape_html(address)) if escapes else address)

    def children(self, static_context: Any, *, include_partials: bool = True) -> list[Node]:
        return [self.block]


class _LinkTag(Tag):
    name = LINK_TAG
    end = f"end{LINK_TAG}"

    def parse(self, stream: TokenStream) -> Node:
        token = stream.eat(TOKEN_TAG)
        number = int(stream.expect(TOKEN_EXPRESSION).value)
        next(stream)
        block = get_parser(self.env).parse_block(stream, (self.end,))
        stream.expect(TOKEN_TAG, value=self.end)
        return LinkNode(token, number, block)


class PixelNode(Node):
    def __init__(self, token: Any) -> None:
        super().__init__(token)
        self.blank = False

    def render_to_output(self, context: Any, buffer: Any) -> int:
        return buffer.write(pixel_html(context.resolver.pixel()))


class _PixelTag(Tag):
    name = PIXEL_TAG
    block = False

    def parse(self, stream: TokenStream) -> Node:
        return PixelNode(stream.expect(TOKEN_TAG))


class _InnerEnvironment(LiquidEnvironment):
    block_nesting_limit: ClassVar[int] = (
        LiquidEnvironment.block_nesting_limit + 2
    )  # our links count as blocks

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        super().setup_tags_and_filters(extra=extra)
        self.add_tag(_LinkTag)
        self.add_tag(_PixelTag)


HTML = _InnerEnvironment(escapes_html=True)
TEXT = _InnerEnvironment(escapes_html=False)
