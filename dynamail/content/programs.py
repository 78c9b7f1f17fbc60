"""A compiled text: static pieces and slots. Per recipient only the slots are rendered (the hot path of composing).

`statics[0] + slots[0] + statics[1] + …` is what rendering the whole Liquid source would give; a property test compares both.
A simple `{{ contact.first_name | default: "you" }}` becomes a PathSlot, which never enters the Liquid engine; everything else
is a LiquidSlot. Slots of one program share one Liquid state per render and run in order, so an `assign` in one reaches the
next.

What differs between recipients and is not data (signed links, the pixel, the unsubscribe address) comes from a Resolver.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from liquid import BoundTemplate
from liquid.ast import Node
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import FilteredExpression, Path, PositionalArgument
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.comment_tag import CommentNode
from liquid.builtin.tags.doc_tag import DocNode
from liquid.builtin.tags.inline_comment_tag import InlineCommentNode
from liquid.exceptions import LiquidError, LiquidInterrupt, LiquidSyntaxError
from liquid.output import LimitedStringIO
from liquid.stringify import to_liquid_string
from liquid.utils import ReadOnlyChainMap
from markupsafe import escape as escape_html

from dynamail.content.fast_filters import fast_filter
from dynamail.content.link_tags import HTML, TEXT, LinkNode, PixelNode, pixel_html, tagged
from dynamail.content.links import OWN_URLS, Utm, safe_link
from dynamail.content.liquid import LiquidEnvironment, render_error
from dynamail.content.liquid_limits import CountingContext
from dynamail.content.liquid_nodes import inner_nodes
from dynamail.content.problems import Where

_MAX_OUTPUT = LiquidEnvironment.output_stream_limit or 0
_SPECIAL_SEGMENTS = frozenset({"size", "first", "last"})


class Resolver(Protocol):
    """What stands in one recipient's copy. Answers are plain addresses; the program escapes them."""

    def link(self, number: int, url: str) -> str:
        """The address behind link `number`, whose plain address is `url`."""
        ...

    def pixel(self) -> str:
        """The address of the open pixel, "" for none."""
        ...

    def url(self, name: str) -> str:
        """Our own page for this recipient: "unsubscribe", "preferences" or "view"."""
        ...


@dataclass(frozen=True, slots=True)
class PlainResolver:
    """Nothing is tracked; our own pages are the given addresses."""

    urls: Mapping[str, str] = field(default_factory=dict)

    def link(self, number: int, url: str) -> str:
        return url

    def pixel(self) -> str:
        return ""

    def url(self, name: str) -> str:
        return self.urls.get(name, "#")


