"""Which MJML elements exist, where they may stand and which attributes they take (MJML 4 documentation, "Components")."""

from __future__ import annotations

from dataclasses import dataclass

MAX_DEPTH = 40
MAX_ELEMENTS = 5_000

_EVERYWHERE = "css-class mj-class"
_PADDING = "padding padding-top padding-right padding-bottom padding-left"
_INNER = "inner-padding inner-border inner-border-bottom inner-border-left inner-border-radius inner-border-right inner-border-top"
_BORDER = "border border-top border-right border-bottom border-left border-radius"
_FONT = "color font-family font-size font-style font-weight letter-spacing line-height text-align text-decoration text-transform"
_BACKGROUND = (
    "background-color background-url background-repeat background-size background-position "
    "background-position-x background-position-y"
)
_LINK = "href target rel title name"
_SECTION = f"{_BACKGROUND} {_BORDER} {_PADDING} direction full-width text-align text-padding"
_CONTENT_OF_COLUMN = "mj-text mj-button mj-image mj-divider mj-spacer mj-table mj-social mj-navbar mj-accordion mj-carousel mj-raw"


@dataclass(frozen=True, slots=True)
class Element:
    """`children` of an ending element is empty: its content is HTML or text, not MJML."""

    children: frozenset[str]
    attributes: frozenset[str]
    is_ending: bool = False


def _element(
    children: str = "", attributes: str = "", *, is_ending: bool = False, anywhere: bool = True
) -> Element:
    names = f"{attributes} {_EVERYWHERE}" if anywhere else attributes
    return Element(frozenset(children.split()), frozenset(names.split()), is_ending)


ELEMENTS: dict[str, Element] = {
    "mjml": _element("mj-head mj-body", "lang dir owa", anywhere=False),
    "mj-head": _element(
        "mj-title mj-preview mj-attributes mj-style mj-breakpoint mj-font mj-raw", anywhere=False
    ),
    "mj-title": _element(is_ending=True, anywhere=False),
    "mj-preview": _element(is_ending=True, anywhere=False),
    "mj-style": _element(attributes="inline", is_ending=True, anywhere=False),
    "mj-breakpoint": _element(attributes="width", anywhere=False),
    "mj-font": _element(attributes="name href", anywhere=False),
    "mj-attributes": _element(anywhere=False),  # its children are elements with any of their attributes
    "mj-body": _element("mj-section mj-wrapper mj-hero mj-raw", "background-color width lang dir title id"),
    "mj-wrapper": _element("mj-section mj-hero mj-raw", f"{_SECTION} gap"),
    "mj-section": _element("mj-column mj-group mj-raw", _SECTION),
    "mj-group": _element("mj-column mj-raw", "background-color direction vertical-align width"),
    "mj-column": _element(
        _CONTENT_OF_COLUMN,
        f"background-color inner-background-color {_BORDER} {_INNER} {_PADDING} direction vertical-align width",
    ),
    "mj-hero": _element(
        _CONTENT_OF_COLUMN,
        f"{_BACKGROUND} {_PADDING} align background-height background-width border-radius container-background-color height "
        "inner-background-color inner-padding inner-padding-top inner-padding-right inner-padding-bottom "
        "inner-padding-left mode vertical-align width",
    ),
    "mj-text": _element(
        attributes=f"{_FONT} {_PADDING} align container-background-color height vertical-align",
        is_ending=True,
    ),
    "mj-button": _element(
        attributes=f"{_FONT} {_BORDER} {_PADDING} {_LINK} align background-color container-background-color height "
        "inner-padding vertical-align width",
        is_ending=True,
    ),
    "mj-table": _element(
        attributes=f"{_FONT} {_PADDING} align border cellpadding cellspacing container-background-color role "
        "table-layout width",
        is_ending=True,
    ),
    "mj-raw": _element(attributes="position", is_ending=True),
    "mj-image": _element(
        attributes=f"{_BORDER} {_PADDING} {_LINK} align alt container-background-color fluid-on-mobile font-size height "
        "max-height src srcset sizes usemap width"
    ),
    "mj-divider": _element(
        attributes=f"{_PADDING} align border-color border-style border-width container-background-color width"
    ),
    "mj-spacer": _element(
        attributes=f"{_BORDER} {_PADDING} container-background-color height vertical-align width"
    ),
    "mj-social": _element(
        "mj-social-element mj-raw",
        f"{_FONT} {_PADDING} align border-radius container-background-color icon-height icon-padding icon-size "
        "inner-padding mode table-layout text-padding vertical-align",
    ),
    "mj-social-element": _element(
        attributes=f"{_FONT} {_PADDING} {_LINK} align alt background-color border-radius icon-height icon-padding icon-position "
        "icon-size sizes src srcset text-padding vertical-align",
        is_ending=True,
    ),
    "mj-navbar": _element(
        "mj-navbar-link mj-raw",
        "align base-url hamburger ico-align ico-close ico-color ico-font-family ico-font-size ico-line-height "
        "ico-open ico-padding ico-padding-bottom ico-padding-left ico-padding-right ico-padding-top "
        "ico-text-decoration ico-text-transform",
    ),
    "mj-navbar-link": _element(attributes=f"{_FONT} {_PADDING} {_LINK}", is_ending=True),
    "mj-accordion": _element(
        "mj-accordion-element mj-raw",
        f"{_PADDING} border container-background-color font-family icon-align icon-height icon-position "
        "icon-unwrapped-alt icon-unwrapped-url icon-width icon-wrapped-alt icon-wrapped-url",
    ),
    "mj-accordion-element": _element(
        "mj-accordion-title mj-accordion-text mj-raw",
        "background-color border font-family icon-align icon-height icon-position icon-unwrapped-alt "
        "icon-unwrapped-url icon-width icon-wrapped-alt icon-wrapped-url",
    ),
    "mj-accordion-title": _element(attributes=f"{_FONT} {_PADDING} background-color", is_ending=True),
    "mj-accordion-text": _element(attributes=f"{_FONT} {_PADDING} background-color", is_ending=True),
    "mj-carousel": _element(
        "mj-carousel-image mj-raw",
        f"{_PADDING} align border-radius container-background-color icon-width left-icon right-icon tb-border tb-border-radius "
        "tb-hover-border-color tb-selected-border-color tb-width thumbnails thumbnails-align",
    ),
    "mj-carousel-image": _element(
        attributes="alt border-radius href rel src target tb-border tb-border-radius thumbnails-src title"
    ),
}

# Only inside <mj-attributes>.
DEFAULTS_ONLY = frozenset({"mj-all", "mj-class"})

ENDING = frozenset(name for name, element in ELEMENTS.items() if element.is_ending)
TAKES_RAW = frozenset(name for name, element in ELEMENTS.items() if "mj-raw" in element.children) - {
    "mj-head"
}
ALL_ATTRIBUTES = frozenset(attribute for element in ELEMENTS.values() for attribute in element.attributes) | {
    "name"
}


def parents_of(name: str) -> list[str]:
    """Where an element may stand."""
    return [parent for parent, element in ELEMENTS.items() if name in element.children]
