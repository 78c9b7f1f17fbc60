"""What the pages of all imports have in common."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, StreamingHttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy

from dynamail.conditions.tree import Finding
from dynamail.contacts.importing.counting import Counts
from dynamail.contacts.importing.encodings import ENCODINGS
from dynamail.contacts.importing.rejects import export_rejects
from dynamail.contacts.importing.sniffing import SEPARATORS
from dynamail.contacts.importing.statement import Options
from dynamail.contacts.models import ContactImport
from dynamail.lib.ids import UnknownId
from dynamail.web.access import PageRequest
from dynamail.web.forms.imports import ReadingForm


def get_import(request: PageRequest, import_id: str, subject: ContactImport.Subject) -> ContactImport:
    """The account's import of this kind. Raises Http404."""
    rows = ContactImport.objects.for_account(request.account).filter(subject=subject)
    try:
        found: ContactImport = rows.select_related("work", "created_by", "import_source").get(
            uid=ContactImport.uid_from(import_id)
        )
    except (UnknownId, ContactImport.DoesNotExist):
        raise Http404 from None
    return found


def describe_reading(row: ContactImport, *, has_header: bool) -> dict[str, Any]:
    """How the file is read, for the form that changes it; a workbook leaves no choice."""
    if row.format == "xlsx":
        return {}
    initial = {"encoding": row.encoding, "separator": row.separator, "has_header": has_header}
    return {
        "reading": ReadingForm(initial=initial),
        "encoding_name": ENCODINGS.get(row.encoding, row.encoding),
        "separator_name": SEPARATORS.get(row.separator, row.separator),
    }


@dataclass(frozen=True)
class FindingLine:
    """How many people of a file have something noticed about their address, and what becomes of them."""

    finding: str
    label: str
    text: str
    count: int
    is_left_out: bool
    people_url: str  # the new people among the contacts


FINDING_WORDS = {
    Finding.NO_MAIL_SERVER: (
        gettext_lazy("Domain without a mail server"),
        gettext_lazy("A message to it would bounce."),
    ),
    Finding.TYPO: (
        gettext_lazy("Mistyped domain"),
        gettext_lazy("The CSV file says which provider was probably meant."),
    ),
    Finding.DISPOSABLE: (
        gettext_lazy("Disposable mailbox"),
        gettext_lazy("Made for one sign-up and left again."),
    ),
    Finding.ROLE: (
        gettext_lazy("Desk instead of a person"),
        gettext_lazy("Such as info@: several people may read it, and none of them may have agreed."),
    ),
}


def list_findings(row: ContactImport, counts: Counts, options: Options) -> list[FindingLine]:
    """What was noticed at all, the surest first."""
    lines = [
        FindingLine(
            finding.value,
            str(label),
            str(text),
            getattr(counts, finding.value),
            finding.value in options.leave_out,
            _find_people(row, finding),
        )
        for finding, (label, text) in FINDING_WORDS.items()
    ]
    return [line for line in lines if line.count]


def _find_people(row: ContactImport, finding: Finding) -> str:
    condition = json.dumps({"kind": "address", "finding": finding.value})
    return f"{reverse('contacts')}?{urlencode({'import': row.public_id, 'condition': condition})}"


def answer_rejects(row: ContactImport) -> StreamingHttpResponse:
    """The rejected rows as a file, streamed."""
    return answer_csv(export_rejects(row), f"rejected-{row.public_id}.csv")


def answer_csv(lines: Iterator[str], name: str) -> StreamingHttpResponse:
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
