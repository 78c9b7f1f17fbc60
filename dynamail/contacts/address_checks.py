"""What an address looks like beyond its syntax: a desk, a throw-away, a slip of the finger, a domain without mail.

None of it is a verdict: a finding is a mark on the contact (`Contact.findings`) that a member may filter by, or may choose to
leave out at an import. Only the last one asks the network (`mail_domains.py`); the rest are lists in `data/` and one package.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from importlib import resources

from disposable_email_domains import blocklist

from dynamail.conditions.tree import Finding
from dynamail.protocols.address import Address

BITS: dict[Finding, int] = {finding: 1 << place for place, finding in enumerate(Finding)}
ASKED = BITS[Finding.NO_MAIL_SERVER]  # the one that only the DNS can tell
CACHED_DOMAINS = 100_000
SHORTEST_NAME = 4  # letters: nearly every shorter name is somebody's own domain
LONG_NAME = 7  # letters, from which two slips are forgiven
_LONGEST_DOMAIN = 30
_SLIPS_OF_COM = frozenset(("co", "cm", "om"))  # countries, and what is left of "com" in a hurry
# Letters of other scripts that look like Latin ones: a slip of the keyboard layout, or worse.
_LOOK_ALIKE = str.maketrans("аеосухкмтвнріјѕ", "aeocyxkmtbhpijs")


def check_address(address: Address) -> int:
    """The findings about an address that need no network, as bits of `Contact.findings`."""
    return (BITS[Finding.ROLE] if is_role(address.local) else 0) | check_domain(address.domain)


def check_key(key: str) -> int:
    """The same for the folded form that a contact is stored under."""
    local, _at, domain = key.rpartition("@")
    return (BITS[Finding.ROLE] if is_role(local) else 0) | check_domain(domain)


@lru_cache(maxsize=CACHED_DOMAINS)
def check_domain(domain: str) -> int:
    """What the domain alone says. `domain` is lower-case ASCII."""
    disposable = BITS[Finding.DISPOSABLE] if is_disposable(domain) else 0
    return disposable | (BITS[Finding.TYPO] if suggest_domain(domain) else 0)


def is_role(local: str) -> bool:
    """Whether the part before @ names a desk; what follows a plus does not count."""
    return local.partition("+")[0].lower() in _load_words("role_names")


def is_disposable(domain: str) -> bool:
    """Whether the domain, or one above it, gives out mailboxes that nobody keeps."""
    labels = domain.split(".")
    return any(".".join(labels[start:]) in blocklist for start in range(len(labels) - 1))


def is_known_provider(domain: str) -> bool:
    """Whether everybody knows that the domain takes mail."""
    return domain in _load_words("mailbox_domains")


def suggest_domain(domain: str) -> str:
    """The mailbox provider that was probably meant; empty when the domain is known itself or close to none."""
    if len(domain) > _LONGEST_DOMAIN and "xn--" not in domain:
        return ""
    if domain in _load_words("mailbox_domains") or domain in _load_words("real_neighbors"):
        return ""
    plain = _read_look_alike(domain)
    if plain != domain and plain in _load_words("mailbox_domains"):
        return plain
    near = ((count_slips(domain, known), known) for known in _list_candidates(domain))
    best = min(((slips, known) for slips, known in near if _is_slip(domain, known, slips)), default=None)
    return best[1] if best else ""


def suggest_address(email: str) -> str:
    """The address with the domain that was probably meant, else empty."""
    local, _at, domain = email.rpartition("@")
    meant = suggest_domain(domain.lower()) if domain.isascii() else ""
    return f"{local}@{meant}" if meant else ""


def read_findings(bits: int) -> list[Finding]:
    """In the order of the bits."""
    return [finding for finding, bit in BITS.items() if bits & bit]


def to_bits(findings: Iterable[str]) -> int:
    return sum(BITS[Finding(name)] for name in set(findings))


def count_slips(one: str, other: str) -> int:
    """Letters left out, added, mistaken or swapped with a neighbor: the distance of Damerau and Levenshtein, each pair swapped once."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for place, letter in enumerate(one, start=1):
        earlier, before, row = before, row, [place, *[0] * len(other)]
        for column, wanted in enumerate(other, start=1):
            row[column] = min(
                before[column] + 1, row[column - 1] + 1, before[column - 1] + (letter != wanted)
            )
            is_swap = place > 1 < column and letter == other[column - 2] and one[place - 2] == wanted
            if is_swap:
                row[column] = min(row[column], earlier[column - 2] + 1)
    return row[-1]


def _list_candidates(domain: str) -> Iterator[str]:
    """Providers that could be near at all: of similar length, with nearly the same letters."""
    letters = _count_letters(domain)
    for known, known_letters in _load_letters():
        if abs(len(known) - len(domain)) <= 2 and (letters ^ known_letters).bit_count() <= 4:
            yield known


def _is_slip(domain: str, known: str, slips: int) -> bool:
    name, _dot, ending = domain.rpartition(".")
    known_name, _dot, known_ending = known.rpartition(".")
    if len(known_name) < SHORTEST_NAME or name.count(".") > known_name.count("."):
        return False
    if ending != known_ending and ending in _load_words("country_codes"):
        return known_ending == "com" and ending in _SLIPS_OF_COM and slips == 1
    return slips == 1 or (slips == 2 and len(known_name) >= LONG_NAME and domain[0] == known[0])


def _read_look_alike(domain: str) -> str:
    """`gmаil.com` with a Cyrillic letter as what the eye reads."""
    if "xn--" not in domain:
        return domain
    try:
        return domain.encode("ascii").decode("idna").translate(_LOOK_ALIKE)
    except UnicodeError:
        return domain


def _count_letters(text: str) -> int:
    """Which letters occur, as bits."""
    bits = 0
    for letter in text:
        bits |= 1 << (ord(letter) & 63)
    return bits


@cache
def _load_letters() -> tuple[tuple[str, int], ...]:
    return tuple((known, _count_letters(known)) for known in sorted(_load_words("mailbox_domains")))


@cache
def _load_words(name: str) -> frozenset[str]:
    text = resources.files("dynamail.contacts").joinpath("data", f"{name}.txt").read_text(encoding="ascii")
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return frozenset(word for line in lines for word in line.split())
