"""Mistakes in Liquid, said as advice: where it is, what is wrong, what to write instead."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from liquid.exceptions import (
    BlockNestingError,
    LiquidError,
    LocalNamespaceLimitError,
    LoopIterationLimitError,
    OutputStreamLimitError,
    ResourceLimitError,
)

from dynamail.content.liquid_source import (
    MAX_EXPRESSION_CHARS,
    MAX_PIECES,
    MAX_SOURCE_BYTES,
    Kind,
    Piece,
    scan_liquid,
    without_strings,
)
from dynamail.content.problems import Positions, Problem, Severity, Where, nearest

MAX_BRACKETS = 20  # in one tag; python-liquid follows them by recursion

BLOCKS = {name: f"end{name}" for name in ("if", "unless", "case", "for", "tablerow", "capture", "ifchanged")}
BRANCHES = {
    "elsif": ("if", "unless"),
    "else": ("if", "unless", "case", "for"),
    "when": ("case",),
}

TAG_HINTS = {
    "elseif": "elsif",
    "elif": "elsif",
    "else_if": "elsif",
    "foreach": "for",
    "each": "for",
    "set": "assign",
    "let": "assign",
    "switch": "case",
    "print": "echo",
    "endforeach": "endfor",
    "endeach": "endfor",
    "end_if": "endif",
}
FILTER_HINTS = {
    "uppercase": "upcase",
    "upper": "upcase",
    "lowercase": "downcase",
    "lower": "downcase",
    "titlecase": "capitalize",
    "title": "capitalize",
    "ucfirst": "capitalize",
    "fallback": "default",
    "default_value": "default",
    "trim": "strip",
    "nl2br": "newline_to_br",
    "length": "size",
    "count": "size",
    "substring": "slice",
    "urlencode": "url_encode",
    "date_format": "date",
    "format_date": "date",
    "striptags": "strip_html",
    "e": "escape",
    "h": "escape",
    "html_escape": "escape",
}
_SMART_QUOTES = str.maketrans(
    {"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'", "‚": "'"}
)
_SMART_QUOTE = re.compile("[“”„«»‘’‚]")
_SINGLE_EQUALS = re.compile(r"(?<![=!<>])=(?!=)")
_RESERVED = re.compile(r"expected an identifier, found ([a-z]+)")
_FOREIGN = (
    (re.compile(r"\*\|([A-Za-z][\w:]{0,60})\|\*"), "Mailchimp"),
    (re.compile(r"%%([A-Za-z][\w .-]{0,60})%%"), "Marketing Cloud"),
    (re.compile(r"%([A-Z][A-Z_]{2,40})%"), "ActiveCampaign"),
    (re.compile(r"\[%\s*([A-Za-z][\w .-]{0,60})\s*%\]"), "iContact"),
)
_FOREIGN_NAMES = {
    "fname": "first_name",
    "firstname": "first_name",
    "lname": "last_name",
    "lastname": "last_name",
    "emailaddr": "email",
    "emailaddress": "email",
    "mail": "email",
}
_FOREIGN_URLS = {
    "unsub": "unsubscribe_url",
    "unsubscribe": "unsubscribe_url",
    "unsubscribelink": "unsubscribe_url",
    "updateprofile": "preferences_url",
    "archive": "view_url",
}


@dataclass
class _Lint:
    """What is needed to speak about a place in the source."""

    source: str
    where: Where
    positions: Positions

    def problem(
        self,
        code: str,
        offset: int,
        sentence: str,
        suggestion: str = "",
        *,
        severity: Severity = Severity.ERROR,
    ) -> Problem:
        line, column = self.positions.at(offset)
        return Problem(code, line, column, sentence, suggestion, severity, self.where)


def lint_liquid(source: str, *, tags: Collection[str], where: Where) -> list[Problem]:
    """What can be said without parsing. The parser is only asked when there is no error here."""
    lint = _Lint(source, where, Positions(source))
    if size := _too_large(source):
        sentence = _("This text is too large: %(size)d KB. The limit is %(limit)d KB.")
        return [
            _whole(lint, "too_large", sentence % {"size": size // 1000, "limit": MAX_SOURCE_BYTES // 1000})
        ]
    pieces = list(scan_liquid(source))
    if len(pieces) > MAX_PIECES:
        return [_whole(lint, "too_many_tags", _("There are too many Liquid tags in this text."))]
    problems = [problem for piece in pieces for problem in _lint_piece(lint, piece, tags)]
    return problems + _lint_blocks(lint, pieces)


def _too_large(source: str) -> int:
    size = len(source) if len(source) > MAX_SOURCE_BYTES else len(source.encode("utf-8", "surrogatepass"))
    return size if size > MAX_SOURCE_BYTES else 0


def _whole(lint: _Lint, code: str, sentence: str) -> Problem:
    return Problem(code, 0, 0, sentence, where=lint.where)


def _lint_piece(lint: _Lint, piece: Piece, tags: Collection[str]) -> Iterator[Problem]:
    match piece.kind:
        case Kind.TEXT:
            yield from _foreign_tags(lint, piece)
        case Kind.UNCLOSED:
            yield _unclosed(lint, piece)
        case Kind.OUTPUT | Kind.TAG if len(piece.text) > MAX_EXPRESSION_CHARS:
            yield lint.problem(
                "unclosed",
                piece.start,
                _("This tag is too long; its end is probably missing."),
                _("Close it with %(end)s.") % {"end": "}}" if piece.kind is Kind.OUTPUT else "%}"},
            )
        case Kind.OUTPUT:
            yield from _lint_output(lint, piece)
        case Kind.TAG:
            yield from _lint_tag(lint, piece, tags)


def _unclosed(lint: _Lint, piece: Piece) -> Problem:
    if piece.text.startswith("{{"):
        sentence, end = _("The output that begins here is never closed."), "}}"
    elif "%}" in piece.text:
        sentence, end = _("The tag that begins here has no end."), f"{{% end{piece.name} %}}"
    else:
        sentence, end = _("The tag that begins here is never closed."), "%}"
    return lint.problem("unclosed", piece.start, sentence, _("Close it with %(end)s.") % {"end": end})


def _foreign_tags(lint: _Lint, piece: Piece) -> Iterator[Problem]:
    for pattern, origin in _FOREIGN:
        for match in pattern.finditer(piece.text):
            yield lint.problem(
                "foreign_tag",
                piece.start + match.start(),
                _("%(tag)s is a placeholder of another system (%(origin)s) and would be sent as it is.")
                % {"tag": match[0], "origin": origin},
                _("Write %(code)s.") % {"code": translated_placeholder(match[1])},
                severity=Severity.WARNING,
            )


def translated_placeholder(name: str) -> str:
    """Our way to write another system's placeholder."""
    bare = re.sub(r"[^a-z0-9]+", "", name.lower())
    if bare in _FOREIGN_URLS:
        return f"{{{{ {_FOREIGN_URLS[bare]} }}}}"
    key = _FOREIGN_NAMES.get(bare) or re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return f"{{{{ contact.{key} }}}}"


