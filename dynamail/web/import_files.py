"""What the pages of both kinds of import, contacts and suppressions, have in common."""

from __future__ import annotations

from typing import Any

from django.http import Http404, StreamingHttpResponse

from dynamail.contacts.importing.encodings import ENCODINGS
from dynamail.contacts.importing.rejects import export_rejects
from dynamail.contacts.importing.sniffing import SEPARATORS
from dynamail.contacts.models import ContactImport
from dynamail.lib.ids import UnknownId
from dynamail.web.access import PageRequest
from dynamail.web.forms.imports import ReadingForm


def get_import(request: PageRequest, import_id: str, subject: ContactImport.Subject) -> ContactImport:
    """The account's import of this kind. Raises Http404."""
    rows = ContactImport.objects.for_account(request.account).filter(subject=subject)
    try:
        found: ContactImport = rows.select_related("work", "created_by").get(
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


def answer_rejects(row: ContactImport) -> StreamingHttpResponse:
    """The rejected rows as a file, streamed."""
    response = StreamingHttpResponse(export_rejects(row), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="rejected-{row.public_id}.csv"'
    return response
