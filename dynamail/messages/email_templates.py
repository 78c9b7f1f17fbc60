"""Templates of single emails: found by id or name, compiled once a version, filled with data."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from uuid import UUID

from django.utils import translation

from dynamail.content.compiling import CompiledEmail, EmailSource, Kind, Stream, compile_email
from dynamail.content.programs import Resolver
from dynamail.lib.asking import Ask, Told
from dynamail.lib.sql import load_sql
from dynamail.messages.one_time import Rendered

MOST_CACHED = 256  # templates of all accounts, in this process


@dataclass(slots=True)
class KnownTemplate:
    """A template as it was at a version, with what it compiles to per stream and language."""

    uid: UUID
    version: int
    source: EmailSource
    compiled: dict[tuple[Stream, str], CompiledEmail] = field(default_factory=dict)

    def compile(self, stream: Stream, language: str) -> CompiledEmail:
        """Raises ContentError."""
        found = self.compiled.get((stream, language))
        if found is None:
            one = self.source
            source = EmailSource(one.kind, one.body, one.subject, one.preheader, one.text, stream)
            with translation.override(language or "en"):
                found = self.compiled[stream, language] = compile_email(source)
        return found


@dataclass(frozen=True, slots=True)
class FoundTemplate:
    """What a name or an id leads to. `template` is None when it is archived."""

    uid: UUID
    name: str
    template: KnownTemplate | None


class TemplateShelf:
    """The templates that were used lately, the longest unused leave first."""

    def __init__(self, most: int = MOST_CACHED) -> None:
        self._most = most
        self._known: OrderedDict[tuple[int, UUID], KnownTemplate] = OrderedDict()
        self._lock = Lock()

    def list_known(self, account_id: int) -> dict[UUID, KnownTemplate]:
        with self._lock:
            return {uid: one for (owner, uid), one in self._known.items() if owner == account_id}

    def put(self, account_id: int, template: KnownTemplate) -> None:
        with self._lock:
            self._known[account_id, template.uid] = template
            self._known.move_to_end((account_id, template.uid))
            while len(self._known) > self._most:
                self._known.popitem(last=False)


SHELF = TemplateShelf()


def ask_for_templates(
    account_id: int, uids: Iterable[UUID], names: Iterable[str], known: Mapping[UUID, KnownTemplate]
) -> Ask:
    """The sources of those whose version is in `known` do not travel. For `read_templates`."""
    parameters = {
        "account_id": account_id,
        "uids": sorted(uids),
        "names": sorted(names),
        "known_uids": list(known),
        "known_versions": [one.version for one in known.values()],
    }
    return Ask(load_sql("messages", "find_templates"), parameters)


def read_templates(account_id: int, told: Told, known: Mapping[UUID, KnownTemplate]) -> list[FoundTemplate]:
    """All that any of the ids and names leads to, archived ones included."""
    found = []
    for uid, name, version, archived, kind, subject, preheader, body in told.rows:
        if kind is None:
            template = known[uid]
        else:
            template = KnownTemplate(uid, version, EmailSource(Kind(kind), body, subject, preheader))
        SHELF.put(account_id, template)
        found.append(FoundTemplate(uid, name, None if archived else template))
    return found


def render_email(
    compiled: CompiledEmail, context: Mapping[str, Any], resolver: Resolver, *, subject: str = ""
) -> Rendered:
    """The content in final words; `subject` replaces the template's. Raises ContentError."""
    title = subject or " ".join(compiled.subject.render(context, resolver).split())
    html = compiled.html.render(context, resolver) if compiled.html else ""
    return Rendered(title, html, compiled.text.render(context, resolver))