def _lint_output(lint: _Lint, piece: Piece) -> Iterator[Problem]:
    if not piece.code:
        yield lint.problem(
            "empty_output",
            piece.start,
            _("There is nothing between these braces."),
            _("Write a name, such as %(code)s.") % {"code": "{{ contact.first_name }}"},
        )
    elif piece.code[0] in "{#/^&!>":
        yield lint.problem(
            "foreign_tag",
            piece.start,
            _("This looks like Handlebars, which is not understood here."),
            _("Conditions are written {% if … %} … {% endif %}, loops {% for … %} … {% endfor %}."),
        )
    elif "{{" in piece.code or "{%" in piece.code:
        yield lint.problem(
            "unclosed",
            piece.start,
            _("Another tag begins before this one is closed."),
            _("Close it with %(end)s.") % {"end": "}}"},
        )
    else:
        yield from _lint_quotes(lint, piece)


def _lint_quotes(lint: _Lint, piece: Piece) -> Iterator[Problem]:
    code = without_strings(piece.code)
    if _SMART_QUOTE.search(code):
        yield lint.problem(
            "smart_quotes",
            piece.start,
            _("Curly quotes do not work inside a tag."),
            _("Write %(code)s.") % {"code": piece.text.translate(_SMART_QUOTES)},
        )
    elif max(code.count("["), code.count("(")) > MAX_BRACKETS:
        yield lint.problem("syntax", piece.start, _("This tag has too many brackets."))
    elif code.count('"') % 2 or code.count("'") % 2:
        yield lint.problem(
            "open_quote",
            piece.start,
            _("A quoted text in this tag is not closed."),
            _("Add the missing quote."),
        )


