from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _

from dynamail.accounts.tenancy import account_scope
from dynamail.contacts.exporting import BOM, write_rows
from dynamail.contacts.models import ContactImport, ImportReject

BLOCK = 2_000


def export_rejects(row: ContactImport) -> Iterator[str]:
    """Rejected rows as CSV: the columns of the file as they were, then the row's number and what is wrong with it."""
    columns = row.columns
    yield BOM
    yield from write_rows([[*columns, _("Row"), _("Problem")]])
    after = 0
    while True:
        with account_scope(row.account_id):
            rejects = list(
                ImportReject.objects.for_account(row.account_id)
                .filter(import_id=row.pk, row__gt=after)
                .order_by("row")[:BLOCK]
            )
        if not rejects:
            return
        yield "".join(write_rows(_line(reject, len(columns)) for reject in rejects))
        after = rejects[-1].row


def _line(reject: ImportReject, width: int) -> list[str]:
    cells = list(reject.cells)
    if len(cells) > width:  # surplus cells stay together in the last column, so that nothing is lost
        cells = [*cells[: width - 1], " | ".join(cells[width - 1 :])] if width else []
    return [*cells, *[""] * (width - len(cells)), str(reject.row), reject.reason]
