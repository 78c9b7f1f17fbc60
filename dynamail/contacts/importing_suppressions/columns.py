"""Which column is what, and what holds for rows that do not say it themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dynamail.consent.models import SuppressionReason, SuppressionScope
from dynamail.consent.suppression_list import STATED_REASONS
from dynamail.contacts.importing.mapping import (
    HEADERS_OF_EMAIL,
    IGNORE,
    fold,
    is_address,
)
from dynamail.contacts.importing.problems import ImportProblem
from dynamail.contacts.importing_suppressions.words import read_reason


class Target(models.TextChoices):
    """What a column of such a file can be."""

    EMAIL = "email", gettext_lazy("Email")
    REASON = "reason", gettext_lazy("Reason")
    SCOPE = "scope", gettext_lazy("What is not sent")
    SINCE = "since", gettext_lazy("Since when")
    EXPIRES = "expires", gettext_lazy("Until when")
    NOTE = "note", gettext_lazy("Note")


REPEATABLE = {Target.NOTE.value, IGNORE}

_HEADERS: dict[Target, str] = {
    Target.EMAIL: f"{HEADERS_OF_EMAIL} address recipient rcptto rcpt destination контакт адрес адрас",
    Target.REASON: "reason status state suppressionreason suppressionstatus bouncetype type kind category dncreason blockedreason "
    "emailstatus subscriptionstatus emailmarketingconsent class code причина статус состояние тип прычына стан тып",
    Target.SCOPE: "scope stream whatisnotsent область ахоп",
    Target.SINCE: "since at date time timestamp created createdat createdon dateadded datecreated added addedat lastupdatetime lastupdated "
    "updated updatedat unsubtime unsubscribedat unsubscribedate unsubscribedon unsubscribetime cleantime cleanedat bouncedat bouncedon "
    "blockedat complainedat suppressedat changed changedat changedon statusdate statuschanged statuschangedat modified modifiedat "
    "eventtime eventdate suppressiontimestamp suppressiondate optouttime lastchanged lastmodified datemodified дата датадобавления "
    "датаотписки дадададзена датаадпіскі",
    Target.EXPIRES: "expires expiresat expiry expiration until keepuntil ends endsat действуетдо до да",
    Target.NOTE: "note notes comment comments detail details description error message unsubreason unsubreasonother errormessage "
    "diagnosticcode bouncereason примечание комментарий заметка заўвага каментар",
}
_BY_HEADER = {word: target for target, words in _HEADERS.items() for word in words.split()}

# What files of one reason are called, and the columns that only they have.
_FILE_WORDS: tuple[tuple[str, str], ...] = (
    ("unsub", SuppressionReason.UNSUBSCRIBE),
    ("optout", SuppressionReason.UNSUBSCRIBE),
    ("отпис", SuppressionReason.UNSUBSCRIBE),
    ("адпіс", SuppressionReason.UNSUBSCRIBE),
    ("spam", SuppressionReason.COMPLAINT),
    ("complain", SuppressionReason.COMPLAINT),
    ("abuse", SuppressionReason.COMPLAINT),
    ("жалоб", SuppressionReason.COMPLAINT),
    ("скарг", SuppressionReason.COMPLAINT),
    ("bounce", SuppressionReason.HARD_BOUNCE),
    ("clean", SuppressionReason.HARD_BOUNCE),
    ("invalid", SuppressionReason.HARD_BOUNCE),
)


@dataclass(frozen=True)
class Defaults:
    """What is meant by a row whose reason or scope is missing or unknown. An empty scope is the usual one of the reason."""

    reason: str = SuppressionReason.MANUAL.value
    scope: str = ""
    has_header: bool = True

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Defaults:
        data = data or {}
        reason = str(data.get("reason", SuppressionReason.MANUAL.value))
        if reason not in STATED_REASONS:
            reason = SuppressionReason.MANUAL.value
        scope = str(data.get("scope", ""))
        return cls(
            reason, scope if scope in SuppressionScope.values else "", bool(data.get("has_header", True))
        )


def guess_targets(columns: Sequence[str], samples: Sequence[Sequence[str]]) -> list[str]:
    """A first mapping for the member to correct."""
    values = [[row[place] if place < len(row) else "" for row in samples] for place in range(len(columns))]
    mapping = [str(_BY_HEADER.get(fold(header), IGNORE)) for header in columns]
    _keep_one(mapping, Target.REASON, values, _count_words, loser=Target.NOTE.value)
    for target in (Target.EMAIL, Target.SCOPE, Target.SINCE, Target.EXPIRES):
        rate = _count_addresses if target == Target.EMAIL else _count_filled
        _keep_one(mapping, target, values, rate, loser=IGNORE)
    if Target.EMAIL not in mapping:
        _find_email(mapping, values)
    return mapping


def guess_reason(file_name: str, columns: Sequence[str]) -> str:
    """What all rows of a file have in common, by its name and its columns; `manual` when neither tells."""
    name = fold(file_name)
    headers = " ".join(fold(column) for column in columns)
    for texts in (name, headers):
        for word, reason in _FILE_WORDS:
            if word in texts:
                return str(reason)
    return SuppressionReason.MANUAL.value


def check_targets(mapping: Sequence[str], columns: Sequence[str]) -> None:
    """Raises ImportProblem when the mapping cannot be worked with."""
    if len(mapping) != len(columns) or not set(mapping) <= {IGNORE, *Target.values}:
        raise ImportProblem("mapping", _("The mapping does not fit the file. Open the import again."))
    if Target.EMAIL not in mapping:
        raise ImportProblem(
            "no_email",
            _("Choose the column that holds the email address: without it nothing can be suppressed."),
        )
    for target in set(mapping) - REPEATABLE:
        if mapping.count(target) > 1:
            twice = ", ".join(columns[place] for place, one in enumerate(mapping) if one == target)
            raise ImportProblem(
                "twice", _("Two columns go to the same field: %(columns)s.") % {"columns": twice}
            )


def _keep_one(
    mapping: list[str], target: Target, values: Sequence[Sequence[str]], rate: Any, *, loser: str
) -> None:
    """Of several columns with such a header, the one whose cells fit best."""
    places = [place for place, one in enumerate(mapping) if one == target]
    if len(places) > 1:
        best = max(places, key=lambda place: (rate(values[place]), -place))
        for place in places:
            if place != best:
                mapping[place] = loser


def _find_email(mapping: list[str], values: Sequence[Sequence[str]]) -> None:
    counts = [_count_addresses(cells) for cells in values]
    if counts and max(counts) > 0:
        mapping[counts.index(max(counts))] = Target.EMAIL.value


def _count_words(cells: Sequence[str]) -> int:
    return sum(1 for cell in cells if read_reason(cell) is not None)


def _count_addresses(cells: Sequence[str]) -> int:
    return sum(map(is_address, cells))


def _count_filled(cells: Sequence[str]) -> int:
    return sum(map(bool, cells))