@dataclass(frozen=True, slots=True)
class PathSlot:
    """`{{ a.b | filter: "literal" }}` over plain data."""

    path: tuple[str | int, ...]
    filters: tuple[tuple[str, tuple[object, ...]], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class LiquidSlot:
    """Anything else: parts of the parsed template."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class LinkSlot:
    """The address of a tracked link. `url_program` writes the plain one."""

    number: int
    url_program: Program


@dataclass(frozen=True, slots=True)
class UrlSlot:
    """The address of one of our own pages: "unsubscribe", "preferences", "view"."""

    name: str


@dataclass(frozen=True, slots=True)
class PixelSlot:
    """The image that counts opens, or nothing."""


Slot = PathSlot | LiquidSlot | LinkSlot | UrlSlot | PixelSlot


class _Run:
    """One render: the data, the resolver, and a Liquid state as soon as a slot needs one."""

    __slots__ = ("context", "liquid", "program", "remaining", "resolver")

    def __init__(self, program: Program, context: Mapping[str, object], resolver: Resolver) -> None:
        self.program = program
        self.context = context
        self.resolver = resolver
        self.liquid: CountingContext | None = None
        self.remaining = _MAX_OUTPUT


@dataclass(frozen=True, slots=True)
class Program:
    """See the module. `statics` has one element more than `slots`."""

    statics: tuple[str, ...]
    slots: tuple[Slot, ...]
    is_html: bool
    template: BoundTemplate = field(repr=False, compare=False)
    where: Where = Where.BODY
    utm: Utm | None = None
    _renderers: tuple[Callable[[_Run], str], ...] = field(default=(), init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_renderers", tuple(_renderer(slot, self) for slot in self.slots))

    def render_slots(self, context: Mapping[str, object], resolver: Resolver) -> list[str]:
        """The texts of the slots for one recipient. Raises ContentError when Liquid fails or exceeds its limits."""
        run = _Run(self, context, resolver)
        return [render(run) for render in self._renderers]

    def render(self, context: Mapping[str, object], resolver: Resolver) -> str:
        return self.join(self.render_slots(context, resolver))

    def join(self, values: Sequence[str]) -> str:
        """The whole text from the slots' texts."""
        parts: list[str] = [""] * (2 * len(values) + 1)
        parts[::2] = self.statics
        parts[1::2] = values
        return "".join(parts)

    @property
    def static_size(self) -> int:
        """Bytes that every recipient gets."""
        return sum(len(text.encode("utf-8", "replace")) for text in self.statics)


def make_program(source: str, *, is_html: bool, where: Where = Where.BODY, utm: Utm | None = None) -> Program:
    """Compile Liquid source that has been checked (`liquid.check_liquid`), with our link and pixel tags in it."""
    environment = HTML if is_html else TEXT
    try:
        template = environment.from_string(source)
    except LiquidError as error:
        raise render_error(error, where=where) from error
    local_names = {str(name) for name in template.analyze(include_partials=False).locals}
    builder = _Builder(template, is_html, local_names | _counters(template.nodes), utm)
    for node in template.nodes:
        builder.add(node)
    statics, slots = builder.finish()
    return Program(statics, slots, is_html, template, where, utm)


def render_whole(program: Program, context: Mapping[str, object], resolver: Resolver) -> str:
    """The same text by rendering the whole template at once: slow, the reference for tests."""
    run = _Run(program, context, resolver)
    return _render_nodes(run, program.template.nodes)


class _Builder:
    """Statics and slots in the making: neighboring texts and neighboring Liquid nodes become one."""

    def __init__(
        self, template: BoundTemplate, is_html: bool, local_names: set[str], utm: Utm | None
    ) -> None:
        self.template = template
        self.is_html, self.local_names, self.utm = is_html, local_names, utm
        self.statics: list[list[str]] = [[]]
        self.slots: list[Slot] = []

    def add(self, node: Node) -> None:
        if isinstance(node, ContentNode):
            self.statics[-1].append(node.text)
        elif not isinstance(node, CommentNode | DocNode | InlineCommentNode):
            self._add_slot(self._slot(node))

    def _add_slot(self, slot: Slot) -> None:
        last = self.slots[-1] if self.slots and not self.statics[-1] else None
        if isinstance(slot, LiquidSlot) and isinstance(last, LiquidSlot):
            self.slots[-1] = LiquidSlot(last.nodes + slot.nodes)
        else:
            self.slots.append(slot)
            self.statics.append([])

    def _slot(self, node: Node) -> Slot:
        if isinstance(node, LinkNode):
            return self._link_slot(node)
        if isinstance(node, PixelNode):
            return PixelSlot()
        if isinstance(node, OutputNode):
            return self._output_slot(node)
        return LiquidSlot((node,))

    def _link_slot(self, node: LinkNode) -> Slot:
        inner = _Builder(self.template, False, self.local_names, None)
        for child in node.block.nodes:
            inner.add(child)
        statics, slots = inner.finish()
        if any(isinstance(slot, LiquidSlot) for slot in slots):
            return LiquidSlot((node,))  # it shares the state of the program around it
        return LinkSlot(node.number, Program(statics, slots, is_html=False, template=self.template))

    def _output_slot(self, node: OutputNode) -> Slot:
        path = _simple_path(node)
        if path is None or path.path[0] in self.local_names:
            return LiquidSlot((node,))
        if len(path.path) == 1 and path.path[0] in OWN_URLS and not path.filters:
            return UrlSlot(OWN_URLS[str(path.path[0])])
        return path if path.path[0] not in OWN_URLS else LiquidSlot((node,))

    def finish(self) -> tuple[tuple[str, ...], tuple[Slot, ...]]:
        return tuple("".join(texts) for texts in self.statics), tuple(self.slots)


def _simple_path(node: OutputNode) -> PathSlot | None:
    """The slot for an output that needs no Liquid engine, or None."""
    expression = node.expression
    if not isinstance(expression, FilteredExpression) or not isinstance(expression.left, Path):
        return None
    segments = expression.left.path
    if not all(isinstance(s, str) and s not in _SPECIAL_SEGMENTS for s in segments):
        return None
    filters: list[tuple[str, tuple[object, ...]]] = []
    for item in expression.filters or ():
        arguments = _literals(item.args)
        if arguments is None or fast_filter(item.name, arguments, is_html=False) is None:
            return None
        filters.append((item.name, arguments))
    return PathSlot(tuple(segments), tuple(filters))  # type: ignore[arg-type]  # all are str, see above


def _literals(arguments: Sequence[Any]) -> tuple[object, ...] | None:
    """The values of positional literals, or None when there is anything else."""
    values = tuple(getattr(argument.value, "value", None) for argument in arguments)
    is_simple = all(isinstance(argument, PositionalArgument) for argument in arguments)
    return values if is_simple and all(isinstance(value, str | int | float) for value in values) else None


def _counters(nodes: Sequence[Node]) -> set[str]:
    """Names that increment and decrement write; static analysis does not list them."""
    names: set[str] = set()
    for node in nodes:
        if type(node).__name__ in ("IncrementNode", "DecrementNode"):
            names.add(str(node.name))  # type: ignore[attr-defined]  # both node classes have it
        names |= _counters(inner_nodes(node))
    return names


# Renderers: one closure per slot, made once.


def _renderer(slot: Slot, program: Program) -> Callable[[_Run], str]:
    match slot:
        case PathSlot():
            return _path_renderer(slot, is_html=program.is_html)
        case LinkSlot():
            return _link_renderer(slot, is_html=program.is_html, utm=program.utm)
        case UrlSlot():
            return _url_renderer(slot.name, is_html=program.is_html)
        case PixelSlot():
            return _render_pixel
        case LiquidSlot():
            return lambda run: _render_nodes(run, slot.nodes)


def _path_renderer(slot: PathSlot, *, is_html: bool) -> Callable[[_Run], str]:
    root, *rest = slot.path
    filters = [fast_filter(name, arguments, is_html=is_html) for name, arguments in slot.filters]

    def render(run: _Run) -> str:
        try:
            value: Any = run.context[root]  # type: ignore[index]  # the root of a path is a name
            for key in rest:
                value = value[key]
        except (KeyError, TypeError, IndexError):
            value = None
        for apply in filters:
            value = apply(value)  # type: ignore[misc]  # unknown filters never become a PathSlot
        if type(value) is str:
            return str(escape_html(value)) if is_html else value
        return "" if value is None else str(to_liquid_string(value, is_html))

    return render


def _link_renderer(slot: LinkSlot, *, is_html: bool, utm: Utm | None) -> Callable[[_Run], str]:
    number, program = slot.number, slot.url_program
    fixed = None if program.slots else tagged(program.statics[0].strip(), utm)

    def render(run: _Run) -> str:
        url = fixed
        if url is None:
            url = tagged(safe_link(program.render(run.context, run.resolver)), utm)
        address = run.resolver.link(number, url)
        return str(escape_html(address)) if is_html else address

    return render


def _url_renderer(name: str, *, is_html: bool) -> Callable[[_Run], str]:
    if is_html:
        return lambda run: str(escape_html(run.resolver.url(name)))
    return lambda run: run.resolver.url(name)


def _render_pixel(run: _Run) -> str:
    return pixel_html(run.resolver.pixel())


def _render_nodes(run: _Run, nodes: Sequence[Node]) -> str:
    context = run.liquid or _begin_liquid(run)
    buffer = LimitedStringIO(limit=run.remaining)
    try:
        for node in nodes:
            node.render(context, buffer)
    except (LiquidError, RecursionError) as error:
        raise render_error(error, where=run.program.where) from error
    except LiquidInterrupt as error:
        stray = LiquidSyntaxError(f"unexpected '{error}'", token=None)
        raise render_error(stray, where=run.program.where) from error
    run.remaining -= buffer.size
    return buffer.getvalue()


def _begin_liquid(run: _Run) -> CountingContext:
    data = ReadOnlyChainMap(_OwnUrls(run.resolver), run.context)
    context = CountingContext(run.program.template, globals=data)
    context.resolver, context.utm = run.resolver, run.program.utm
    run.liquid = context
    return context


class _OwnUrls(Mapping[str, object]):
    """`unsubscribe_url` and its like inside Liquid, asked for only when used."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    def __getitem__(self, key: str) -> object:
        return self._resolver.url(OWN_URLS[key])

    def __iter__(self) -> Iterator[str]:
        return iter(OWN_URLS)

    def __len__(self) -> int:
        return len(OWN_URLS)