def _lint_tag(lint: _Lint, piece: Piece, tags: Collection[str]) -> Iterator[Problem]:
    if piece.name == "#":
        return
    if "{{" in without_strings(piece.code) or "{%" in without_strings(piece.code):
        yield lint.problem(
            "unclosed",
            piece.start,
            _("Another tag begins before this one is closed."),
            _("Close it with %(end)s; inside a tag, names are written without braces.") % {"end": "%}"},
        )
        return
    if unknown := _unknown_tag(lint, piece, tags):
        yield unknown
        return
    yield from _lint_quotes(lint, piece)
    if piece.name in ("if", "elsif", "unless") and _SINGLE_EQUALS.search(without_strings(piece.argument)):
        blanked = without_strings(piece.text)
        places = [match.start() for match in _SINGLE_EQUALS.finditer(blanked)]
        yield lint.problem(
            "single_equals",
            piece.start + places[0],
            _("A comparison needs two equals signs."),
            _("Write %(code)s.") % {"code": _doubled(piece.text, places)},
        )


def _doubled(text: str, places: list[int]) -> str:
    for place in reversed(places):
        text = text[:place] + "==" + text[place + 1 :]
    return text


def _unknown_tag(lint: _Lint, piece: Piece, tags: Collection[str]) -> Problem | None:
    name = piece.name
    if not name:
        return lint.problem(
            "empty_tag", piece.start, _("This tag has no name."), _("Write, for example, {% if … %}.")
        )
    if name == "else" and piece.argument.startswith("if"):
        return _misspelled(lint, piece, "else if", "elsif")
    if name in tags or name in BLOCKS.values() or name in BRANCHES:
        return None
    if name in ("include", "render", "extends", "block", "import", "layout", "section"):
        sentence = _("The tag “%(name)s” is not available: an email is one text and cannot load another.")
        return lint.problem("unknown_tag", piece.start, sentence % {"name": name})
    known = [tag for tag in [*tags, *BLOCKS.values(), *BRANCHES] if tag.isalpha()]
    if meant := TAG_HINTS.get(name) or nearest(name, known):
        return _misspelled(lint, piece, name, meant)
    sentence = _("There is no tag “%(name)s”.")
    return lint.problem("unknown_tag", piece.start, sentence % {"name": name[:60]})


def _misspelled(lint: _Lint, piece: Piece, name: str, meant: str) -> Problem:
    return lint.problem(
        "unknown_tag",
        piece.start,
        _("There is no tag “%(name)s”.") % {"name": name},
        _("Write %(code)s.") % {"code": piece.text.replace(name, meant, 1)[:200]},
    )


def _lint_blocks(lint: _Lint, pieces: Iterable[Piece]) -> list[Problem]:
    problems: list[Problem] = []
    open_tags: list[Piece] = []
    for piece in pieces:
        if piece.kind is not Kind.TAG:
            continue
        if piece.name in BLOCKS:
            open_tags.append(piece)
        elif piece.name in BRANCHES:
            problems += _lint_branch(lint, piece, open_tags)
        elif piece.name in BLOCKS.values():
            problems += _lint_end(lint, piece, open_tags)
    return problems + [_never_ended(lint, piece) for piece in open_tags]


