"""Making and changing an account's templates. A template that does not compile yet can be saved: it is work in progress."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from dynamail.accounts.audit import Actor, record_audit
from dynamail.accounts.models import Account
from dynamail.content.models import Template
from dynamail.lib.ids import new_id

TEMPLATE_FIELDS = ("name", "kind", "subject", "preheader", "source")


class ContentConflict(Exception):
    """Somebody else saved this template in the meantime; nothing was overwritten."""

    code = "content_conflict"

    def __init__(self, *, saved_version: int) -> None:
        sentence = _(
            "Somebody else saved this template in the meantime. Your text is still here; compare and save again."
        )
        super().__init__(sentence)
        self.saved_version = saved_version


@transaction.atomic
def create_template(
    account: Account | int, *, name: str, by: Actor, now: datetime, **values: Any
) -> Template:
    """A template with any of TEMPLATE_FIELDS already filled in."""
    _check_fields(values)
    template = Template.objects.add(
        account, uid=new_id(now), name=name, created_at=now, updated_at=now, **values
    )
    record_audit(template.account_id, by=by, action="template.created", subject=template)
    return template


@transaction.atomic
def save_template(
    template: Template, *, by: Actor, now: datetime, version: int | None = None, **values: Any
) -> Template:
    """Write the given fields if nobody was faster. Raises ContentConflict; `version` None skips the check."""
    _check_fields(values)
    rows = Template.objects.for_account(template.account_id).filter(pk=template.pk)
    claim = rows if version is None else rows.filter(version=version)
    if not claim.update(**values, version=F("version") + 1, updated_at=now):
        raise ContentConflict(saved_version=rows.get().version)
    saved = rows.get()
    if "name" in values and values["name"] != template.name:
        record_audit(template.account_id, by=by, action="template.renamed", subject=saved, name=saved.name)
    return saved


@transaction.atomic
def duplicate_template(template: Template, *, name: str, by: Actor, now: datetime) -> Template:
    values = {field: getattr(template, field) for field in TEMPLATE_FIELDS if field != "name"}
    copy = Template.objects.add(
        template.account_id, uid=new_id(now), name=name, created_at=now, updated_at=now, **values
    )
    record_audit(
        template.account_id, by=by, action="template.duplicated", subject=copy, source=template.public_id
    )
    return copy


@transaction.atomic
def archive_template(template: Template, *, by: Actor, now: datetime) -> None:
    """Out of the list, not gone: campaigns made from it keep it readable. Archiving twice does nothing."""
    rows = Template.objects.for_account(template.account_id).filter(pk=template.pk, archived_at=None)
    if rows.update(archived_at=now, updated_at=now):
        record_audit(template.account_id, by=by, action="template.archived", subject=template)


@transaction.atomic
def restore_template(template: Template, *, by: Actor, now: datetime) -> None:
    """Back into the list."""
    rows = Template.objects.for_account(template.account_id).filter(pk=template.pk, archived_at__isnull=False)
    if rows.update(archived_at=None, updated_at=now):
        record_audit(template.account_id, by=by, action="template.restored", subject=template)


def _check_fields(values: dict[str, Any]) -> None:
    if unknown := values.keys() - set(TEMPLATE_FIELDS):
        raise TypeError(f"not a field of a template: {', '.join(sorted(unknown))}")
