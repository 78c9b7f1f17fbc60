"""Hand-written MJML: checked here with line and column, compiled by MRML.

MRML reports "unexpected end of stream" without a place, lets unknown elements and attributes pass, and cannot read HTML that
is not XML. So the elements are checked against `mjml_schema`, and the HTML inside `<mj-text>` and its like travels
through MRML as an inert token: it comes out exactly as it was written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from django.utils.translation import gettext as _
from mjml import mjml2html

from dynamail.content.liquid_source import MAX_SOURCE_BYTES
from dynamail.content.markup import Attribute, Token, Type, scan_markup, write_start
from dynamail.content.mjml_schema import (
    ALL_ATTRIBUTES,
    DEFAULTS_ONLY,
    ELEMENTS,
    ENDING,
    MAX_DEPTH,
    MAX_ELEMENTS,
    TAKES_RAW,
    parents_of,
)
from dynamail.content.problems import ContentError, Positions, Problem, Severity, Where, errors_of, nearest
from dynamail.content.protecting import Code, Protected

# These travel through MRML as they are: it reads CSS, and writes the title into an attribute too.
_READ_BY_MRML = frozenset({"mj-style", "mj-title", "mj-preview"})
_UNSUPPORTED = frozenset({"mj-include", "mj-html-attributes", "mj-selector", "mj-html-attribute"})


@dataclass
class _Reader:
    """One pass over the source: collects problems, writes MJML that MRML reads without surprises."""

    protected: Protected
    positions: Positions
    has_preheader: bool
    problems: list[Problem] = field(default_factory=list)
    out: list[str] = field(default_factory=list)
    open_tags: list[Token] = field(default_factory=list)
    elements: int = 0
    seen_root: bool = False

    def report(
        self,
        code: str,
        offset: int,
        sentence: str,
        suggestion: str = "",
        *,
        severity: Severity = Severity.ERROR,
    ) -> None:
        line, column = self.positions.at(self.protected.origin(offset))
        self.problems.append(Problem(code, line, column, sentence, suggestion, severity, Where.BODY))

    @property
    def parent(self) -> str:
        return self.open_tags[-1].name if self.open_tags else ""


def check_mjml(source: str) -> list[Problem]:
    """What is wrong with the MJML, in the order of the source. Liquid is not looked at."""
    return _read(
        source, Protected(source) if len(source) <= MAX_SOURCE_BYTES else None, has_preheader=False
    ).problems


def compile_mjml(source: str, *, has_preheader: bool = False) -> tuple[str, Protected]:
    """HTML with the Liquid still exchanged for tokens, and what puts it back.

    With a preheader of its own the source's <mj-preview> is left out. No font and no icon is loaded from a host that
    the source does not name. Raises ContentError.
    """
    protected = Protected(source) if len(source) <= MAX_SOURCE_BYTES else None
    reader = _read(source, protected, has_preheader=has_preheader)
    if errors := errors_of(reader.problems):
        raise ContentError(errors)
    try:
        html = mjml2html("".join(reader.out), fonts={}, disable_comments=False)
    except ValueError as error:
        sentence = _("This MJML cannot be compiled: %(message)s.") % {"message": str(error)[:200]}
        raise ContentError([Problem("mjml", 0, 0, sentence)]) from error
    # The opaque contents may hold tokens of their own.
    return _unwrapped(html, reader.protected), reader.protected


def _unwrapped(html: str, protected: Protected) -> str:
    return protected.pattern.sub(lambda match: _content_of(protected, match[0]), html).replace(
        'lang="und"', 'lang="en"'
    )


def _content_of(protected: Protected, token: str) -> str:
    code = protected.code_of(token)
    return code.text if code and code.name == _OPAQUE else token


_OPAQUE = "\0html"


def _read(source: str, protected: Protected | None, *, has_preheader: bool) -> _Reader:
    if protected is None or len(source.encode("utf-8", "surrogatepass")) > MAX_SOURCE_BYTES:
        reader = _Reader(Protected(""), Positions(""), has_preheader)
        sentence = _("This template is too large. The limit is %(limit)d KB.") % {
            "limit": MAX_SOURCE_BYTES // 1000
        }
        reader.problems.append(Problem("too_large", 0, 0, sentence))
        return reader
    reader = _Reader(protected, Positions(source), has_preheader)
    for token in scan_markup(protected.text, raw=ENDING, is_xml=True):
        _read_token(reader, token)
        if reader.elements > MAX_ELEMENTS or len(reader.open_tags) > MAX_DEPTH:
            reader.report(
                "too_deep", token.start, _("This template has too many elements, or nests them too deeply.")
            )
            return reader
    _finish(reader, source)
    return reader


def _finish(reader: _Reader, source: str) -> None:
    # An unclosed <mj-text> swallows the end tags of all that is around it.
    swallowed = bool(reader.open_tags) and reader.open_tags[-1].name in ENDING
    for token in reader.open_tags[-1:] if swallowed else reader.open_tags:
        reader.report(
            "unclosed_element",
            token.start,
            _("<%(name)s> is never closed.") % {"name": token.name},
            _("Add </%(name)s>.") % {"name": token.name},
        )
    if not reader.seen_root:
        reader.report(
            "no_mjml",
            0,
            _("This is not MJML: it does not begin with <mjml>."),
            _("Begin with <mjml><mj-body>."),
        )
    elif not re.search(r"<mj-body\b", source):
        reader.report(
            "no_body", 0, _("There is no <mj-body>."), _("Put the content into <mj-body>…</mj-body>.")
        )


def _read_token(reader: _Reader, token: Token) -> None:
    match token.type:
        case Type.START:
            _read_start(reader, token)
        case Type.END:
            _read_end(reader, token)
        case Type.RAW:
            _read_content(reader, token)
        case Type.TEXT:
            _read_text(reader, token)
        case Type.COMMENT if not token.source.endswith(">"):
            sentence = _("A tag or comment begins here and never ends.")
            reader.report("unclosed_tag", token.start, sentence, _("Close it with >."))
        case _:
            pass  # comments and declarations are left out; Liquid inside them too


def _read_start(reader: _Reader, token: Token) -> None:
    reader.elements += 1
    known = _check_place(reader, token)
    if known:
        _check_attributes(reader, token)
        _check_element(reader, token)
    if not token.self_closing:
        reader.open_tags.append(token)
    if token.name == "mj-font":
        return
    reader.out.append(write_start(token.name, _written(token), self_closing=token.self_closing))


def _written(token: Token) -> tuple[Attribute, ...]:
    return tuple(Attribute(a.name, a.value or "", a.start) for a in token.attributes)


def _check_place(reader: _Reader, token: Token) -> bool:
    """Is this an element that may stand here? Reports when not."""
    name, parent = token.name, reader.parent
    if not parent:
        return _check_root(reader, token)
    if parent == "mj-attributes":
        return _check_default(reader, token)
    if name in ELEMENTS:
        return _check_parent(reader, token)
    if name in _UNSUPPORTED:
        reader.report("unknown_element", token.start, _("<%(name)s> is not available here.") % {"name": name})
    elif parent in ELEMENTS:
        _report_unknown(reader, token)
    return False


def _report_unknown(reader: _Reader, token: Token) -> None:
    allowed = ELEMENTS[reader.parent].children
    sentence = _("There is no element <%(name)s> in MJML.") % {"name": token.name[:60]}
    if meant := nearest(token.name, allowed) or nearest(token.name, ELEMENTS):
        suggestion = _("Did you mean <%(name)s>?") % {"name": meant}
    elif not token.name.startswith("mj-") and "mj-text" in allowed:
        suggestion = _("Put HTML into <mj-text> or <mj-raw>.")
    elif "mj-raw" in allowed:
        suggestion = _("Put HTML into <mj-raw>, or into <mj-text> inside a column.")
    else:
        suggestion = _("Possible here: %(names)s.") % {"names": ", ".join(sorted(allowed)) or "—"}
    reader.report("unknown_element", token.start, sentence, suggestion)


def _check_root(reader: _Reader, token: Token) -> bool:
    if token.name == "mjml" and not reader.seen_root:
        reader.seen_root = True
        return True
    if reader.seen_root:
        reader.report("after_end", token.start, _("There is something after </mjml>."), _("Remove it."))
    else:
        reader.seen_root = True
        reader.report(
            "no_mjml",
            token.start,
            _("This is not MJML: it begins with <%(name)s>.") % {"name": token.name[:60]},
            _("Begin with <mjml>, or choose HTML as the kind of this email."),
        )
    return False


def _check_default(reader: _Reader, token: Token) -> bool:
    if token.name in ELEMENTS or token.name in DEFAULTS_ONLY:
        return True
    meant = nearest(token.name, [*ELEMENTS, *DEFAULTS_ONLY])
    reader.report(
        "unknown_element",
        token.start,
        _("There is no element <%(name)s> in MJML.") % {"name": token.name[:60]},
        _("Did you mean <%(name)s>?") % {"name": meant} if meant else "",
    )
    return False


def _check_parent(reader: _Reader, token: Token) -> bool:
    parent = reader.parent
    if parent not in ELEMENTS or token.name in ELEMENTS[parent].children:
        return True
    places = ", ".join(f"<{name}>" for name in parents_of(token.name))
    reader.report(
        "misplaced_element",
        token.start,
        _("<%(name)s> cannot stand inside <%(parent)s>.") % {"name": token.name, "parent": parent},
        _("It belongs into %(places)s.") % {"places": places} if places else "",
    )
    return False


def _check_attributes(reader: _Reader, token: Token) -> None:
    inside_defaults = reader.parent == "mj-attributes"
    known = ALL_ATTRIBUTES if inside_defaults else ELEMENTS[token.name].attributes
    for attribute in token.attributes:
        if "<" in attribute.name:
            reader.report("unclosed_tag", token.start, _("This tag is never closed."), _("Close it with >."))
            return
        if reader.protected.holds_token(attribute.name):
            reader.report(
                "liquid_in_tag",
                attribute.start,
                _("Liquid cannot stand between the attributes of an MJML element."),
                _("Put the condition around the whole element."),
            )
        elif attribute.name not in known:
            _report_attribute(reader, token, attribute, known)


def _report_attribute(reader: _Reader, token: Token, attribute: Attribute, known: frozenset[str]) -> None:
    meant = nearest(attribute.name, known)
    hints = {
        "class": "css-class",
        "style": "mj-style",
        "bgcolor": "background-color",
        "background": "background-color",
    }
    if attribute.name in hints:
        suggestion = _("Use %(name)s.") % {"name": hints[attribute.name]}
    else:
        suggestion = _("Did you mean %(name)s?") % {"name": meant} if meant else ""
    reader.report(
        "unknown_attribute",
        attribute.start,
        _("<%(element)s> has no attribute “%(name)s”.")
        % {"element": token.name, "name": attribute.name[:60]},
        suggestion,
        severity=Severity.WARNING,
    )


def _check_element(reader: _Reader, token: Token) -> None:
    if token.name == "mj-social-element" and reader.parent != "mj-attributes" and not token.get("src"):
        reader.report(
            "icon_host",
            token.start,
            _("This icon has no src; it would be loaded from the servers of mailjet.com."),
            _('Give it an image of your own: src="https://…".'),
        )
    if token.name == "mj-font":
        reader.report(
            "web_font",
            token.start,
            _("Fonts are not loaded from other hosts: it would tell them who reads this email."),
            _("Name fonts that devices have, such as Helvetica, Arial, sans-serif."),
            severity=Severity.WARNING,
        )


def _read_end(reader: _Reader, token: Token) -> None:
    if not reader.open_tags or all(opener.name != token.name for opener in reader.open_tags):
        sentence = _("</%(name)s> closes an element that was never opened.") % {"name": token.name[:60]}
        reader.report("stray_end", token.start, sentence, _("Remove it."))
        return
    while (opener := reader.open_tags.pop()).name != token.name:
        reader.report(
            "unclosed_element",
            opener.start,
            _("<%(name)s> is not closed before </%(end)s>.") % {"name": opener.name, "end": token.name},
            _("Add </%(name)s>.") % {"name": opener.name},
        )
    if token.name != "mj-font":
        reader.out.append(f"</{token.name}>")


def _read_content(reader: _Reader, token: Token) -> None:
    """The inside of an ending element."""
    if token.name == "mj-preview" and reader.has_preheader:
        return
    if token.name not in _READ_BY_MRML:
        reader.out.append(reader.protected.add(Code(token.source, _OPAQUE)))
    elif token.name == "mj-style" and "<" in token.source:
        sentence = _("There is a “<” inside <mj-style>; only CSS belongs there.")
        reader.report("css", token.start + token.source.index("<"), sentence)
    else:
        reader.out.append(token.source if token.name == "mj-style" else _one_line(token.source))


def _one_line(text: str) -> str:
    return " ".join(text.replace("<", "&lt;").split())


def _read_text(reader: _Reader, token: Token) -> None:
    """Between elements only Liquid may stand: it becomes <mj-raw>, which MRML leaves where it is."""
    rest = reader.protected.pattern.sub("", token.source)
    if rest.strip():
        place = token.start + len(token.source) - len(token.source.lstrip())
        reader.report(
            "text_outside",
            place,
            _("There is text outside of an element that can show it: “%(text)s”.")
            % {"text": rest.strip()[:40]},
            _("Put it into <mj-text>."),
        )
        return
    tokens = [match[0] for match in reader.protected.pattern.finditer(token.source)]
    if tokens and reader.parent not in TAKES_RAW:
        codes = ", ".join(code.text[:40] for code in reader.protected.codes_in(token.source))
        reader.report(
            "liquid_outside", token.start, _("Liquid cannot stand here: %(code)s.") % {"code": codes}
        )
        return
    reader.out += [f"<mj-raw>{liquid}</mj-raw>" for liquid in tokens]
