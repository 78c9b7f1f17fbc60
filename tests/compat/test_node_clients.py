"""The vendors' own Node clients against a running server: nothing but the base URL is changed. Needs `make setup` and Node."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from dynamail.consent.models import SuppressionReason
from dynamail.consent.suppressing import suppress_address
from dynamail.lib.clock import utc_now
from tests.compat.conftest import Live, Sent
from tests.compat.reading_back import add_template, files_of, people_of

FOLDER = Path(__file__).parents[1] / "interop" / "node"
PATIENCE_SECONDS = 60
LATER = (datetime.now(UTC) + timedelta(hours=2)).replace(microsecond=0)
PEOPLE = [("to", "Ann Lee", "ann@mail.example"), ("cc", "", "bob@mail.example")]
PDF = [("order.pdf", "application/pdf", "", b"%PDF-1.4")]

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not (FOLDER / "node_modules" / "postmark").is_dir(),
    reason="Node and its packages are not installed",
)


def run(script: str, live: Live, *arguments: str) -> Any:
    done = subprocess.run(
        ["node", script, live.url, live.key, *arguments],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def check_order(sent: Sent) -> None:
    """The email that every script sends first."""
    email, content = sent.email, sent.body.content
    assert (email.from_name, email.from_email, email.subject) == ("Acme", "hello@acme.example", "Your order")
    assert people_of(sent) == PEOPLE
    assert (content["html"], content["text"]) == ("<p>It is on its way.</p>", "It is on its way.")
    assert email.reply_to == ["help@acme.example"]
    assert content["headers"] == [["X-Shop", "17"]]
    assert files_of(sent) == PDF


def test_postmarks_client_sends_and_is_told_what_is_wrong(live: Live) -> None:
    add_template(live.shop, "welcome")
    suppress_address(
        live.shop.account.pk, "gone@mail.example", reason=SuppressionReason.MANUAL, now=utc_now()
    )
    told = run("send_postmark.cjs", live)
    first, second, third = live.sent
    check_order(first)
    assert (first.email.tags, first.email.metadata) == (["order"], {"order": "17"})
    assert (told["sent"]["ErrorCode"], UUID(told["sent"]["MessageID"])) == (0, first.email.id)
    assert [one["ErrorCode"] for one in told["batch"]] == [0, 300]
    assert told["batch"][0]["MessageID"] == str(second.email.id)
    assert (told["templates"][0]["ErrorCode"], third.email.subject) == (0, "Welcome, Ann")
    unverified, inactive, stranger = told["refused"]
    assert (unverified["name"], unverified["code"], unverified["status"]) == ("ApiInputError", 400, 422)
    assert (inactive["name"], inactive["recipients"]) == ("InactiveRecipientsError", ["gone@mail.example"])
    assert (stranger["name"], stranger["code"]) == ("InvalidAPIKeyError", 10)


def test_resends_client_sends_and_is_told_what_is_wrong(live: Live) -> None:
    told = run("send_resend.cjs", live)
    first, *others = live.sent
    check_order(first)
    assert (first.email.tags, first.email.metadata) == (["category:order"], {"category": "order"})
    assert told["sent"]["data"] == {"id": first.email.public_id}
    assert told["moved"]["data"] == {"object": "email", "id": first.email.public_id}
    assert (told["shown"]["data"]["last_event"], told["shown"]["data"]["subject"]) == (
        "scheduled",
        "Your order",
    )
    assert told["canceled"]["data"]["id"] == first.email.public_id
    assert not first.waiting
    assert {one["id"] for one in told["batch"]["data"]["data"]} == {one.email.public_id for one in others}
    assert [(error["statusCode"], error["name"]) for error in told["errors"]] == [
        (422, "validation_error"),
        (403, "validation_error"),
        (403, "invalid_api_key"),
    ]


def test_sendgrids_client_sends_and_is_told_what_is_wrong(live: Live) -> None:
    told = run("send_sendgrid.cjs", live, str(int(LATER.timestamp())))
    first, *others = live.sent
    check_order(first)
    assert (first.email.tags, first.email.metadata) == (["order"], {"order": "17"})
    assert {row.run_at for row in first.waiting} == {LATER}
    assert told["sent"] == {"status": 202, "id": first.email.public_id, "body": ""}
    assert told["each"] == 202
    assert {one.email.recipients[0]["email"] for one in others} == {"ann@mail.example", "bob@mail.example"}
    assert [len(one.email.recipients) for one in others] == [1, 1]
    unverified, stranger = told["refused"]
    assert (unverified["status"], unverified["errors"][0]["field"]) == (403, "from")
    assert stranger["status"] == 401


def test_mailguns_client_sends_and_is_told_what_is_wrong(live: Live) -> None:
    told = run("send_mailgun.cjs", live, format_datetime(LATER))
    first, *others = live.sent
    check_order(first)
    assert (first.email.tags, first.email.metadata) == (["order", "paid"], {"order": "17"})
    assert (first.email.track_opens, first.email.track_clicks) == (False, False)
    assert {row.run_at for row in first.waiting} == {LATER}
    assert told["sent"]["id"].startswith(f"<{first.email.id.hex}@")
    assert (told["each"]["status"], told["each"]["message"]) == (200, "Queued. Thank you.")
    assert sorted(one.email.subject for one in others) == ["Composed", "To Ann", "To Bob"]
    assert told["composed"]["status"] == 200
    assert [error["status"] for error in told["refused"]] == [400, 401]
    assert "acme.example" in told["refused"][0]["details"]
