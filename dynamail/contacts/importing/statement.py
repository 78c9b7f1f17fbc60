"""What a member decides about an import besides the mapping: tags, what wins, and the statement of consent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from dynamail.conditions.tree import Finding
from dynamail.consent.models import LawfulBasis

MAX_STATEMENT_LENGTH = 2_000
# A message to a domain without mail can only bounce, and bounces harm the sender. The other findings are often right people: the
# office of a small company reads info@.
LEFT_OUT_AT_FIRST = (Finding.NO_MAIL_SERVER.value,)


class Merging(models.TextChoices):
    """What happens to a contact that exists already. Empty cells never clear a value."""

    FILE_WINS = "file_wins", _("Replace what is known by what the file says")
    FILL_EMPTY = "fill_empty", _("Fill empty fields only")


@dataclass(frozen=True)
class Statement:
    """The account states that these people agreed to hear about a topic: since when, on what basis, in which words."""

    topic_id: int
    basis: str = LawfulBasis.CONSENT
    since: date | None = None
    text: str = ""


@dataclass(frozen=True)
class Options:
    """Everything a run needs besides file and mapping. Without a statement nobody is subscribed to anything."""

    has_header: bool = True
    merging: str = Merging.FILE_WINS
    tags: Sequence[str] = ()  # names, for everybody in the file; made when the import starts
    statement: Statement | None = None
    leave_out: Sequence[str] = ()  # findings that keep a row out; the others are marks

    def to_json(self) -> dict[str, Any]:
        statement = self.statement and {
            "topic_id": self.statement.topic_id,
            "basis": str(self.statement.basis),
            "since": self.statement.since.isoformat() if self.statement.since else None,
            "text": self.statement.text,
        }
        return {
            "has_header": self.has_header,
            "merging": str(self.merging),
            "tags": list(self.tags),
            "statement": statement,
            "leave_out": list(self.leave_out),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Options:
        return cls(
            has_header=data.get("has_header", True),
            merging=data.get("merging", Merging.FILE_WINS),
            tags=tuple(data.get("tags", ())),
            statement=_read_statement(data.get("statement")),
            leave_out=tuple(data.get("leave_out", ())),
        )


def _read_statement(data: Mapping[str, Any] | None) -> Statement | None:
    if not data:
        return None
    since = date.fromisoformat(data["since"]) if data.get("since") else None
    return Statement(data["topic_id"], data["basis"], since, data["text"])
