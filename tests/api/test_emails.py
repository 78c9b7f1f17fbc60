from __future__ import annotations

from typing import Any

import pytest

from dynamail.messages.models import Email, Outbox
from tests.api.conftest import Shop, body_of
from tests.support.sending_domains import add_verified_domain

PATH = "/api/v1/emails"
BATCH = f"{PATH}/batch"


@pytest.fixture(autouse=True)
def domain(shop: Shop) -> None:
    add_verified_domain(shop.account, with_keys=False)


def email(**values: Any) -> dict[str, Any]:
    return {
        "from": "Acme <hello@acme.example>",
        "to": "ann@example.com",
        "subject": "Your order",
        "text": "It is on its way.",
        **values,
    }


def kept(shop: Shop) -> list[Email]:
    return list(Email.objects.for_account(shop.account).order_by("id"))


# ── One email ────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_an_email_is_kept_before_it_is_answered(shop: Shop) -> None:
    taken = body_of(shop.ask("POST", PATH, email()), 202)
    (row,) = kept(shop)
    assert taken["id"] == row.public_id
    assert taken["state"] == "queued"
    (recipient,) = taken["recipients"]
    assert (recipient["email"], recipient["kind"]) == ("ann@example.com", "to")
    assert Outbox.objects.for_account(shop.account).get().email_id == row.id
