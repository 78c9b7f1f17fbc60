"""Which column is what: guessed from its header and its samples, decided by a member.

A mapping has one target a column: `email`, `name`, `first_name`, `last_name`, `tags`, `language`, `attribute:<id>`,
`new:<type>` (an attribute to be made from the column), or empty for a column that is left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dynamail.accounts.audit import Actor
from dynamail.contacts.addressing import AddressError, read_address
from dynamail.contacts.catalog import create_attribute, make_key
from dynamail.contacts.importing.problems import ImportProblem
from dynamail.contacts.models import Attribute
from dynamail.contacts.values import ValueProblem, guess_type, parse_value

IGNORE = ""
ATTRIBUTE, NEW = "attribute:", "new:"


class Target(models.TextChoices):
    """Fields that each contact has."""

    EMAIL = "email", gettext_lazy("Email")
    NAME = "name", gettext_lazy("Name")
    FIRST_NAME = "first_name", gettext_lazy("First name")
    LAST_NAME = "last_name", gettext_lazy("Last name")
    TAGS = "tags", gettext_lazy("Tags")
    LANGUAGE = "language", gettext_lazy("Language")


REPEATABLE = {Target.TAGS.value}

# Headers as services and people write them, folded to letters and digits. English, Russian, Belarusian.
HEADERS_OF_EMAIL = (
    "email e mail emailaddress mail useremail contactemail subscriberemail emailадрес почта электроннаяпочта "
    "адресэлектроннойпочты имейл емейл мейл электронныйадрес адрасэлектроннайпошты электроннаяпошта пошта імэйл"
)
_HEADERS: dict[Target, str] = {
    Target.EMAIL: HEADERS_OF_EMAIL,
    Target.NAME: "name fullname displayname contactname customer фио имяифамилия фамилияимя фамилияимяотчество полноеимя клиент "
    "контакт піб імяіпрозвішча прозвішчаіімя поўнаеімя кліент",
    Target.FIRST_NAME: "firstname givenname forename fname имя імя",
    Target.LAST_NAME: "lastname surname familyname lname фамилия прозвішча",
    Target.TAGS: "tag tags label labels group groups тег теги тэг тэги метка метки тэгі метки пазнакі група групы группа группы",
    Target.LANGUAGE: "language lang locale язык мова",
}
_BY_HEADER = {word: target for target, words in _HEADERS.items() for word in words.split()}


def guess_mapping(
    columns: Sequence[str], samples: Sequence[Sequence[str]], attributes: Sequence[Attribute]
) -> list[str]:
    """A first mapping for the member to correct."""
    known = {fold(word): attribute for attribute in attributes for word in (attribute.key, attribute.label)}
    values = [[row[place] if place < len(row) else "" for row in samples] for place in range(len(columns))]
    mapping: list[str] = []
    for header, cells in zip(columns, values, strict=True):
        mapping.append(_guess_column(header, cells, known, taken=set(mapping)))
    return _ensure_email(mapping, values)


def _guess_column(header: str, cells: Sequence[str], known: dict[str, Attribute], *, taken: set[str]) -> str:
    folded = fold(header)
    target = _BY_HEADER.get(folded)
    if target is not None and (target not in taken or target in REPEATABLE):
        return target.value
    if attribute := known.get(folded):
        chosen = f"{ATTRIBUTE}{attribute.pk}"
        if chosen not in taken:
            return chosen
    return f"{NEW}{guess_type(cells)}" if any(cells) else IGNORE


def _ensure_email(mapping: list[str], values: Sequence[Sequence[str]]) -> list[str]:
    """No header says email: the column with the most addresses in it."""
    if Target.EMAIL in mapping:
        return mapping
    counts = [sum(map(is_address, cells)) for cells in values]
    if counts and max(counts) > 0:
        mapping[counts.index(max(counts))] = Target.EMAIL.value
    return mapping


def fold(text: str) -> str:
    """Letters and digits alone, in small letters: `E-Mail ` is `email`."""
    return re.sub(r"[\W_]+", "", text.casefold())


def check_mapping(mapping: Sequence[str], columns: Sequence[str], attributes: Sequence[Attribute]) -> None:
    """Raises ImportProblem when the mapping cannot be worked with."""
    allowed = {IGNORE, *Target.values, *(f"{ATTRIBUTE}{one.pk}" for one in attributes)}
    allowed |= {f"{NEW}{kind}" for kind in Attribute.Type.values if kind != Attribute.Type.CHOICE}
    if len(mapping) != len(columns) or not set(mapping) <= allowed:
        raise ImportProblem("mapping", _("The mapping does not fit the file. Open the import again."))
    if mapping.count(Target.EMAIL) == 0:
        raise ImportProblem(
            "no_email",
            _("Choose the column that holds the email address: without it nobody can be imported."),
        )
    for target in set(mapping):
        repeatable = target in REPEATABLE or target == IGNORE or target.startswith(NEW)
        if mapping.count(target) > 1 and not repeatable:
            twice = [columns[place] for place, one in enumerate(mapping) if one == target]
            raise ImportProblem(
                "twice", _("Two columns go to the same field: %(columns)s.") % {"columns": ", ".join(twice)}
            )
    if Target.NAME in mapping and {Target.FIRST_NAME, Target.LAST_NAME} & set(mapping):
        raise ImportProblem("two_names", _("Take either the full name or first and last name, not both."))


def create_missing_attributes(
    account_id: int, mapping: Sequence[str], columns: Sequence[str], *, by: Actor, now: datetime
) -> list[str]:
    """The mapping with every `new:<type>` replaced by an attribute, made where none has the key. Raises CatalogError."""
    result = list(mapping)
    for place, target in enumerate(mapping):
        if not target.startswith(NEW):
            continue
        kind, label = target.removeprefix(NEW), columns[place]
        row = (
            Attribute.objects.for_account(account_id)
            .filter(key=make_key(label), type=kind, archived_at=None)
            .first()
        )
        if row is None or f"{ATTRIBUTE}{row.pk}" in result:
            row = create_attribute(account_id, label=label[:100], type=kind, by=by, now=now)
        result[place] = f"{ATTRIBUTE}{row.pk}"
    return result


def find_sample_problem(target: str, cell: str, attributes: dict[int, Attribute]) -> str:
    """What is wrong with a sample under this target; empty when nothing is."""
    try:
        if target == Target.EMAIL:
            read_address(cell)
        elif target.startswith(ATTRIBUTE):
            parse_value(attributes[int(target.removeprefix(ATTRIBUTE))], cell)
        elif target.startswith(NEW):
            parse_value(Attribute(type=target.removeprefix(NEW)), cell)
    except (AddressError, ValueProblem) as problem:
        return str(problem)
    return ""


def is_address(text: str) -> bool:
    try:
        read_address(text)
    except AddressError:
        return False
    return True
