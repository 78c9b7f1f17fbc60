"""The source editor that campaigns and templates share: saving what is typed, saying what is wrong with it, showing it.

What is typed is saved a second after the last key; nothing is rendered that is not saved, so the preview is an address. A save
names what its author last saw (`seen`): where somebody else was faster, nothing is overwritten and nothing is lost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from dynamail.campaigns.previewing import render_copy
from dynamail.contacts.catalog import list_attributes
from dynamail.content.checking import find_unknown_variables
from dynamail.content.compiling import CompiledEmail, EmailSource, compile_email
from dynamail.content.preview import Rendered, preview_document, render_email
from dynamail.content.problems import ContentError, Problem, Severity, Where

PREVIEW_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'"
)
SHOWN_SEVERITY = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "info"}


@dataclass(frozen=True)
class Variable:
    """What may stand in `{{ … }}`."""

    path: str
    label: str

    @property
    def snippet(self) -> str:
        """Ready to be pasted."""
        default = (
            ' | default: ""' if self.path.startswith("contact.") and self.path != "contact.email" else ""
        )
        return f"{{{{ {self.path}{default} }}}}"


@dataclass(frozen=True)
class Diagnostic:
    """A problem of the body as the editor shows it."""

    line: int
    column: int
    message: str
    severity: str


@dataclass(frozen=True)
class Look:
    """How a preview is asked for, in its address."""

    dark: bool = False
    as_text: bool = False

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Look:
        return cls(dark=query.get("dark") == "1", as_text=query.get("part") == "text")


@dataclass(frozen=True)
class Checked:
    """What the checker says about a source."""

    diagnostics: list[Diagnostic]  # in the body
    others: list[Problem]  # in the subject, the text part, or nowhere in particular
    compiled: CompiledEmail | None

    @property
    def size_bytes(self) -> int:
        if self.compiled is None:
            return 0
        return (self.compiled.html or self.compiled.text).static_size


def fingerprint(*texts: str) -> str:
    """What an editor has seen, in few characters."""
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def list_variables(account_id: int) -> list[Variable]:
    """For completion in the editor and the hints beside the subject."""
    standard = [
        Variable("contact.first_name", _("First name")),
        Variable("contact.last_name", _("Last name")),
        Variable("contact.name", _("Whole name")),
        Variable("contact.email", _("Email")),
    ]
    own = [Variable(f"contact.{one.key}", one.label) for one in list_attributes(account_id)]
    rest = [
        Variable("account.name", _("Company")),
        Variable("account.postal_address", _("Postal address")),
        Variable("campaign.name", _("Name of the campaign")),
        Variable("unsubscribe_url", _("Unsubscribe")),
        Variable("preferences_url", _("Preferences")),
        Variable("view_url", _("Web version")),
    ]
    return [*standard, *own, *rest]


def check_source(source: EmailSource, account_id: int) -> Checked:
    """Compile and say what is wrong, with places."""
    compiled: CompiledEmail | None = None
    problems: list[Problem] = []
    if source.body.strip():
        try:
            compiled = compile_email(source)
            keys = [one.key for one in list_attributes(account_id)]
            problems = [*compiled.problems, *find_unknown_variables(source, keys)]
        except ContentError as error:
            problems = error.problems
    return Checked(_to_diagnostics(problems), [one for one in problems if not _is_placed(one)], compiled)


def _is_placed(problem: Problem) -> bool:
    return problem.where is Where.BODY and problem.line > 0


def _to_diagnostics(problems: Iterable[Problem]) -> list[Diagnostic]:
    return [
        Diagnostic(
            one.line, one.column, f"{one.sentence} {one.suggestion}".strip(), SHOWN_SEVERITY[one.severity]
        )
        for one in problems
        if _is_placed(one)
    ]


def show_preview(request: Any, source: EmailSource, context: dict[str, Any]) -> HttpResponse:
    """The document for the frame: a page of its own, which may load nothing and run nothing."""
    look = Look.read(request.GET)
    try:
        document = render_document(source, context, look)
    except ContentError as error:
        document = explain_problems(error.problems, dark=look.dark)
    return send_document(document)


def render_document(source: EmailSource, context: dict[str, Any], look: Look) -> str:
    """Raises ContentError."""
    if not source.body.strip():
        return render_to_string("templates/nothing_document.html", {"dark": look.dark})
    rendered = render_email(compile_email(source), context)
    if look.as_text:
        rendered = Rendered(rendered.subject, None, rendered.text)
    return preview_document(rendered, dark=look.dark)


def explain_problems(problems: Sequence[Problem], *, dark: bool = False) -> str:
    return render_to_string("templates/problem_document.html", {"problems": problems[:10], "dark": dark})


def send_document(document: str) -> HttpResponse:
    response = HttpResponse(document)
    response["Content-Security-Policy"] = PREVIEW_POLICY
    response["Cache-Control"] = "private, no-cache"
    return response


def render_subject(compiled: CompiledEmail | None, context: dict[str, Any]) -> str:
    """The subject of one copy, empty while the content does not compile."""
    if compiled is None:
        return ""
    try:
        return render_copy(compiled, context, own_pages="#").subject
    except ContentError:
        return ""


def show_result(
    request: Any,
    *,
    state: str,
    seen: str,
    version: int,
    checked: Checked | None,
    at: datetime,
    sentence: str = "",
    status: int = 200,
) -> HttpResponse:
    """The part under the editor after a save: `state` is saved, conflict (somebody was faster) or refused (`sentence` says why)."""
    context = {
        "state": state,
        "seen": seen,
        "version": version,
        "checked": checked,
        "saved_at": at,
        "sentence": sentence,
    }
    return render(request, "templates/_editor_result.html", context, status=status)
