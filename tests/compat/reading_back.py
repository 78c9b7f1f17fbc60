"""What a kept email says, and what it needs to be there."""

from __future__ import annotations

from uuid import UUID

from dynamail.content.blobs import read_blob
from dynamail.content.models import Template
from dynamail.lib.clock import utc_now
from tests.api.conftest import Shop
from tests.compat.conftest import Sent


def files_of(sent: Sent) -> list[tuple[str, str, str, bytes | None]]:
    """Names, types, content ids and octets."""
    return [
        (
            one["filename"],
            one["content_type"],
            one["content_id"],
            read_blob(sent.email.account_id, UUID(one["blob"])),
        )
        for one in sent.body.content["attachments"]
    ]


def people_of(sent: Sent) -> list[tuple[str, str, str]]:
    """Kinds, names and addresses."""
    return [(one["kind"], one["name"], one["email"]) for one in sent.email.recipients]


def add_template(shop: Shop, name: str) -> None:
    """One that greets `name`."""
    Template.objects.add(
        shop.account,
        name=name,
        kind="text",
        subject="Welcome, {{ name }}",
        source="Hello {{ name }}",
        updated_at=utc_now(),
    )
