"""Privacy annotations: what every stored column is, whose it is, why we keep it and for how long (promise P2.4).

A model declares its columns with `@annotated(...)`; `privacy/` reads the registry for export, erasure, retention and the
record of processing. A column without an annotation fails the suite.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Category(StrEnum):
    OPERATIONAL = "operational"  # says nothing about a person
    IDENTIFIER = "identifier"  # names a person: email, name, phone
    PROFILE = "profile"  # what is known about a person: attributes, tags
    CONSENT = "consent"  # what a person allowed or refused
    BEHAVIOR = "behavior"  # what a person did: opened, clicked
    CONTENT = "content"  # what was written to a person
    TECHNICAL = "technical"  # IP, browser, device, OS: functioning and security only (P2.1)
    CREDENTIAL = "credential"  # hashes and sealed secrets


class Subject(StrEnum):
    NOBODY = "nobody"
    USER = "user"
    CONTACT = "contact"


class Purpose(StrEnum):
    """The closed list of P3.1 and P3.2; nothing is stored for another reason."""

    ACCESS = "access"  # providing the service, signing in
    CAMPAIGNS = "campaigns"
    AUTOMATION = "automation"
    SEGMENTATION = "segmentation"
    TRANSACTIONAL = "transactional"
    SUPPORT = "support"
    SECURITY = "security"
    QUALITY = "quality"  # aggregate performance and delivery stability
    LAW = "law"  # proof of consent, policy acceptance, audit


class Retention(StrEnum):
    """How long; the periods in days are `RETENTION_DAYS`."""

    WHILE_ACCOUNT_EXISTS = "while the account exists"
    WHILE_SUBJECT_EXISTS = "until the person is erased"
    TECHNICAL = "IP truncated after 7 days, row deleted after 90"
    MESSAGE_LOG = "13 months"
    MESSAGE_BODY = "30 days"
    CAMPAIGN_BODY = "7 days"
    UNCONFIRMED = "14 days"
    ONE_DAY = "a day"
    REQUEST_BODY = "30 days after the request"
    REPORT = "14 days after it came in"
    PROOF = "3 years after it ended"
    AUDIT = "3 years"


RETENTION_DAYS: dict[Retention, int | None] = {
    Retention.WHILE_ACCOUNT_EXISTS: None,
    Retention.WHILE_SUBJECT_EXISTS: None,
    Retention.TECHNICAL: 90,
    Retention.MESSAGE_LOG: 396,
    Retention.MESSAGE_BODY: 30,
    Retention.CAMPAIGN_BODY: 7,
    Retention.UNCONFIRMED: 14,
    Retention.ONE_DAY: 1,
    Retention.REQUEST_BODY: 30,
    Retention.REPORT: 14,
    Retention.PROOF: 1096,
    Retention.AUDIT: 1096,
}


class Erase(StrEnum):
    NOTHING = "nothing to erase"
    DELETE_ROW = "the row is deleted"
    CLEAR = "the column is emptied"
    KEEP_HASH = "only a keyed hash stays"
    KEEP_PROOF = "stays as proof, without the person's address"


@dataclass(frozen=True)
class Annotation:
    """One column's answer to: what, whose, why, how long, how erased, is it handed out on request."""

    category: Category
    subject: Subject
    purpose: Purpose
    retention: Retention
    erase: Erase
    export: bool


@dataclass(frozen=True)
class Declared:
    """Columns that share one annotation."""

    columns: tuple[str, ...]
    annotation: Annotation


REGISTRY: dict[str, dict[str, Annotation]] = {}  # table → column → annotation


def operational(
    *columns: str,
    purpose: Purpose = Purpose.ACCESS,
    retention: Retention = Retention.WHILE_ACCOUNT_EXISTS,
) -> Declared:
    """Columns that say nothing about a person."""
    return Declared(
        columns,
        Annotation(Category.OPERATIONAL, Subject.NOBODY, purpose, retention, Erase.NOTHING, export=False),
    )


def personal(
    *columns: str,
    category: Category,
    subject: Subject,
    purpose: Purpose,
    retention: Retention = Retention.WHILE_SUBJECT_EXISTS,
    erase: Erase = Erase.DELETE_ROW,
    export: bool = True,
) -> Declared:
    """Columns about a person."""
    return Declared(columns, Annotation(category, subject, purpose, retention, erase, export))


def annotated(*declared: Declared) -> Callable[[Any], Any]:
    """Class decorator of a model: records the annotations of its columns under its table name."""

    def register(model: Any) -> Any:
        columns: dict[str, Annotation] = {}
        for group in declared:
            for column in group.columns:
                if column in columns:
                    raise ValueError(f"{model.__name__}.{column} is annotated twice")
                columns[column] = group.annotation
        REGISTRY[model._meta.db_table] = columns
        return model

    return register
