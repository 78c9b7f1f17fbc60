"""An email's HTML: cleaned, styles inlined, preview text, footer and pixel in their places.

Cleaning rewrites token by token and never builds a tree, so that conditional comments and VML stay as written. Every
tag that stays is written anew (lower case, double quotes, escaped values): two readers cannot disagree about it. The
content of a conditional comment is cleaned like the rest, for whoever reads it. What Liquid does inside a tag must begin and
end inside the same attribute, or in the same tag: no choice of branches can then move a quote.

Honest limits: CSS is searched for what runs, not parsed; a mail client's own filter and our sandboxed preview stand behind it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape

import css_inline
from django.utils.translation import gettext as _

from dynamail.content.html_policy import (
    ATTRIBUTE_NAME,
    END_OF_SHOWN,
    HIDDEN_FROM_OTHERS,
    KEPT_TAGS,
    OFFICE_TAG,
    REMOVED_ATTRIBUTES,
    REMOVED_TAGS,
    REMOVED_WITH_CONTENT,
    REVEALED,
    SAFE_INPUTS,
    SAFE_META,
    SHOWN_TO_OTHERS,
    URL_ATTRIBUTES,
    is_safe_url,
    safe_css,
)
from dynamail.content.liquid import always_outputs, parse
from dynamail.content.markup import VOID, Attribute, Token, Type, decode_entities, scan_markup, write_start
from dynamail.content.problems import ContentError, Problem, Severity, Where, errors_of
from dynamail.content.protecting import FLOW_TAGS, Code, Protected, is_balanced

Locate = Callable[[int], tuple[int, int]]

PREHEADER_FILL = "&#8199;&#65279;&#847; " * 60  # keeps the body's first words out of the preview line
_HIDDEN = "display:none;max-height:0;max-width:0;overflow:hidden;opacity:0;font-size:1px;line-height:1px;mso-hide:all"
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")

_SKELETON = (
    '<!doctype html><html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    "</head><body>{}</body></html>"
)


def without_controls(source: str) -> str:
    """Text without what no email may carry: control characters and lone surrogates."""
    return _CONTROLS.sub("�", source.replace("\r\n", "\n").replace("\r", "\n"))


@dataclass
class _Cleaner:
    protected: Protected
    locate: Locate
    problems: list[Problem] = field(default_factory=list)

    def report(
        self,
        code: str,
        offset: int,
        sentence: str,
        suggestion: str = "",
        *,
        severity: Severity = Severity.WARNING,
    ) -> None:
        line, column = self.locate(offset)
        problem = Problem(code, line, column, sentence, suggestion, severity, Where.BODY)
        if problem not in self.problems and len(self.problems) < 100:
            self.problems.append(problem)

    def refuse_liquid(self, offset: int) -> None:
        self.report(
            "liquid_in_tag",
            offset,
            _("Liquid stands where it could change the HTML tag itself."),
            _("Put the condition around the whole element, or inside one attribute's quotes."),
            severity=Severity.ERROR,
        )


def clean_html(
    html: str, protected: Protected, *, locate: Locate = lambda offset: (0, 0)
) -> tuple[str, list[Problem]]:
    """The HTML as the policy allows it, and notes about what was removed. Tokens of `protected` stay.

    `locate` says where an offset of `html` is for the author. Raises ContentError for Liquid that cuts through tags.
    """
    cleaner = _Cleaner(protected, locate)
    cleaned = _clean(cleaner, html, 0, in_comment=False)
    if errors := errors_of(cleaner.problems):
        raise ContentError(errors)
    return cleaned, cleaner.problems


def _clean(cleaner: _Cleaner, html: str, base: int, *, in_comment: bool) -> str:
    out: list[str] = []
    skipped = _Skipped()
    for token in scan_markup(html):
        if skipped.swallows(cleaner, token, base):
            continue
        if token.type is Type.START and token.name in REMOVED_WITH_CONTENT:
            cleaner.report("removed", base + token.start, _removed(token.name))
            skipped.begin(token)
            continue
        out.append(_clean_token(cleaner, token, base, in_comment=in_comment))
    return "".join(out)


def _removed(name: str) -> str:
    return _("<%(name)s> was removed; mail programs do not allow it.") % {"name": name}


class _Skipped:
    """The inside of an element that is removed with its content."""

    def __init__(self) -> None:
        self.name = ""
        self.depth = 0
        self.codes: list[Code] = []

    def begin(self, token: Token) -> None:
        if not token.self_closing or token.name in ("script", "iframe"):
            self.name, self.depth, self.codes = token.name, 1, []

    def swallows(self, cleaner: _Cleaner, token: Token, base: int) -> bool:
        if not self.depth:
            return False
        self.codes += cleaner.protected.codes_in(token.source)
        if token.name == self.name and token.type is Type.START and not token.self_closing:
            self.depth += 1
        elif token.name == self.name and token.type is Type.END:
            self.depth -= 1
            if not self.depth and not is_balanced(self.codes):
                cleaner.refuse_liquid(base + token.start)
        return True


def _clean_token(cleaner: _Cleaner, token: Token, base: int, *, in_comment: bool) -> str:
    match token.type:
        case Type.TEXT:
            # A lone "<" must not meet the text behind something that is removed: `<</>script>`.
            return token.source.replace("<", "&lt;")
        case Type.START:
            return _clean_start(cleaner, token, base)
        case Type.END:
            return f"</{_name(token)}>" if _is_kept(token.name) and token.name not in VOID else ""
        case Type.RAW:
            return _clean_raw(cleaner, token, base)
        case Type.DOCTYPE:
            return (
                token.source
                if re.fullmatch(r"<!doctype[\w\s\"'/:.\-]*>", token.source, re.IGNORECASE)
                else "<!doctype html>"
            )
        case Type.COMMENT:
            return _clean_comment(cleaner, token, base, in_comment=in_comment)


def _name(token: Token) -> str:
    return token.written_name if ":" in token.name else token.name


def _is_kept(name: str) -> bool:
    return name in KEPT_TAGS or bool(OFFICE_TAG.fullmatch(name))


def _clean_start(cleaner: _Cleaner, token: Token, base: int) -> str:
    if cleaner.protected.holds_token(token.name):
        cleaner.refuse_liquid(base + token.start)
        return ""
    if not _is_kept(token.name) or not _may_stay(token):
        if token.name in REMOVED_TAGS or token.name in KEPT_TAGS:
            cleaner.report("removed", base + token.start, _removed(token.name))
        if not is_balanced(cleaner.protected.codes_in(token.source)):
            cleaner.refuse_liquid(base + token.start)
        return ""
    apart = [part for attribute in token.attributes for part in _apart(cleaner.protected, attribute)]
    attributes = [_clean_attribute(cleaner, token, attribute, base) for attribute in apart]
    if not is_balanced(code for a in token.attributes for code in cleaner.protected.codes_in(a.name)):
        cleaner.refuse_liquid(base + token.start)
    return write_start(_name(token), tuple(a for a in attributes if a), self_closing=token.self_closing)


def _apart(protected: Protected, attribute: Attribute) -> list[Attribute]:
    """`{% if a %}class="b"` is read as one attribute; it is Liquid, and an attribute."""
    rest = attribute.name
    while match := protected.pattern.match(rest):
        rest = rest[match.end() :]
    leading = attribute.name.removesuffix(rest) if rest else attribute.name
    if not leading or not rest:
        return [attribute]
    return [Attribute(leading, None, attribute.start), Attribute(rest, attribute.value, attribute.start)]


def _may_stay(token: Token) -> bool:
    if token.name == "meta":
        equiv = token.get("http-equiv")
        return equiv is None or equiv.strip().lower() in SAFE_META
    if token.name == "input":
        return (token.get("type") or "").strip().lower() in SAFE_INPUTS
    return True


def _clean_attribute(cleaner: _Cleaner, token: Token, attribute: Attribute, base: int) -> Attribute | None:
    place = base + attribute.start
    if cleaner.protected.holds_token(attribute.name):
        return _clean_bare_liquid(cleaner, attribute, place)
    name, value = attribute.name, _CONTROLS.sub("", attribute.value or "")
    if not ATTRIBUTE_NAME.fullmatch(name) or name in REMOVED_ATTRIBUTES:
        return None
    if not is_balanced(cleaner.protected.codes_in(value)):
        cleaner.refuse_liquid(place)
        return None
    if objection := _objection(cleaner, token, name, value):
        code, sentence = objection
        cleaner.report(code, place, sentence)
        return None
    if attribute.value is None:
        return attribute
    return Attribute(name, _within_tag(cleaner.protected, value), attribute.start)


def _objection(cleaner: _Cleaner, token: Token, name: str, value: str) -> tuple[str, str] | None:
    """Why an attribute may not stay: a code and a sentence."""
    if name.startswith("on"):
        return "removed", _("The handler “%(name)s” was removed.") % {"name": name[:40]}
    if name in URL_ATTRIBUTES and not _is_allowed_url(cleaner, token, name, value):
        return "unsafe_url", _("This address was removed: %(url)s") % {"url": value[:60]}
    if name == "style" and safe_css(value) != value:
        return "unsafe_css", _("This style was removed: %(css)s") % {"css": value[:60]}
    return None


def _is_allowed_url(cleaner: _Cleaner, token: Token, name: str, value: str) -> bool:
    if cleaner.protected.pattern.match(value.strip()):
        return True  # decided when it is known: see links.safe_link
    return is_safe_url(value, is_image=name in ("src", "background") and token.name != "a")


def _clean_bare_liquid(cleaner: _Cleaner, attribute: Attribute, place: int) -> Attribute | None:
    """`<td {% if a %}bgcolor="red"{% endif %}>`: whole tags of flow control may stand between attributes."""
    codes = cleaner.protected.codes_in(attribute.name)
    rest = cleaner.protected.pattern.sub("", attribute.name)
    if rest or attribute.value is not None or any(code.name not in FLOW_TAGS for code in codes):
        cleaner.refuse_liquid(place)
        return None
    return Attribute(_within_tag(cleaner.protected, attribute.name), None, attribute.start)


def _within_tag(protected: Protected, text: str) -> str:
    def replaced(match: re.Match[str]) -> str:
        code = protected.codes_in(match[0])[0]
        text = code.without_whitespace_control()
        return match[0] if text == code.text else protected.add(Code(text, code.name))

    return protected.pattern.sub(replaced, text)


def _clean_raw(cleaner: _Cleaner, token: Token, base: int) -> str:
    if not is_balanced(cleaner.protected.codes_in(token.source)):
        cleaner.refuse_liquid(base + token.start)
        return ""
    if token.name != "style":
        return escape(decode_entities(token.source), quote=False)
    css = safe_css(token.source.replace("<!--", "").replace("-->", ""))
    if css is None or re.search(r"<[a-z/!?]", css, re.IGNORECASE):
        cleaner.report(
            "unsafe_css", base + token.start, _("A style block was removed: it tries to run something.")
        )
        return ""
    if "@import" in token.source.lower():
        sentence = _(
            "Styles from other hosts (@import) were removed: they would tell those hosts who reads this email."
        )
        cleaner.report("remote_css", base + token.start, sentence)
    return css


def _clean_comment(cleaner: _Cleaner, token: Token, base: int, *, in_comment: bool) -> str:
    source = token.source
    if REVEALED.fullmatch(source) or END_OF_SHOWN.fullmatch(source):
        return source if source.startswith("<![") else "<!--<![endif]-->"
    if match := SHOWN_TO_OTHERS.fullmatch(source):
        return f"<!--[if {match[1]}]><!-->"
    if not in_comment and (match := HIDDEN_FROM_OTHERS.fullmatch(source)):
        inside = _clean(cleaner, match[2], base + token.start + match.start(2), in_comment=True)
        return f"<!--[if {match[1]}]>{inside}<![endif]-->"
    if not is_balanced(cleaner.protected.codes_in(source)):
        cleaner.refuse_liquid(base + token.start)
    return ""


def as_document(html: str) -> str:
    """A whole document; a fragment gets the usual frame."""
    has_body = any(token.type is Type.START and token.name == "body" for token in scan_markup(html))
    return html if has_body else _SKELETON.format(html)


def inline_styles(html: str, protected: Protected) -> str:
    """Rules of <style> copied into style attributes, for mail programs that ignore <style>; the block stays too."""
    if "<style" not in html:
        return html
    hidden = "".join(_hidden_liquid(token, protected) for token in scan_markup(html))
    inlined = css_inline.inline(
        hidden,
        keep_style_tags=True,
        keep_at_rules=True,
        load_remote_stylesheets=False,
        inline_style_tags=True,
    )
    return re.sub(rf"<!--({protected.pattern.pattern})-->", r"\1", inlined)


def _hidden_liquid(token: Token, protected: Protected) -> str:
    """Text between <table> and <tr> is moved out by an HTML parser; a comment stays where it is."""
    if token.type is not Type.TEXT:
        return token.source
    return protected.pattern.sub(r"<!--\g<0>-->", token.source)


def add_preheader(html: str, preheader: str, protected: Protected) -> str:
    """The preview line of the inbox, hidden at the top of the body. Liquid in it works."""
    if not preheader.strip():
        return html
    text = escape(protected.absorb(" ".join(preheader.split())), quote=False)
    return after_body_start(html, f'<div style="{_HIDDEN}" aria-hidden="true">{text}{PREHEADER_FILL}</div>')


def after_body_start(html: str, addition: str) -> str:
    for token in scan_markup(html):
        if token.type is Type.START and token.name == "body":
            end = token.start + len(token.source)
            return html[:end] + addition + html[end:]
    return addition + html


def before_body_end(html: str, addition: str) -> str:
    ends = [token.start for token in scan_markup(html) if token.type is Type.END and token.name == "body"]
    return html[: ends[-1]] + addition + html[ends[-1] :] if ends else html + addition


def has_unsubscribe(source: str) -> bool:
    """Does every recipient get the unsubscribe link, whatever the conditions say? Comments do not count."""
    if "unsubscribe_url" not in source:
        return False
    protected = Protected(source)
    visible = "".join(token.source for token in scan_markup(protected.text) if token.type is not Type.COMMENT)
    try:
        return always_outputs(parse(protected.restore(visible)).nodes, "unsubscribe_url")
    except ContentError:
        return False  # a condition that begins in a comment and ends outside


def standard_footer() -> str:
    """The footer that a marketing email gets when its author forgot the unsubscribe link (CAN-SPAM §5, RFC 8058)."""
    style = "font-family:Arial,Helvetica,sans-serif;font-size:13px;line-height:20px;color:#4b5563"
    return (
        '<table role="presentation" width="100%" border="0" cellpadding="0" cellspacing="0" style="background-color:#ffffff">'
        f'<tr><td align="center" style="padding:24px 16px 32px;text-align:center;{style}">'
        "{{ account.name }}{% if account.postal_address %}<br>{{ account.postal_address }}{% endif %}<br>"
        f'<a href="{{{{ unsubscribe_url }}}}" style="{style};text-decoration:underline">{escape(_("Unsubscribe"))}</a>'
        " &nbsp;·&nbsp; "
        f'<a href="{{{{ preferences_url }}}}" style="{style};text-decoration:underline">{escape(_("Email preferences"))}</a>'
        "</td></tr></table>"
    )


def standard_text_footer() -> str:
    return (
        "\n\n-- \n{{ account.name }}{% if account.postal_address %}, {{ account.postal_address }}{% endif %}\n"
        f"{_('Unsubscribe')}: {{{{ unsubscribe_url }}}}\n"
    )
