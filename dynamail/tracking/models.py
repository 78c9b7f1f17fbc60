from __future__ import annotations

from django.db import models

from dynamail.accounts.tenancy import DataPlaneModel
from dynamail.lib.personal_data import Retention, annotated, operational


@annotated(
    operational(
        "account_id", "source_id", "number", "url", "label", "is_dynamic", retention=Retention.MESSAGE_LOG
    )
)
class Link(DataPlaneModel):
    """A link of a campaign's frozen content: where number n leads. A click token names it; the address is never in the token."""

    pk = models.CompositePrimaryKey("account_id", "source_id", "number")
    source_id = models.UUIDField()
    number = models.SmallIntegerField()
    url = models.TextField()
    label = models.CharField(max_length=200, default="", blank=True)
    is_dynamic = models.BooleanField(default=False)

    class Meta(DataPlaneModel.Meta):
        db_table = "link"
