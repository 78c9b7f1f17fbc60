"""The review before sending: what a careful colleague would notice."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from dynamail.content.compiling import CompiledEmail, EmailSource, Kind, Stream
from dynamail.content.elements import Anchor, Image, find_anchors, find_images
from dynamail.content.html_policy import scheme_of
from dynamail.content.liquid import OWN_VARIABLES, parse, variable_places
from dynamail.content.problems import ContentError, Positions, Problem, Severity, Where, nearest
from dynamail.content.protecting import Protected, aligned
from dynamail.content.text_part import BARE_URL

CLIP_BYTES = 102_000  # Gmail shows "[Message clipped]" after this much HTML
SUBJECT_CHARS = 70  # about what a mail program shows on a wide screen
PREHEADER_CHARS = 140

STANDARD_CONTACT_FIELDS = frozenset({"email", "name", "first_name", "last_name", "language"})
ACCOUNT_FIELDS = frozenset({"name", "postal_address", "website"})
CAMPAIGN_FIELDS = frozenset({"name", "subject"})

_PLACEHOLDER_HOSTS = re.compile(
    r"(?:^|\.)(?:example\.(?:com|org|net)|example|test|invalid|localhost)$", re.IGNORECASE
)
_PLACEHOLDER_TEXT = re.compile(r"\blorem ipsum\b|\[(?:your|insert|company|link)[^\]]{0,40}\]", re.IGNORECASE)


def review_email(
    compiled: CompiledEmail, known_attributes: Collection[str] = (), *, extra_roots: Collection[str] = ()
) -> list[Problem]:
    """Everything worth a look, errors first. `known_attributes` are the keys of the account's contact attributes.

    `extra_roots` are further data that the sender gives, such as the variables of a transactional message.
    """
    source = compiled.source
    problems = [
        *compiled.problems,
        *_review_subject(source),
        *_review_preheader(source),
        *find_unknown_variables(source, known_attributes, extra_roots=extra_roots),
        *_review_unsubscribe(compiled),
        *_review_size(compiled),
        *_review_placeholders(source),
    ]
    if source.kind is Kind.TEXT:
        problems += _review_plain_links(source.body)
    else:
        problems += [problem for anchor in find_anchors(source.body) for problem in _review_anchor(anchor)]
        problems += [problem for image in find_images(source.body) for problem in _review_image(image)]
    order = list(Severity)
    return sorted(problems, key=lambda problem: (order.index(problem.severity), problem.line, problem.column))


def _warn(
    code: str, sentence: str, suggestion: str = "", *, at: tuple[int, int] = (0, 0), where: Where = Where.BODY
) -> Problem:
    return Problem(code, *at, sentence, suggestion, Severity.WARNING, where)


def _note(code: str, sentence: str, suggestion: str = "", *, where: Where = Where.BODY) -> Problem:
    return Problem(code, 0, 0, sentence, suggestion, Severity.NOTE, where)


def _review_subject(source: EmailSource) -> Iterator[Problem]:
    subject = source.subject.strip()
    if not subject:
        yield Problem("no_subject", 0, 0, _("The email has no subject."), where=Where.SUBJECT)
        return
    visible = Protected(subject)
    length = len(visible.pattern.sub("x" * 8, visible.text))
    if length > SUBJECT_CHARS:
        sentence = _("The subject has about %(size)d characters; most mail programs show %(limit)d at most.")
        yield _warn("long_subject", sentence % {"size": length, "limit": SUBJECT_CHARS}, where=Where.SUBJECT)
    letters = [letter for letter in visible.pattern.sub("", visible.text) if letter.isalpha()]
    if len(letters) > 8 and all(letter.isupper() for letter in letters):
        yield _warn(
            "shouting", _("The subject is all in capitals; filters dislike that."), where=Where.SUBJECT
        )


def _review_preheader(source: EmailSource) -> Iterator[Problem]:
    if source.kind is Kind.TEXT:
        return
    if not source.preheader.strip() and "<mj-preview" not in source.body:
        yield _warn(
            "no_preheader",
            _("There is no preview text; the inbox will show the first words of the email."),
            _("Write one sentence that makes people open it."),
            where=Where.PREHEADER,
        )
    elif len(source.preheader) > PREHEADER_CHARS:
        sentence = _("The preview text is longer than the %(limit)d characters that are shown.")
        yield _note("long_preheader", sentence % {"limit": PREHEADER_CHARS}, where=Where.PREHEADER)


def find_unknown_variables(
    source: EmailSource, known_attributes: Collection[str] = (), *, extra_roots: Collection[str] = ()
) -> list[Problem]:
    """Variables that no contact, account or campaign has: they would be sent as nothing."""
    fields = {Where.SUBJECT: source.subject, Where.PREHEADER: source.preheader, Where.TEXT: source.text or ""}
    fields[Where.BODY] = source.body if source.kind is Kind.TEXT else aligned(source.body)
    return [
        problem
        for where, text in fields.items()
        for problem in _unknown_in(text, where, frozenset(known_attributes), frozenset(extra_roots))
    ]


def contact_attributes_used(source: EmailSource) -> set[str]:
    """The keys of `contact.…` that an email reads: for counting the contacts that lack them."""
    used: set[str] = set()
    for text in (source.subject, source.preheader, source.body, source.text or ""):
        for segments, _offset in _places(text):
            if len(segments) > 1 and segments[0] == "contact":
                used.add(str(segments[1]))
    return used


def _places(text: str) -> list[tuple[tuple[object, ...], int]]:
    try:
        return sorted(set(variable_places(parse(aligned(text)))), key=lambda place: place[1])
    except (ContentError, TypeError):
        return []  # said elsewhere: it does not compile


def _unknown_in(
    text: str, where: Where, attributes: frozenset[str], extra: frozenset[str]
) -> Iterator[Problem]:
    positions = Positions(text)
    for segments, offset in _places(text):
        if is_known(segments, attributes, extra):
            continue
        path = ".".join(map(str, segments))
        yield Problem(
            "unknown_variable",
            *positions.at(offset),
            _("Nobody has a value for “%(path)s”; it would be sent as nothing.") % {"path": path[:80]},
            _meant(segments, attributes),
            Severity.WARNING,
            where,
        )


def is_known(
    segments: tuple[object, ...], attributes: Collection[str], extra_roots: Collection[str] = ()
) -> bool:
    root, key = segments[0], segments[1] if len(segments) > 1 else None
    if root in extra_roots:
        return True
    if root not in OWN_VARIABLES:
        return False
    fields = {
        "contact": STANDARD_CONTACT_FIELDS | frozenset(attributes),
        "account": ACCOUNT_FIELDS,
        "campaign": CAMPAIGN_FIELDS,
    }
    return root not in fields or not isinstance(key, str) or key in fields[str(root)]


def _meant(segments: tuple[object, ...], attributes: frozenset[str]) -> str:
    known = STANDARD_CONTACT_FIELDS | attributes
    if len(segments) == 1:
        name = str(segments[0]).lower()
        if name in known:
            return _("Write %(code)s.") % {"code": f"{{{{ contact.{name} }}}}"}
        meant = nearest(name, [*OWN_VARIABLES, *known])
        meant = f"contact.{meant}" if meant in known else meant
    else:
        options = (
            known
            if segments[0] == "contact"
            else ACCOUNT_FIELDS
            if segments[0] == "account"
            else CAMPAIGN_FIELDS
        )
        key = nearest(str(segments[1]), options)
        root = segments[0] if segments[0] in OWN_VARIABLES else nearest(str(segments[0]), OWN_VARIABLES)
        meant = f"{root}.{key or segments[1]}" if root and (key or root != segments[0]) else None
    return _("Did you mean %(name)s?") % {"name": meant} if meant else ""


def _review_unsubscribe(compiled: CompiledEmail) -> Iterator[Problem]:
    if compiled.source.stream is Stream.MARKETING and not compiled.has_own_unsubscribe:
        yield _note(
            "footer_added",
            _("The email has no unsubscribe link that every reader sees, so the standard footer was added."),
            _('Place your own with <a href="{{ unsubscribe_url }}">Unsubscribe</a>.'),
        )


def _review_size(compiled: CompiledEmail) -> Iterator[Problem]:
    size = (compiled.html or compiled.text).static_size
    if size > CLIP_BYTES:
        sentence = _(
            "The HTML has %(size)d KB. Gmail cuts an email off after %(limit)d KB, with the unsubscribe link."
        )
        yield _warn("too_long_for_gmail", sentence % {"size": size // 1000, "limit": CLIP_BYTES // 1000})
    elif size > CLIP_BYTES * 0.8:
        sentence = _("The HTML has %(size)d KB, close to the %(limit)d KB where Gmail cuts it off.")
        yield _note("nearly_clipped", sentence % {"size": size // 1000, "limit": CLIP_BYTES // 1000})


def _review_placeholders(source: EmailSource) -> Iterator[Problem]:
    positions = Positions(source.body)
    for match in _PLACEHOLDER_TEXT.finditer(source.body):
        sentence = _("A placeholder is left in the text: “%(text)s”.") % {"text": match[0]}
        yield _warn("placeholder", sentence, at=positions.at(match.start()))


def _review_plain_links(body: str) -> Iterator[Problem]:
    protected, positions = Protected(body), Positions(body)
    for match in BARE_URL.finditer(protected.text):
        place = positions.at(protected.origin(match.start()))
        url = protected.restore(match[0])
        yield from _review_anchor(Anchor(url, bool(protected.codes_in(match[0])), *place))


def _review_anchor(anchor: Anchor) -> Iterable[Problem]:
    at, shown = (anchor.line, anchor.column), {"url": anchor.href[:80]}
    if not anchor.href:
        return [_warn("empty_link", _("This link leads nowhere: its address is empty."), at=at)]
    if anchor.href == "#":
        return [_warn("empty_link", _("This link leads nowhere: its address is only “#”."), at=at)]
    if anchor.is_dynamic or anchor.href.startswith("#"):
        return []
    scheme = scheme_of(anchor.href)
    if scheme in ("mailto", "tel", "sms"):
        return []
    if scheme not in ("http", "https"):
        sentence, help_ = _("This is not an address on the web: %(url)s"), _("Begin it with https://.")
        return [_warn("bad_link", sentence % shown, help_, at=at)]
    return _review_host(anchor, scheme, at)


def _review_host(anchor: Anchor, scheme: str, at: tuple[int, int]) -> Iterator[Problem]:
    shown = {"url": anchor.href[:80]}
    try:
        host = urlsplit(anchor.href).hostname or ""
    except ValueError:
        host = ""
    if not host or ("." not in host and host != "localhost") or re.search(r"\s", anchor.href):
        yield _warn("bad_link", _("This address is not valid: %(url)s") % shown, at=at)
    elif _PLACEHOLDER_HOSTS.search(host):
        yield _warn(
            "placeholder_link",
            _("This is a sample address: %(url)s") % shown,
            _("Put the real one here."),
            at=at,
        )
    elif scheme == "http":
        yield _warn(
            "insecure_link", _("This address is not encrypted: %(url)s") % shown, _("Use https://."), at=at
        )


def _review_image(image: Image) -> Iterator[Problem]:
    at = (image.line, image.column)
    if image.alt is None:
        yield _warn(
            "no_alt",
            _("This image has no alt text; with images off, and for blind readers, it is not there."),
            _('Add alt="what it shows", or alt="" if it is decoration.'),
            at=at,
        )
    if image.width is None:
        sentence = _("This image has no width; Outlook shows it in its full size.")
        yield _warn("no_width", sentence, _('Add width="…".'), at=at)
    if not image.src:
        yield _warn("no_src", _("This image has no address."), at=at)
    elif "{{" not in image.src and scheme_of(image.src) not in ("http", "https", "cid", "data"):
        sentence = _("This image is not on the web; nobody will see it: %(url)s") % {"url": image.src[:80]}
        yield _warn("bad_image", sentence, at=at)
    elif scheme_of(image.src) == "http":
        yield _warn(
            "insecure_link", _("This address is not encrypted: %(url)s") % {"url": image.src[:80]}, at=at
        )