def _never_ended(lint: _Lint, piece: Piece) -> Problem:
    return lint.problem(
        "unclosed_block",
        piece.start,
        _("The block {%% %(name)s %%} that begins here is never closed.") % {"name": piece.name},
        _("Add %(code)s after it.") % {"code": f"{{% {BLOCKS[piece.name]} %}}"},
    )


def _lint_branch(lint: _Lint, piece: Piece, open_tags: list[Piece]) -> Iterator[Problem]:
    if not open_tags or open_tags[-1].name not in BRANCHES[piece.name]:
        yield lint.problem(
            "stray_tag",
            piece.start,
            _("{%% %(name)s %%} stands outside a block that it could belong to.") % {"name": piece.name},
            _("It belongs between {%% %(opener)s … %%} and its end.") % {"opener": BRANCHES[piece.name][0]},
        )


def _lint_end(lint: _Lint, piece: Piece, open_tags: list[Piece]) -> Iterator[Problem]:
    if open_tags and BLOCKS[open_tags[-1].name] == piece.name:
        open_tags.pop()
        return
    if any(BLOCKS[opener.name] == piece.name for opener in open_tags):
        while BLOCKS[open_tags[-1].name] != piece.name:
            yield _never_ended(lint, open_tags.pop())
        open_tags.pop()
        return
    yield lint.problem(
        "stray_tag",
        piece.start,
        _("{%% %(name)s %%} closes a block that was never opened.") % {"name": piece.name},
        _("Remove it, or add %(code)s before it.") % {"code": f"{{% {piece.name.removeprefix('end')} … %}}"},
    )


def advise_on_error(error: Exception, source: str, *, where: Where) -> Problem:
    """What python-liquid refused, as advice."""
    token = getattr(error, "token", None)
    start = getattr(token, "start_index", -1)
    line, column = Positions(source).at(start) if 0 <= start <= len(source) else (0, 0)
    code, sentence, suggestion = _explain(error)
    return Problem(code, line, column, sentence, suggestion, Severity.ERROR, where)


def _explain(error: Exception) -> tuple[str, str, str]:
    if isinstance(error, ResourceLimitError | RecursionError):
        return _explain_limit(error)
    message = str(error.message) if isinstance(error, LiquidError) else str(error)
    if match := _RESERVED.fullmatch(message):
        sentence = _("“%(word)s” is a word of Liquid itself and cannot follow a dot.") % {"word": match[1]}
        return "syntax", sentence, _("Write it in brackets: %(code)s.") % {"code": f'contact["{match[1]}"]'}
    sentence = _("This is not understood: %(message)s.") % {"message": message[:200]}
    return "syntax", sentence, ""


def _explain_limit(error: Exception) -> tuple[str, str, str]:
    match error:
        case LoopIterationLimitError():
            return (
                "loop_limit",
                _("A loop runs too often."),
                _("Use limit, as in {% for item in list limit: 20 %}."),
            )
        case OutputStreamLimitError():
            return "output_limit", _("The result is larger than 2 MB."), ""
        case LocalNamespaceLimitError():
            return "memory_limit", _("The template stores too much text in its variables."), ""
        case BlockNestingError():
            return "nesting_limit", _("The blocks are nested too deeply."), ""
        case _:
            sentence = _("The template does more work than one email may cost.")
            return "work_limit", sentence, _("Make it simpler.")


def advise_on_filters(template: Any, source: str, filters: Collection[str], *, where: Where) -> list[Problem]:
    """Filters that do not exist: python-liquid notices them only while rendering."""
    lint = _Lint(source, where, Positions(source))
    analysis = template.analyze(include_partials=False)
    return [
        _unknown_filter(lint, name, span.index, filters)
        for name, spans in analysis.filters.items()
        if name not in filters
        for span in spans
    ]


def _unknown_filter(lint: _Lint, name: str, offset: int, filters: Collection[str]) -> Problem:
    meant = FILTER_HINTS.get(name.lower()) or nearest(name, filters)
    return lint.problem(
        "unknown_filter",
        offset,
        _("There is no filter “%(name)s”.") % {"name": name[:60]},
        _("Write %(code)s.") % {"code": f"| {meant}"} if meant else "",
    )
