"""What the check of addresses noticed in a file: marked, counted, left out where the member wants it, and given back as a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dynamail.conditions.tree import Finding
from dynamail.contacts.address_checks import (
    BITS,
    check_address,
    read_findings,
    suggest_address,
    suggest_domain,
)
from dynamail.contacts.exporting import BOM, strip_formula_guard, write_rows
from dynamail.contacts.importing.blocks import Parsed, make_reject
from dynamail.contacts.importing.counting import Counts
from dynamail.contacts.importing.mapping import Target
from dynamail.contacts.importing.people import Person
from dynamail.contacts.importing.reading import Row
from dynamail.contacts.importing.seen import SeenAddresses
from dynamail.contacts.importing.sniffing import Shape, iter_rows
from dynamail.contacts.importing.uploads import find_upload
from dynamail.contacts.mail_domains import MailDomains
from dynamail.contacts.models import ContactImport, MailDomain
from dynamail.protocols.address import AddressError, parse_address

UNSURE = 1 << 13  # of a person on the way in only: the DNS did not say whether the domain takes mail
BLOCK = 2_000

REASONS = {
    Finding.ROLE: gettext_lazy("The address belongs to a desk, not to a person."),
    Finding.DISPOSABLE: gettext_lazy("The mailbox is a disposable one."),
    Finding.TYPO: gettext_lazy("The domain looks mistyped."),
    Finding.NO_MAIL_SERVER: gettext_lazy("The domain takes no mail: it has no mail server."),
}
FINDINGS = frozenset(Finding)


def list_domains(parsed: Parsed) -> set[str]:
    return {person.domain for people in (parsed.people, parsed.later) for person in people}


def judge_people(parsed: Parsed, domains: MailDomains, *, leave_out: int) -> Counts:
    """Mark what the DNS said, count the marks, and turn those to be left out into rejects."""
    asked = {domain: _tell(domains.find(domain)) for domain in list_domains(parsed)}
    if any(asked.values()):
        for person in (*parsed.people, *parsed.later):
            person.findings |= asked[person.domain]
    noticed = _count_findings(parsed.people)
    if leave_out:
        out = [person for person in parsed.people if person.findings & leave_out]
        out_later = [person for person in parsed.later if person.findings & leave_out]
        if out or out_later:
            _leave_out(parsed, out, out_later, leave_out)
    return noticed


def _tell(takes_mail: bool | None) -> int:
    if takes_mail is None:
        return UNSURE
    return 0 if takes_mail else BITS[Finding.NO_MAIL_SERVER]


def _count_findings(people: Iterable[Person]) -> Counts:
    sorts = Counter(person.findings & ~UNSURE for person in people)
    counts: Counter[str] = Counter()
    for bits, number in sorts.items():
        for finding in read_findings(bits):
            counts[finding.value] += number
    return Counts(**counts)


def _leave_out(parsed: Parsed, out: Sequence[Person], out_later: Sequence[Person], leave_out: int) -> None:
    """Each of their rows is rejected; none of them is a repeated row any more."""
    for person in (*out, *out_later):
        finding = read_findings(person.findings & leave_out)[0]
        reason = explain_finding(finding, person.key)
        parsed.rejects += [make_reject(row, finding.value, reason, cells) for row, cells in person.rows]
    parsed.duplicates -= sum(len(person.rows) for person in (*out, *out_later)) - len(out)
    parsed.people = [person for person in parsed.people if not person.findings & leave_out]
    parsed.later = [person for person in parsed.later if not person.findings & leave_out]


def explain_finding(finding: Finding, key: str = "") -> str:
    """Why a row is left out; for one address also what was probably meant."""
    reason = str(REASONS[finding])
    meant = suggest_domain(key.rpartition("@")[2]) if finding == Finding.TYPO else ""
    return f"{reason} {_('Was %(domain)s meant?') % {'domain': meant}}" if meant else reason


def export_findings(row: ContactImport, finding: Finding) -> Iterator[str]:
    """The rows of a file with this finding as CSV, each address once: its columns, the row's number, and the address that was meant.

    Read from the file anew. Raises ImportProblem when the file is gone.
    """
    found = _iter_found(row, finding)
    yield BOM
    yield from write_rows([[*row.columns, _("Row"), _("Problem"), _("Suggestion")]])
    width = len(row.columns)
    while block := list(islice(found, BLOCK)):
        yield "".join(write_rows(_line(one, width, finding) for one in block))


def _line(found: tuple[Row, str], width: int, finding: Finding) -> list[str]:
    row, email = found
    cells = [*row.cells[:width], *[""] * (width - len(row.cells))]
    return [*cells, str(row.number), str(REASONS[finding]), suggest_address(email)]


def _iter_found(row: ContactImport, finding: Finding) -> Iterator[tuple[Row, str]]:
    place = row.mapping.index(Target.EMAIL)
    shape = Shape(row.format, row.encoding, row.separator, bool(row.options.get("has_header", True)))
    rows = (one for one in iter_rows(find_upload(row), shape) if isinstance(one, Row))
    with closing(SeenAddresses()) as seen:
        while block := list(islice(rows, BLOCK)):
            people = _read_people(block, place)
            before = seen.add(list(people))
            dead = _find_dead(people) if finding == Finding.NO_MAIL_SERVER else frozenset()
            for key, (one, email, findings) in people.items():
                is_found = findings & BITS[finding] or key.rpartition("@")[2] in dead
                if is_found and key not in before:
                    yield one, email


def _read_people(rows: Sequence[Row], place: int) -> dict[str, tuple[Row, str, int]]:
    """The first row of each address of a block, with the address as written and what its letters tell."""
    people: dict[str, tuple[Row, str, int]] = {}
    for row in rows:
        try:
            address = parse_address(strip_formula_guard(row.cells[place]).strip(" \u00a0"))
        except (AddressError, IndexError):
            continue
        people.setdefault(address.key, (row, address.text, check_address(address)))
    return people


def _find_dead(keys: Iterable[str]) -> frozenset[str]:
    names = {key.rpartition("@")[2] for key in keys}
    return frozenset(
        MailDomain.objects.filter(takes_mail=False, name__in=names).values_list("name", flat=True)
    )
