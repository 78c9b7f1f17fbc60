"""What HTML an email may hold.

The rule is what mail clients do anyway: no scripts, no forms that send, no frames, no plug-ins, no styles or fonts from other
hosts. Tables, `<style>` with media queries, VML and Outlook's conditional comments stay: without them there is no email.
"""

from __future__ import annotations

import re

from dynamail.content.markup import words

# Their content goes too.
REMOVED_WITH_CONTENT = words(
    """
    script iframe object applet svg math noembed noframes frameset select textarea template slot canvas
    dialog portal plaintext xmp
    """
)
# Only the tag goes.
REMOVED_TAGS = words(
    """
    form fieldset legend button base link embed frame audio video source track param marquee
    """
)
KEPT_TAGS = words(
    """
    a abbr acronym address area article aside b bdi bdo big blockquote body br caption center cite code
    col colgroup dd del details dfn dir div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6
    head header hr html i img input ins kbd label li main map mark menu meta nav nobr noscript ol
    optgroup option p picture pre q rp rt ruby s samp section small span strike strong style sub summary
    sup table tbody td tfoot th thead time title tr tt u ul var wbr xml
    """
)
OFFICE_TAG = re.compile(r"[ovw]:[a-z][a-z0-9]*")

REMOVED_ATTRIBUTES = words(
    """
    action formaction formmethod formtarget form ping srcdoc autofocus contenteditable is nonce
    integrity crossorigin xlink:href data manifest poster dynsrc lowsrc srcset
    """
)
ATTRIBUTE_NAME = re.compile(r"[a-z_][a-z0-9_:.\-]*")
URL_ATTRIBUTES = frozenset({"href", "src", "background", "cite", "longdesc", "usemap", "profile"})
SAFE_SCHEMES = frozenset({"http", "https", "mailto", "tel", "sms", "cid"})
SAFE_META = frozenset({"content-type", "x-ua-compatible", "content-language"})
SAFE_INPUTS = frozenset({"checkbox", "radio"})  # MJML's carousel and menu work by them

CONDITION = r"[\w\s!&|().]{1,80}"
HIDDEN_FROM_OTHERS = re.compile(rf"<!--\[if ({CONDITION})\]>(.*)<!\[endif\]-->", re.DOTALL)
SHOWN_TO_OTHERS = re.compile(rf"<!--\[if ({CONDITION})\]>\s*(?:<!-+>|<!-- ?-->|-->)", re.DOTALL)
END_OF_SHOWN = re.compile(r"<!--\s*<!\[endif\]-->")
REVEALED = re.compile(rf"<!\[(?:if {CONDITION}|endif)\]>")

_SCHEME = re.compile(r"([a-z][a-z0-9+.\-]*):", re.IGNORECASE)
_IGNORED_IN_URLS = re.compile(r"[\x00-\x20\x7f\u200b\u2028\u2029\ufeff]+")
_SAFE_DATA = re.compile(r"data:image/(?:png|gif|jpe?g|webp);base64,[a-z0-9+/=]*", re.IGNORECASE)
_CSS_COMMENT = re.compile(r"/\*.*?(?:\*/|$)", re.DOTALL)
_CSS_ESCAPE = re.compile(r"\\([0-9a-fA-F]{1,6})\s?|\\(.)", re.DOTALL)
_UNSAFE_CSS = re.compile(
    r"expression\s*\(|(?:java|vb)script\s*:|behaviou?r\s*:|-moz-binding|@import|@charset|url\s*\(\s*[\"']?\s*data:(?!image/)",
    re.IGNORECASE,
)
_IMPORT = re.compile(r"@import\b[^;{}]*(?:;|$)", re.IGNORECASE)


def scheme_of(url: str) -> str:
    """The scheme as a browser would read it, "" for a relative address."""
    match = _SCHEME.match(_IGNORED_IN_URLS.sub("", url))
    return match[1].lower() if match else ""


def is_safe_url(url: str, *, is_image: bool = False) -> bool:
    """May this stand in an email's link or image?"""
    scheme = scheme_of(url)
    if scheme == "data":
        return is_image and bool(_SAFE_DATA.fullmatch(url.strip()))
    return not scheme or scheme in SAFE_SCHEMES


def safe_css(css: str) -> str | None:
    """The CSS without imports, or None when it tries to run something."""
    css = _IMPORT.sub("", css)
    plain = _CSS_ESCAPE.sub(_decoded, _CSS_COMMENT.sub("", css))
    return None if _UNSAFE_CSS.search(plain) else css


def _decoded(match: re.Match[str]) -> str:
    if match[1]:
        number = int(match[1], 16)
        return chr(number) if 0 < number < 0x110000 else ""
    return match[2]
