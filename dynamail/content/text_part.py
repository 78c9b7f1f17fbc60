"""The plain text of an email, made from its HTML, readable on its own.

A link is written `label (address)`, everywhere. Headings are underlined, list items marked, rows of a data table joined by
" | ", images are their alt text in brackets. What HTML hides (the preview text) is left out. Liquid stays in its place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from dynamail.content.links import LINK_TAG, link_source
from dynamail.content.liquid_source import MAX_SOURCE_BYTES
from dynamail.content.markup import VOID, Token, Type, decode_entities, scan_markup, words
from dynamail.content.protecting import FLOW_TAGS, Code, Protected, Unprotected

PARAGRAPHS = words(
    """
    p h1 h2 h3 h4 h5 h6 table blockquote ul ol dl pre section article header footer main figure address
    center hr
    """
)
LINES = words("div li dt dd tr caption figcaption body")
CELLS = frozenset({"td", "th"})
_UNDERLINES = {"h1": "=", "h2": "-"}
_BLOCKS_IN_CELL = words("p div h1 h2 h3 h4 h5 h6 ul ol img table")
_HIDDEN = re.compile(r"display\s*:\s*none|mso-hide\s*:\s*all|visibility\s*:\s*hidden", re.IGNORECASE)
_RULE = "-" * 40
_MAX_UNDERLINE = 60
# Without these bounds the work, or the text, would grow with the square of HTML that only opens elements.
_MAX_DEPTH = 8  # of lists and of quotations that a line's beginning shows
_MAX_OPEN_LINKS = 4
_ROOM = 1_000  # characters by which a text may be longer than its HTML
_SPACES = re.compile(r"[ \t\n\r\f\u200b\u200c\u200d\ufeff\u034f\u2007\u00ad]+")


@dataclass
class _List:
    marker: str  # "-" or "1"
    count: int = 0


@dataclass
class _Table:
    is_data: bool
    cells: int = 0


@dataclass
class _Writer:
    protected: Protected
    out: list[str] = field(default_factory=list)
    line: list[str] = field(default_factory=list)
    newlines: int = 2  # how many line ends stand at the end of `out`
    lists: list[_List] = field(default_factory=list)
    tables: list[_Table] = field(default_factory=list)
    quotes: int = 0
    preformatted: int = 0
    after_break: bool = False  # the last line ended by <br>
    prefix: str = ""  # of the next line: a list item's marker
    links: list[tuple[str, int, int]] = field(
        default_factory=list
    )  # address, line and place in it of the open <a>s
    lines: int = 0  # how many were finished

    def write(self, text: str) -> None:
        self.line.append(text)

    def current(self) -> str:
        text = "".join(self.line)
        return text.strip("\n") if self.preformatted else _SPACES.sub(" ", text).strip()

    def end_line(self, wanted: int) -> str:
        """Finish the line, then make sure of `wanted` line ends. Gives the line."""
        text = self.current()
        self.line.clear()
        self.after_break = False
        if text:
            self.out.append(self.lead() + text)
            self.newlines = 0
            self.lines += 1
        while self.newlines < wanted:
            self.out.append("\n")
            self.newlines += 1
        return text

    def lead(self) -> str:
        depth = min(max(0, len(self.lists) - 1), _MAX_DEPTH)
        indent = "  " * depth + ("  " if self.lists and not self.prefix else "")
        lead = "> " * min(self.quotes, _MAX_DEPTH) + indent + self.prefix
        self.prefix = ""
        return lead


def make_text_part(html: str, protected: Protected) -> str:
    """The text part of HTML whose Liquid is tokens; the result's Liquid is put back."""
    tokens = list(scan_markup(html))
    data_tables = _data_tables(tokens)
    writer, hidden = _Writer(protected), _Hidden()
    for token in tokens:
        if not hidden.swallows(token):
            _write_token(writer, token, is_data=token.start in data_tables)
    while writer.links:
        _end_link(writer)
    writer.end_line(1)
    return protected.restore("".join(writer.out)).strip("\n") + "\n"


