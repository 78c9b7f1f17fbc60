"""The account's catalogue of attributes: what else is known about a contact besides name and address."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, connections, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from dynamail.accounts.audit import Actor, record_audit
from dynamail.contacts.models import Attribute
from dynamail.contacts.queries import SAMPLES, find_share

MAX_ATTRIBUTES = 200  # per account, archived ones included
MAX_CHOICES = 200
RESERVED_KEYS = frozenset(
    ("id", "email", "name", "first_name", "tags", "language", "state", "unsubscribe_url")
)

# Keys are what templates say, so they are ASCII; a transliteration keeps them readable.
_CYRILLIC = dict(
    zip(
        "абвгдеёжзійиклмнопрстуўфхцчшщъыьэюя",
        [
            "a",
            "b",
            "v",
            "g",
            "d",
            "e",
            "e",
            "zh",
            "z",
            "i",
            "j",
            "i",
            "k",
            "l",
            "m",
            "n",
            "o",
            "p",
            "r",
            "s",
            "t",
            "u",
            "u",
            "f",
            "h",
            "c",
            "ch",
            "sh",
            "sch",
            "-",
            "y",
            "-",
            "e",
            "yu",
            "ya",
        ],
        strict=True,
    )
)


class CatalogError(ValueError):
    """The change is not possible; the text says why and what to do."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def list_attributes(account_id: int, *, archived: bool = False) -> list[Attribute]:
    """In the order of the catalogue; `archived` lists the put-away ones instead."""
    rows = Attribute.objects.for_account(account_id).filter(archived_at__isnull=not archived)
    return list(rows.order_by("position", "pk"))


@transaction.atomic
def create_attribute(
    account_id: int,
    *,
    label: str,
    type: str = Attribute.Type.TEXT,
    key: str = "",
    choices: Sequence[str] = (),
    by: Actor,
    now: datetime,
) -> Attribute:
    """Add a field. Without a key one is made from the label. Raises CatalogError."""
    label = _check_label(label)
    rows = Attribute.objects.for_account(account_id)
    if rows.count() >= MAX_ATTRIBUTES:
        raise CatalogError(
            "too_many", _("An account has up to %(limit)s attributes.") % {"limit": MAX_ATTRIBUTES}
        )
    key = _check_key(key) if key else find_free_key(account_id, label)
    try:
        with transaction.atomic():
            attribute = Attribute.objects.add(
                account_id,
                key=key,
                number=(rows.aggregate(last=Max("number"))["last"] or 0) + 1,
                label=label,
                type=type,
                choices=clean_choices(type, choices),
                position=(rows.aggregate(last=Max("position"))["last"] or 0) + 1,
            )
    except IntegrityError:
        raise CatalogError(
            "key_taken", _("There is an attribute with the key “%(key)s” already.") % {"key": key}
        ) from None
    record_audit(account_id, by=by, action="attribute.created", subject=attribute, key=key, type=type)
    return attribute


@transaction.atomic
def change_attribute(
    attribute: Attribute, *, label: str, choices: Sequence[str], by: Actor, now: datetime
) -> None:
    """Rename an attribute or change its choices. Its key and type stay: contacts and templates rely on them."""
    attribute.label = _check_label(label)
    attribute.choices = clean_choices(attribute.type, choices)
    attribute.save(update_fields=["label", "choices"])
    record_audit(
        attribute.account_id, by=by, action="attribute.changed", subject=attribute, label=attribute.label
    )


@transaction.atomic
def archive_attribute(attribute: Attribute, *, by: Actor, now: datetime) -> None:
    """Put a field away: it is no longer offered, its values stay with the contacts."""
    if _set_archived(attribute, now):
        record_audit(attribute.account_id, by=by, action="attribute.archived", subject=attribute)


@transaction.atomic
def restore_attribute(attribute: Attribute, *, by: Actor, now: datetime) -> None:
    if _set_archived(attribute, None):
        record_audit(attribute.account_id, by=by, action="attribute.restored", subject=attribute)


@dataclass(frozen=True)
class Coverage:
    """How many contacts have a value, by attribute number, of how many. Of a large account, from a stable share of it."""

    filled: Mapping[int, int]
    contacts: int
    exact: bool

    def percent(self, number: int) -> int:
        """Rounded down, so that 100 means everybody and 0 may mean a few."""
        return self.filled.get(number, 0) * 100 // self.contacts if self.contacts else 0


def measure_coverage(account_id: int) -> Coverage:
    """In milliseconds."""
    share = find_share(account_id)
    parameters = {"account": account_id, "share": share}
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM contact WHERE account_id = %(account)s AND sample < %(share)s", parameters
        )
        looked = cursor.fetchone()[0]
        cursor.execute(
            "SELECT key::bigint, count(*) FROM contact, jsonb_object_keys(attributes) AS key "
            "WHERE account_id = %(account)s AND sample < %(share)s GROUP BY key",
            parameters,
        )
        found = cursor.fetchall()
    filled = {number: n * SAMPLES // share for number, n in found}
    return Coverage(filled, looked * SAMPLES // share, share == SAMPLES)


def find_free_key(account_id: int, label: str) -> str:
    """A key made of the label that no attribute of the account has."""
    stem = make_key(label)
    taken = set(
        Attribute.objects.for_account(account_id)
        .filter(key__startswith=stem[:50])
        .values_list("key", flat=True)
    )
    taken |= RESERVED_KEYS
    key, number = stem, 2
    while key in taken:
        key, number = f"{stem[:55]}_{number}", number + 1
    return key


def make_key(label: str) -> str:
    """`Дата рождения` → `data_rozhdeniya`: what a template can say."""
    letters = "".join(_CYRILLIC.get(letter, letter) for letter in label.lower())
    plain = unicodedata.normalize("NFKD", letters).encode("ascii", "ignore").decode()
    key = re.sub(r"[^a-z0-9]+", "_", plain.replace("-", "")).strip("_")[:55]
    return key if key and not key[0].isdigit() else f"field_{key}".rstrip("_")


def _set_archived(attribute: Attribute, moment: datetime | None) -> bool:
    rows = Attribute.objects.for_account(attribute.account_id).filter(pk=attribute.pk)
    changed = rows.filter(archived_at__isnull=moment is not None).update(archived_at=moment)
    attribute.archived_at = moment
    return bool(changed)


def _check_label(label: str) -> str:
    label = " ".join(label.replace("\x00", "").split())[:100]
    if not label:
        raise CatalogError("no_label", _("Give the attribute a name."))
    return label


def _check_key(key: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,59}", key):
        raise CatalogError(
            "bad_key",
            _("A key begins with a letter and has small Latin letters, digits and underscores only."),
        )
    if key in RESERVED_KEYS:
        raise CatalogError(
            "key_reserved", _("“%(key)s” is a field that each contact has already.") % {"key": key}
        )
    return key


def clean_choices(type: str, choices: Sequence[str]) -> list[str]:
    """The choices of an attribute of the type, once each; none for another type. Raises CatalogError."""
    if type != Attribute.Type.CHOICE:
        return []
    cleaned = list(dict.fromkeys(filter(None, (" ".join(choice.split())[:100] for choice in choices))))
    if not cleaned:
        raise CatalogError("no_choices", _("List at least one choice."))
    if len(cleaned) > MAX_CHOICES:
        raise CatalogError(
            "too_many_choices", _("An attribute has up to %(limit)s choices.") % {"limit": MAX_CHOICES}
        )
    return cleaned
