"""The policies: published from our own text files, versioned, never changed afterwards (promises P9.1, P9.2)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max

from dynamail.privacy.models import PolicyDocument

DOCUMENTS = Path(__file__).resolve().parent / "documents"
LANGUAGES = ("en", "ru", "be")
PUBLISHING_LOCK = 7_301_001  # advisory lock: two processes that start at once publish one version


@dataclass(frozen=True)
class PolicyText:
    """A policy in one language, as it would be published here."""

    title: str
    body: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(f"{self.title}\n\n{self.body}".encode()).hexdigest()


def load_policy_texts(kind: str) -> dict[str, PolicyText]:
    """The shipped text by language, with this installation's operator and place."""
    return {language: _read_text(DOCUMENTS / f"{kind}.{language}.txt") for language in LANGUAGES}


@transaction.atomic
def publish_policy(kind: str, texts: Mapping[str, PolicyText], *, now: datetime) -> int:
    """Put the next version in force in all its languages at once. Returns its number."""
    _lock_publishing()
    newest = PolicyDocument.objects.filter(kind=kind).aggregate(newest=Max("version"))["newest"] or 0
    PolicyDocument.objects.bulk_create(
        PolicyDocument(
            kind=kind,
            language=language,
            version=newest + 1,
            title=text.title,
            body=text.body,
            sha256=text.sha256,
            created_at=now,
            published_at=now,
        )
        for language, text in texts.items()
    )
    return newest + 1


@transaction.atomic
def ensure_policies(*, now: datetime) -> list[str]:
    """Publish what is shipped but not in force: everything at first, later what changed. Returns the kinds published."""
    _lock_publishing()
    published = []
    for kind in PolicyDocument.Kind.values:
        texts = load_policy_texts(kind)
        if _hashes_in_force(kind) != {language: text.sha256 for language, text in texts.items()}:
            publish_policy(kind, texts, now=now)
            published.append(kind)
    return published


def list_versions(kind: str, *, language: str) -> list[PolicyDocument]:
    """Every published version, the newest first, each in the language if it has it, else in English."""
    rows = PolicyDocument.objects.filter(kind=kind, published_at__isnull=False).order_by("-version")
    by_version: dict[int, dict[str, PolicyDocument]] = {}
    for row in rows:
        by_version.setdefault(row.version, {})[row.language] = row
    return [
        languages.get(language) or languages.get("en") or next(iter(languages.values()))
        for languages in by_version.values()
    ]


def _hashes_in_force(kind: str) -> dict[str, str]:
    rows = PolicyDocument.objects.filter(kind=kind, published_at__isnull=False)
    newest = rows.aggregate(newest=Max("version"))["newest"]
    return dict(rows.filter(version=newest).values_list("language", "sha256"))


def _read_text(path: Path) -> PolicyText:
    written = path.read_text(encoding="utf-8")
    for name, value in (("operator", settings.OPERATOR_NAME), ("place", settings.OPERATOR_PLACE)):
        written = written.replace("{" + name + "}", value)
    title, _, body = written.partition("\n\n")
    return PolicyText(title=title.strip(), body=body.strip() + "\n")


def _lock_publishing() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [PUBLISHING_LOCK])