def make_text_of_html(html: str) -> str:
    """The text part of HTML in final words, in which braces mean nothing; empty where it says nothing.

    Anybody's HTML: the work and the text are linear in it, and what is longer than a template may be gets none.
    """
    if len(html) > MAX_SOURCE_BYTES:
        return ""
    text = make_text_part(html, Unprotected(html))
    most = len(html) + _ROOM
    text = text if len(text) <= most else text[:most].rpartition("\n")[0] + "\n"
    return text if text.strip() else ""


class _Hidden:
    """Inside an element that a reader does not see."""

    def __init__(self) -> None:
        self.name, self.depth = "", 0

    def swallows(self, token: Token) -> bool:
        if self.depth:
            if token.name == self.name and token.type is Type.START and not token.self_closing:
                self.depth += 1
            elif token.name == self.name and token.type is Type.END:
                self.depth -= 1
            elif self.name == "head" and token.name == "body":  # whose end tag may be left out
                self.depth = 0
                return False
            return True
        if token.type is Type.START and _is_hidden(token):
            if token.name not in VOID and not token.self_closing:
                self.name, self.depth = token.name, 1
            return True
        return False


def _is_hidden(token: Token) -> bool:
    return (
        token.name == "head"
        or token.get("hidden") is not None
        or bool(_HIDDEN.search(token.get("style") or ""))
    )


def _data_tables(tokens: list[Token]) -> set[int]:
    """Where tables begin that hold data and not the layout: several cells in a row, no blocks inside them."""
    found: set[int] = set()
    stack: list[list[int]] = []  # start, most cells in a row, cells in this row, is layout
    for token in tokens:
        if token.type is Type.END and token.name == "table" and stack:
            start, most, _row, is_layout = stack.pop()
            if most > 1 and not is_layout:
                found.add(start)
        elif token.type is Type.START:
            _look_at(token, stack)
    return found


def _look_at(token: Token, stack: list[list[int]]) -> None:
    if stack and token.name in _BLOCKS_IN_CELL:
        stack[-1][3] = 1
    if token.name == "table":
        stack.append([token.start, 0, 0, int(token.get("role") in ("presentation", "none"))])
    elif stack and token.name == "tr":
        stack[-1][2] = 0
    elif stack and token.name in CELLS:
        stack[-1][2] += 1
        stack[-1][1] = max(stack[-1][1], stack[-1][2])


def _write_token(writer: _Writer, token: Token, *, is_data: bool) -> None:
    match token.type:
        case Type.TEXT:
            _write_text(writer, token.source)
        case Type.START:
            _write_start(writer, token, is_data=is_data)
        case Type.END:
            _write_end(writer, token)
        case _:
            pass


def _write_text(writer: _Writer, source: str) -> None:
    position = 0
    for match in writer.protected.pattern.finditer(source):
        _write_words(writer, source[position : match.start()])
        _write_liquid(writer, match[0])
        position = match.end()
    _write_words(writer, source[position:])


def _write_words(writer: _Writer, source: str) -> None:
    text = decode_entities(source)
    if text:
        writer.write(text if writer.preformatted else _SPACES.sub(" ", text.replace("\xa0", " ")))


def _write_liquid(writer: _Writer, token: str) -> None:
    code = writer.protected.code_of(token)
    if code and code.name in FLOW_TAGS and not writer.current():
        # Between blocks: the blank lines of a block that is left out go with it.
        if not writer.after_break:
            in_rows = bool(writer.lists or (writer.tables and writer.tables[-1].is_data))
            writer.end_line(1 if in_rows else 2)
        writer.line.clear()
        writer.out.append(token)
    else:
        writer.write(token)


def _write_start(writer: _Writer, token: Token, *, is_data: bool) -> None:
    name = token.name
    if name == "br":
        writer.end_line(1)
        writer.after_break = True
    elif name == "img":
        writer.write(_image(token, inside_link=bool(writer.links)))
    elif name == "a":
        if len(writer.links) >= _MAX_OPEN_LINKS:
            _end_link(writer)
        writer.links.append((token.get("href") or "", writer.lines, len(writer.line)))
    elif name in CELLS:
        _start_cell(writer)
    elif name in PARAGRAPHS:
        _start_paragraph(writer, token, is_data=is_data)
    elif name in LINES:
        writer.end_line(1)
        _start_item(writer, name)


