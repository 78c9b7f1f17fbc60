"""From an email's source to what delivery needs: compiled once per campaign, rendered once per recipient.

The order is fixed, because others shipped the bugs of every other one: Liquid is checked first and protected, MJML runs
once, cleaning after it, preheader, footer and pixel next, links are numbered last, then Liquid is put back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from html import escape

from django.utils.translation import gettext as _

from dynamail.content.html import (
    add_preheader,
    as_document,
    before_body_end,
    clean_html,
    has_unsubscribe,
    inline_styles,
    standard_footer,
    standard_text_footer,
    without_controls,
)
from dynamail.content.links import PIXEL_TAG, Link, Utm, number_links
from dynamail.content.liquid import check_liquid
from dynamail.content.liquid_source import MAX_SOURCE_BYTES
from dynamail.content.mjml import check_mjml, compile_mjml
from dynamail.content.problems import ContentError, Positions, Problem, Severity, Where, errors_of
from dynamail.content.programs import Program, make_program
from dynamail.content.protecting import Code, Protected, aligned
from dynamail.content.text_part import make_text_part, mark_bare_links

MAX_SUBJECT = 2_000  # characters of source
MAX_PROBLEMS = 50


class Kind(StrEnum):
    """In which language the body is written."""

    MJML = "mjml"
    HTML = "html"
    TEXT = "text"


class Stream(StrEnum):
    """Marketing always carries an unsubscribe link; transactional only what its author writes."""

    MARKETING = "marketing"
    TRANSACTIONAL = "transactional"


@dataclass(frozen=True, slots=True)
class EmailSource:
    """What the author wrote. `text` replaces the text part that is made from the HTML; empty means: make it."""

    kind: Kind
    body: str
    subject: str
    preheader: str = ""
    text: str | None = None
    stream: Stream = Stream.MARKETING


@dataclass(frozen=True, slots=True)
class CompiledEmail:
    """`html` is None for an email that is plain text only. `problems` are warnings; errors raise instead.

    `has_own_unsubscribe` is False when the standard footer was added.
    """

    source: EmailSource
    subject: Program
    html: Program | None
    text: Program
    links: tuple[Link, ...]
    problems: tuple[Problem, ...]
    has_own_unsubscribe: bool


@dataclass(frozen=True, slots=True)
class _Body:
    """The HTML in tokens, and what was noticed on the way."""

    html: str
    protected: Protected
    problems: list[Problem]


def check_email(source: EmailSource) -> list[Problem]:
    """Everything that can be said about the source, errors first within each field."""
    try:
        return list(compile_email(source).problems)
    except ContentError as error:
        return error.problems


def compile_email(source: EmailSource, *, utm: Utm | None = None) -> CompiledEmail:
    """Compile. Raises ContentError with every error found in the source's fields."""
    source = _normalized(source)
    problems = _check_fields(source)
    if errors_of(problems):
        raise ContentError(problems[:MAX_PROBLEMS])
    subject = make_program(" ".join(source.subject.split()), is_html=False, where=Where.SUBJECT)
    if source.kind is Kind.TEXT:
        return _compile_plain(source, subject, problems, utm)
    return _compile_html(source, subject, problems, utm)


def _normalized(source: EmailSource) -> EmailSource:
    return EmailSource(
        Kind(source.kind),
        without_controls(source.body),
        without_controls(source.subject),
        without_controls(source.preheader),
        without_controls(source.text or ""),
        Stream(source.stream),
    )


def _check_fields(source: EmailSource) -> list[Problem]:
    problems = list(_check_lengths(source))
    if problems:
        return problems
    problems += check_liquid(source.subject, where=Where.SUBJECT)
    problems += check_liquid(source.preheader, where=Where.PREHEADER)
    body = source.body if source.kind is Kind.TEXT else aligned(source.body)
    problems += check_liquid(body, where=Where.BODY)
    if source.text:
        problems += check_liquid(source.text, where=Where.TEXT)
    if source.kind is Kind.MJML:
        problems += check_mjml(source.body)
    return sorted(
        problems, key=lambda problem: (problem.severity is not Severity.ERROR, problem.line, problem.column)
    )


