"""Liquid tags that differ from python-liquid's: forgiving comparisons, loops that cost what they do, escaped output.

python-liquid's own autoescape trusts every literal in a template as HTML. It stays off; here each output is escaped when it is
written, literals included, and only what a `capture` collected (already escaped) and the filters that make HTML are trusted.
"""

from __future__ import annotations

from functools import partial
from io import StringIO
from typing import Any, TextIO

from liquid import RenderContext, TokenStream
from liquid.ast import Node
from liquid.builtin.output import Output, OutputNode
from liquid.builtin.tags.capture_tag import CaptureNode, CaptureTag
from liquid.builtin.tags.cycle_tag import CycleNode, CycleTag
from liquid.builtin.tags.echo_tag import EchoNode, EchoTag
from liquid.builtin.tags.for_tag import ForNode, ForTag
from liquid.builtin.tags.if_tag import IfNode, IfTag
from liquid.builtin.tags.tablerow_tag import TablerowNode, TablerowTag
from liquid.builtin.tags.unless_tag import UnlessNode, UnlessTag
from liquid.exceptions import LiquidTypeError
from liquid.expression import Expression
from liquid.stringify import to_liquid_string
from markupsafe import Markup
from markupsafe import escape as escape_html


class LenientCondition(Expression):
    """A condition that compares what cannot be compared (text with a number) is false, not an error."""

    __slots__ = ("inner",)

    def __init__(self, inner: Expression) -> None:
        super().__init__(inner.token)
        self.inner = inner

    def __str__(self) -> str:
        return str(self.inner)

    def evaluate(self, context: RenderContext) -> object:
        try:
            return self.inner.evaluate(context)
        except LiquidTypeError:
            return False

    def children(self) -> list[Expression]:
        return [self.inner]


class LenientIfTag(IfTag):
    def parse(self, stream: TokenStream) -> IfNode:
        return _made_lenient(super().parse(stream))


class LenientUnlessTag(UnlessTag):
    def parse(self, stream: TokenStream) -> UnlessNode:
        return _made_lenient(super().parse(stream))


def _made_lenient(node: Any) -> Any:
    if isinstance(node, IfNode | UnlessNode):
        node.condition = LenientCondition(node.condition)
        for alternative in node.alternatives:
            alternative.expression = LenientCondition(alternative.expression)
    return node


class _WeighedForNode(ForNode):
    """A loop that costs as much as its body is long."""

    __slots__ = ("weight",)

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        return _charging_body(self, context, partial(super().render_to_output, context, buffer))


class _WeighedTablerowNode(TablerowNode):
    __slots__ = ("weight",)

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        return _charging_body(self, context, partial(super().render_to_output, context, buffer))


def _charging_body(node: Any, context: Any, render: Any) -> int:
    if not hasattr(node, "weight"):
        node.weight = _weight(node.block)
    before, context.body_weight = context.body_weight, node.weight
    try:
        return render()
    finally:
        context.body_weight = before


def _weight(node: Node) -> int:
    own = 1 + sum(len(str(expression)) // 32 for expression in node.expressions())
    return own + sum(map(_weight, inner_nodes(node)))


def inner_nodes(node: Node) -> list[Node]:
    """The nodes inside a block."""
    nowhere: Any = None  # only templates that load others would look at the context
    return list(node.children(nowhere, include_partials=False))


class WeighedForTag(ForTag):
    node_class = _WeighedForNode


class WeighedTablerowTag(TablerowTag):
    node_class = _WeighedTablerowNode


def _write_escaped(node: OutputNode, context: Any, buffer: TextIO) -> int:
    value = node.expression.evaluate(context)
    return buffer.write(to_liquid_string(value, context.escapes))


class EscapedOutputNode(OutputNode):
    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        return _write_escaped(self, context, buffer)


class EscapedOutput(Output):
    node_class = EscapedOutputNode


class _EscapedEchoNode(EchoNode):
    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        return _write_escaped(self, context, buffer)


class EscapedEchoTag(EchoTag):
    node_class = _EscapedEchoNode


class _EscapedCycleNode(CycleNode):
    def render_to_output(self, context: Any, buffer: TextIO) -> int:
        text = StringIO()
        super().render_to_output(context, text)
        value = text.getvalue()
        return buffer.write(str(escape_html(value)) if context.escapes else value)


class EscapedCycleTag(CycleTag):
    node_class = _EscapedCycleNode


class _TrustedCaptureNode(CaptureNode):
    def _assign(self, context: Any, buf: StringIO) -> None:
        text = buf.getvalue()
        context.assign(self.name, Markup(text) if context.escapes else text)  # noqa: S704 - its outputs are escaped


class TrustedCaptureTag(CaptureTag):
    node_class = _TrustedCaptureNode


OWN_TAGS = (
    LenientIfTag,
    LenientUnlessTag,
    WeighedForTag,
    WeighedTablerowTag,
    EscapedOutput,
    EscapedEchoTag,
    EscapedCycleTag,
    TrustedCaptureTag,
)
