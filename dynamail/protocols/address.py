"""One email address: checked once, strictly, before it is stored (RFC 5321 §4.1.2, RFC 6531 §3.3, RFC 5891).

Nothing is repaired or truncated: an address is either kept as it was written or refused with a sentence for its owner.
Refused on purpose although RFC 5321 allows them: spaces and angle brackets inside a quoted local part, address literals
(`user@[192.0.2.1]`) and domains without a dot. No mailbox provider issues them, and forged envelopes like them.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import idna

MAX_LOCAL_OCTETS = 64  # RFC 5321 §4.5.3.1.1
MAX_ADDRESS_OCTETS = 254  # RFC 5321 §4.5.3.1.3: a path has 256 with its brackets
MAX_DOMAIN_OCTETS = 253  # RFC 1035 §2.3.4, written form

_ATEXT = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~-"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_TOP_LABEL = r"[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = rf"(?:{_LABEL}\.)+{_TOP_LABEL}"
_PLAIN_ADDRESS = re.compile(rf"([{_ATEXT}]+(?:\.[{_ATEXT}]+)*)@({_DOMAIN})")
_PLAIN_DOMAIN = re.compile(_DOMAIN)
_QUOTED_ADDRESS = re.compile(r'("(?:[^"\\]|\\.)*")@(.*)')
_ATOM = re.compile(rf"[\x80-\U0010ffff{_ATEXT}]+")
_NEEDS_QUOTES = re.compile(r'["\\<>(),:;@\[\]]|^ | $')
# Invisible, reordering, private or unassigned: no mail system issues them, and they make two addresses look alike.
_REFUSED_CATEGORIES = frozenset(("Cc", "Cf", "Cs", "Co", "Cn"))
_SPACE_CATEGORIES = frozenset(("Zs", "Zl", "Zp"))

_SENTENCES = {
    "empty": "The address is empty.",
    "no_at": "The address has no @ sign.",
    "several_at": "The address has more than one @ sign.",
    "missing_local": "The part before @ is missing.",
    "missing_domain": "The domain after @ is missing.",
    "control_character": "The address contains a line break or another invisible character.",
    "space": "The address contains a space.",
    "angle_bracket": "The address contains < or >.",
    "unbalanced_quotes": "The quotes in the part before @ do not match.",
    "misplaced_dot": "The part before @ begins or ends with a dot, or has two dots in a row.",
    "bad_character": "The part before @ contains a character that is not allowed there.",
    "local_too_long": "The part before @ is longer than 64 bytes.",
    "too_long": "The address is longer than 254 bytes.",
    "address_literal": "Write a domain name after @ instead of an IP address.",
    "no_dot": "The domain after @ is incomplete: it has no dot.",
    "bad_domain": "The domain after @ is not a valid domain name.",
    "bad_idna": "The international domain after @ is not valid.",
    "bad_mailbox": "Write the name and the address as: Name <name@example.com>.",
}


class AddressError(ValueError):
    """The text is no address we can write to. `code` is stable, `str(error)` is an English sentence for the user."""

    def __init__(self, code: str) -> None:
        super().__init__(_SENTENCES[code])
        self.code = code


@dataclass(frozen=True, slots=True)
class Address:
    """A checked address. `text` is what was written, `domain` is lower-case ASCII (A-labels)."""

    text: str
    local: str
    domain: str

    def __str__(self) -> str:
        return self.text

    @property
    def envelope(self) -> str:
        """The form for MAIL, RCPT and header fields: the local part as written, the domain in A-labels."""
        return f"{self.local}@{self.domain}"

    @property
    def domain_unicode(self) -> str:
        """The domain for human eyes (U-labels)."""
        return idna.decode(self.domain) if "xn--" in self.domain else self.domain

    @property
    def is_ascii(self) -> bool:
        return self.text.isascii()

    @property
    def needs_smtputf8(self) -> bool:
        """Only the local part needs RFC 6531: an international domain always has an ASCII form."""
        return not self.local.isascii()

    @property
    def key(self) -> str:
        """What two spellings of one mailbox have in common, for lookups and suppressions.

        Case and needless quotes go; dots and plus tags stay, because only their own domain knows what they mean.
        """
        local = self.local
        if local[0] == '"':
            local = _strip_needless_quotes(local)
        if local.isascii():
            return f"{local.lower()}@{self.domain}"
        folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", local).casefold())
        return f"{folded}@{self.domain}"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A display name (perhaps empty) and an address: `Ann Lee <ann@example.com>`."""

    name: str
    address: Address


def parse_address(text: str) -> Address:
    """Check one address. Raises AddressError; never changes, trims or shortens the text."""
    match = _PLAIN_ADDRESS.fullmatch(text)
    if match is None or len(text) > MAX_ADDRESS_OCTETS:
        return _parse_unusual_address(text)
    local, domain = match.groups()
    if len(local) > MAX_LOCAL_OCTETS:
        raise AddressError("local_too_long")
    domain = domain.lower()
    if "xn--" in domain:
        _check_a_labels(domain)
    return Address(text, local, domain)