def _check_lengths(source: EmailSource) -> Iterator[Problem]:
    fields = (
        (source.subject, Where.SUBJECT, MAX_SUBJECT),
        (source.preheader, Where.PREHEADER, MAX_SUBJECT),
        (source.body, Where.BODY, MAX_SOURCE_BYTES),
        (source.text or "", Where.TEXT, MAX_SOURCE_BYTES),
    )
    for text, where, limit in fields:
        if len(text) > limit:
            sentence = _("This is too large: %(size)d characters. The limit is %(limit)d.")
            yield Problem("too_large", 0, 0, sentence % {"size": len(text), "limit": limit}, where=where)


def _compile_plain(
    source: EmailSource, subject: Program, problems: list[Problem], utm: Utm | None
) -> CompiledEmail:
    has_own = has_unsubscribe(source.body)
    urls: list[str] = []
    text = _plain_program(_with_text_footer(source, source.body, has_own), urls, where=Where.BODY, utm=utm)
    return CompiledEmail(source, subject, None, text, _plain_links(urls), tuple(problems), has_own)


def _with_text_footer(source: EmailSource, text: str, has_own: bool) -> str:
    if has_own or source.stream is Stream.TRANSACTIONAL:
        return text
    return text.rstrip() + standard_text_footer()


def _plain_program(text: str, urls: list[str], *, where: Where, utm: Utm | None) -> Program:
    protected = Protected(text)
    marked = mark_bare_links(protected.text, protected, urls)
    return make_program(protected.restore(marked), is_html=False, where=where, utm=utm)


def _plain_links(urls: list[str], first: int = 1) -> tuple[Link, ...]:
    return tuple(Link(number, url, "{{" in url or "{%" in url, url) for number, url in enumerate(urls, first))


def _compile_html(
    source: EmailSource, subject: Program, problems: list[Problem], utm: Utm | None
) -> CompiledEmail:
    body = _html_of(source)
    has_own = has_unsubscribe(body.protected.restore(body.html))
    html = _completed(source, body, has_own)
    html, links = number_links(html, body.protected)
    text = make_text_part(html, body.protected)
    html = before_body_end(html, body.protected.add(Code(f"{{% {PIXEL_TAG} %}}", PIXEL_TAG)))
    html_program = make_program(body.protected.restore(html), is_html=True, utm=utm)
    extra: tuple[Link, ...] = ()
    if source.text:
        text_program, extra = _own_text(source, links, utm)
    else:
        text_program = make_program(text, is_html=False, where=Where.TEXT, utm=utm)
    return CompiledEmail(
        source, subject, html_program, text_program, (*links, *extra), (*problems, *body.problems), has_own
    )


def _own_text(source: EmailSource, links: list[Link], utm: Utm | None) -> tuple[Program, tuple[Link, ...]]:
    """The author's own text part; addresses that the HTML has too share their numbers."""
    urls = [link.url for link in links]
    text = _with_text_footer(source, source.text or "", has_unsubscribe(source.text or ""))
    program = _plain_program(text, urls, where=Where.TEXT, utm=utm)
    return program, _plain_links(urls[len(links) :], len(links) + 1)


def _html_of(source: EmailSource) -> _Body:
    if source.kind is Kind.HTML:
        protected = Protected(source.body)
        html, problems = _clean_source(source, protected)
        return _Body(inline_styles(as_document(html), protected), protected, problems)
    raw, protected = compile_mjml(source.body, has_preheader=bool(source.preheader.strip()))
    _ignored, problems = _clean_source(source, Protected(source.body))
    html, _repeated = clean_html(raw, protected)
    return _Body(html, protected, problems)


def _clean_source(source: EmailSource, protected: Protected) -> tuple[str, list[Problem]]:
    positions = Positions(source.body)
    return clean_html(protected.text, protected, locate=lambda offset: positions.at(protected.origin(offset)))


def _completed(source: EmailSource, body: _Body, has_own: bool) -> str:
    html, protected = body.html, body.protected
    if "<title></title>" in html:
        title = escape(protected.absorb(" ".join(source.subject.split())), quote=False)
        html = html.replace("<title></title>", f"<title>{title}</title>", 1)
    html = add_preheader(html, source.preheader, protected)
    if source.stream is Stream.MARKETING and not has_own:
        html = before_body_end(html, protected.absorb(standard_footer()))
    return html
