"""The one Liquid environment: tenants' templates over plain data, with limits, and nothing else within reach.

Templates see dicts, lists, strings, numbers, dates; a path is a key lookup, never an attribute. There is no way to name a
file or another template. Two flavors differ in one thing: HTML escapes what an output writes, text does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache, partial
from typing import ClassVar

from liquid import BoundTemplate, Environment
from liquid.ast import BlockNode, Node
from liquid.builtin.tags.case_tag import CaseNode
from liquid.builtin.tags.for_tag import BreakNode, ContinueNode, ForNode
from liquid.builtin.tags.if_tag import IfNode
from liquid.builtin.tags.tablerow_tag import TablerowNode
from liquid.builtin.tags.unless_tag import UnlessNode
from liquid.exceptions import LiquidError, LiquidTypeError
from liquid.expression import Expression

from dynamail.content.liquid_filters import FILTERS, PLAIN_FILTERS, REMOVED_FILTERS
from dynamail.content.liquid_help import advise_on_error, advise_on_filters, lint_liquid
from dynamail.content.liquid_limits import CountingContext
from dynamail.content.liquid_nodes import OWN_TAGS, inner_nodes
from dynamail.content.liquid_source import Kind, scan_liquid, without_comments
from dynamail.content.problems import ContentError, Positions, Problem, Where, errors_of

REMOVED_TAGS = ("include", "render")

OWN_VARIABLES = frozenset(
    {"contact", "account", "campaign", "unsubscribe_url", "preferences_url", "view_url", "today"}
)


class _Template(BoundTemplate):
    context_class = CountingContext


class LiquidEnvironment(Environment):
    """See the module. `escapes_html` is the flavor."""

    block_nesting_limit: ClassVar[int] = 20
    context_depth_limit: ClassVar[int] = 20
    output_stream_limit: ClassVar[int | None] = 2_000_000
    local_namespace_limit: ClassVar[int | None] = 200_000
    template_class = _Template

    def __init__(self, *, escapes_html: bool) -> None:
        self.escapes_html = escapes_html
        super().__init__()  # `autoescape` stays off: see liquid_nodes

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        super().setup_tags_and_filters(extra=extra)
        for tag in OWN_TAGS:
            self.add_tag(tag)
        for name in REMOVED_TAGS:
            del self.tags[name]
        for name in REMOVED_FILTERS:
            del self.filters[name]
        self.filters.update(FILTERS)
        if not self.escapes_html:
            self.filters.update(PLAIN_FILTERS)
        for name, function in self.filters.items():
            if getattr(function, "with_environment", False):
                self.filters[name] = partial(function, environment=self)


HTML = LiquidEnvironment(escapes_html=True)
TEXT = LiquidEnvironment(escapes_html=False)


def check_liquid(source: str, *, where: Where = Where.BODY) -> list[Problem]:
    """Everything wrong with the Liquid in a source, errors first in the order of the source."""
    problems = lint_liquid(source, tags=TEXT.tags, where=where)
    if errors_of(problems):
        return problems
    try:
        template = _parse_as(source, TEXT)
    except LiquidError as error:
        advice = advise_on_error(error, source, where=where)
        return [*problems, advice if advice.line else _placed(advice, source)]
    return [*problems, *advise_on_filters(template, source, TEXT.filters, where=where)]


def _placed(problem: Problem, source: str) -> Problem:
    """python-liquid does not say where an expression that ends too early stands: ask for each one alone."""
    for piece in scan_liquid(source):
        if piece.kind is Kind.OUTPUT or (piece.kind is Kind.TAG and piece.name in ("assign", "echo")):
            try:
                TEXT.from_string(piece.text)
            except LiquidError:
                line, column = Positions(source).at(piece.start)
                return replace(problem, line=line, column=column)
    return problem


def parse(source: str, *, where: Where = Where.BODY, environment: LiquidEnvironment = TEXT) -> BoundTemplate:
    """The parsed template, from a cache. Raises ContentError with every error found."""
    if errors := errors_of(check_liquid(source, where=where)):
        raise ContentError(errors)
    return _parse_as(source, environment)


def render(template: BoundTemplate, context: Mapping[str, object], *, where: Where = Where.BODY) -> str:
    """Render over plain data. Raises ContentError when the template fails or exceeds its limits."""
    try:
        return template.render(context)
    except (LiquidError, RecursionError) as error:
        raise render_error(error, where=where) from error


def render_error(error: Exception, *, where: Where = Where.BODY) -> ContentError:
    """A ContentError for what python-liquid raised while rendering."""
    source = getattr(getattr(error, "token", None), "source", "")
    return ContentError([advise_on_error(error, source, where=where)])


@lru_cache(maxsize=64)
def _parse_as(source: str, environment: LiquidEnvironment) -> BoundTemplate:
    template = environment.from_string(without_comments(source))
    _refuse_stray_jumps(template.nodes)
    return template


def _refuse_stray_jumps(nodes: Iterable[Node]) -> None:
    """`break` and `continue` outside a loop parse, and would fail for every recipient."""
    for node in nodes:
        if isinstance(node, BreakNode | ContinueNode):
            raise LiquidTypeError(f"unexpected '{node.token.value}'", token=node.token)
        if not isinstance(node, ForNode | TablerowNode):
            _refuse_stray_jumps(inner_nodes(node))


def find_variables(source: str) -> list[str]:
    """The paths of the data that a source reads, such as `contact.first_name`, sorted. Its own assigns are left out.

    Raises ContentError when the source does not parse.
    """
    return sorted(set(_global_paths(parse(source))))


def _global_paths(template: BoundTemplate) -> Iterator[str]:
    for variables in template.analyze(include_partials=False).globals.values():
        for variable in variables:
            yield str(variable)


def variable_places(template: BoundTemplate) -> Iterator[tuple[tuple[object, ...], int]]:
    """Each global path that a template reads, as segments, with its offset in the source."""
    for variables in template.analyze(include_partials=False).globals.values():
        for variable in variables:
            yield tuple(variable.segments), variable.span.index


def always_outputs(nodes: Iterable[Node], name: str) -> bool:
    """Does every way through these nodes write the variable `name`?"""
    return any(_node_outputs(node, name) for node in nodes)


def _node_outputs(node: Node, name: str) -> bool:
    if isinstance(node, IfNode | UnlessNode):
        branches = [node.consequence, *(alternative.block for alternative in node.alternatives), node.default]
        return all(branch is not None and always_outputs(branch.nodes, name) for branch in branches)
    if isinstance(node, CaseNode):
        cases = [block if isinstance(block, BlockNode) else block.block for block in node.blocks]
        has_else = any(isinstance(block, BlockNode) for block in node.blocks)
        return has_else and all(always_outputs(case.nodes, name) for case in cases)
    if node.token.kind == "output" or node.token.value == "echo":
        return any(_reads(expression, name) for expression in node.expressions())
    return False


def _reads(expression: Expression, name: str) -> bool:
    path = getattr(expression, "path", None)
    if path and path[0] == name:
        return True
    return any(_reads(child, name) for child in expression.children())