def split_mailbox(text: str) -> Mailbox:
    """Read `Name <a@b>`, `"Name, Inc." <a@b>`, `<a@b>` or `a@b`. Raises AddressError."""
    text = text.strip(" ")
    if not text.endswith(">"):
        return Mailbox("", parse_address(text))
    name, bracket, address = text[:-1].rpartition("<")
    if not bracket:
        raise AddressError("bad_mailbox")
    return Mailbox(_read_display_name(name.strip(" ")), parse_address(address))


def write_mailbox(name: str, address: str) -> str:
    """What `split_mailbox` reads back; the name is quoted where it would be read as something else."""
    if not name:
        return address
    if _NEEDS_QUOTES.search(name):
        name = '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
    return f"{name} <{address}>"


def _read_display_name(name: str) -> str:
    _refuse_invisible(name, allow_spaces=True)
    if '"' not in name:
        if "<" in name or ">" in name:
            raise AddressError("bad_mailbox")
        return name
    match = re.fullmatch(r'"((?:[^"\\]|\\.)*)"', name)
    if match is None:
        raise AddressError("bad_mailbox")
    return re.sub(r"\\(.)", r"\1", match[1])


def _parse_unusual_address(text: str) -> Address:
    """The slow way: everything that is quoted, international or wrong, with the reason."""
    if not text:
        raise AddressError("empty")
    _refuse_invisible(text)
    if "<" in text or ">" in text:
        raise AddressError("angle_bracket")
    local, domain = _split_at_sign(text)
    _check_local(local)
    ascii_domain = _encode_domain(domain)
    local_octets = len(local.encode())
    if local_octets > MAX_LOCAL_OCTETS:
        raise AddressError("local_too_long")
    if local_octets + 1 + len(ascii_domain) > MAX_ADDRESS_OCTETS:
        raise AddressError("too_long")
    return Address(text, local, ascii_domain)


def _refuse_invisible(text: str, *, allow_spaces: bool = False) -> None:
    for character in text:
        if " " < character <= "~":
            continue
        category = unicodedata.category(character)
        if category in _SPACE_CATEGORIES and category != "Zs":
            raise AddressError("control_character")
        if category in _SPACE_CATEGORIES and not allow_spaces:
            raise AddressError("space")
        # A name may hold an emoji joiner; an address may not.
        if category in _REFUSED_CATEGORIES and not (allow_spaces and category in {"Cf", "Co", "Cn"}):
            raise AddressError("control_character")


def _split_at_sign(text: str) -> tuple[str, str]:
    if text.startswith('"'):
        match = _QUOTED_ADDRESS.fullmatch(text)
        if match is None:
            raise AddressError("unbalanced_quotes")
        local, domain = match.groups()
    else:
        local, at_sign, domain = text.partition("@")
        if not at_sign:
            raise AddressError("no_at")
    if "@" in domain:
        raise AddressError("several_at")
    if not local:
        raise AddressError("missing_local")
    if not domain:
        raise AddressError("missing_domain")
    return local, domain


def _check_local(local: str) -> None:
    if local[0] == '"':
        if len(local) == 2:
            raise AddressError("missing_local")
        return
    if '"' in local:
        raise AddressError("unbalanced_quotes")
    for atom in local.split("."):
        if not atom:
            raise AddressError("misplaced_dot")
        if not _ATOM.fullmatch(atom):
            raise AddressError("bad_character")


def _encode_domain(domain: str) -> str:
    if domain.startswith("["):
        raise AddressError("address_literal")
    if domain.isascii():
        ascii_domain = domain.lower()
        if "xn--" in ascii_domain and _PLAIN_DOMAIN.fullmatch(ascii_domain):
            _check_a_labels(ascii_domain)
    else:
        try:
            ascii_domain = idna.encode(domain, uts46=True).decode("ascii").lower()
            _check_a_labels(ascii_domain)
        except (idna.IDNAError, UnicodeError) as error:
            raise AddressError("bad_idna") from error
    if "." not in ascii_domain:
        raise AddressError("no_dot")
    if not _PLAIN_DOMAIN.fullmatch(ascii_domain):
        raise AddressError("bad_domain")
    return ascii_domain


def _check_a_labels(domain: str) -> None:
    """An A-label must be what its own U-label encodes to (RFC 5891 §5.4), or two spellings reach one domain."""
    if len(domain) > MAX_DOMAIN_OCTETS:
        raise AddressError("bad_domain")
    try:
        for label in domain.split("."):
            if label.startswith("xn--") and idna.alabel(idna.ulabel(label)).decode("ascii") != label:
                raise AddressError("bad_idna")
    except (idna.IDNAError, UnicodeError) as error:
        raise AddressError("bad_idna") from error


def _strip_needless_quotes(local: str) -> str:
    content = re.sub(r"\\(.)", r"\1", local[1:-1])
    if all(_ATOM.fullmatch(atom) for atom in content.split(".")):
        return content
    return '"' + re.sub(r'(["\\])', r"\\\1", content) + '"'