def _image(token: Token, *, inside_link: bool) -> str:
    alt = " ".join((token.get("alt") or "").split())
    return alt if inside_link or not alt else f"[{alt}]"


def _start_cell(writer: _Writer) -> None:
    table = writer.tables[-1] if writer.tables else None
    if table and table.is_data:
        writer.write(" | " if table.cells else "")
        table.cells += 1
    else:
        writer.end_line(1)


def _start_paragraph(writer: _Writer, token: Token, *, is_data: bool) -> None:
    name = token.name
    writer.end_line(1 if writer.prefix or (name in ("ul", "ol") and writer.lists) else 2)
    if name in ("ul", "ol"):
        writer.lists.append(_List("-" if name == "ul" else "1"))
    elif name == "table":
        writer.tables.append(_Table(is_data))
    elif name == "blockquote":
        writer.quotes += 1
    elif name == "pre":
        writer.preformatted += 1
    elif name == "hr":
        writer.write(_RULE)
        writer.end_line(2)


def _start_item(writer: _Writer, name: str) -> None:
    if name == "li" and writer.lists:
        items = writer.lists[-1]
        items.count += 1
        writer.prefix = "- " if items.marker == "-" else f"{items.count}. "
    elif name == "tr" and writer.tables:
        writer.tables[-1].cells = 0


def _write_end(writer: _Writer, token: Token) -> None:
    name = token.name
    if name == "a":
        _end_link(writer)
    elif name in _UNDERLINES:
        _end_heading(writer, _UNDERLINES[name])
    elif name in PARAGRAPHS:
        _end_paragraph(writer, name)
    elif name in LINES:
        writer.end_line(1)


def _end_heading(writer: _Writer, mark: str) -> None:
    heading = writer.end_line(1)
    if heading:
        length = len(writer.protected.pattern.sub("x" * 8, heading))
        writer.write(mark * min(max(length, 3), _MAX_UNDERLINE))
    writer.end_line(2)


def _end_paragraph(writer: _Writer, name: str) -> None:
    text = writer.end_line(1)
    if name in ("ul", "ol") and writer.lists:
        writer.lists.pop()
    elif name == "table" and writer.tables:
        writer.tables.pop()
    elif name == "blockquote":
        writer.quotes = max(0, writer.quotes - 1)
    elif name == "pre":
        writer.preformatted = max(0, writer.preformatted - 1)
    inside_list = bool(writer.lists)
    writer.end_line(1 if inside_list and (text or name in ("ul", "ol")) else 2)


def _end_link(writer: _Writer) -> None:
    if not writer.links:
        return
    href, line, place = writer.links.pop()
    if line != writer.lines:  # blocks inside the link: their text stands above
        place = len(writer.line)
    label = " ".join("".join(writer.line[place:]).split())
    writer.line[place:] = [_link_text(writer.protected, label, href)]


def _link_text(protected: Protected, label: str, href: str) -> str:
    address = href.strip()
    code = protected.code_of(address)
    shown = code.text.partition("%}")[2].rpartition("{%")[0] if code and code.name == LINK_TAG else address
    if not address or address.startswith("#"):
        return label
    if address.startswith(("mailto:", "tel:", "sms:")):
        bare = address.partition(":")[2].partition("?")[0]
        return label if not bare or bare in label else f"{label} ({bare})"
    if not label or protected.restore(label) in (shown, shown.partition("://")[2].rstrip("/")):
        return address
    return f"{label} ({address})"


BARE_URL = re.compile(r"https?://[^\s<>()\[\]\"']+[^\s<>()\[\]\"'.,;:!?]")


def mark_bare_links(text: str, protected: Protected, urls: list[str]) -> str:
    """Addresses in an author's own plain text, marked with numbers: those of `urls`, where new ones are appended."""

    def marked(match: re.Match[str]) -> str:
        url = protected.restore(match[0])
        if url not in urls:
            urls.append(url)
        return protected.add(Code(link_source(urls.index(url) + 1, url), LINK_TAG))

    return BARE_URL.sub(marked, text)
