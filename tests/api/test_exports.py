"""Exports through the API."""

from __future__ import annotations

import csv
import io
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob

from dynamail.accounts.api_keys import Scope
from dynamail.accounts.models import AuditEntry, BackgroundWork
from dynamail.contacts.catalog import create_attribute
from dynamail.contacts.models import Contact
from dynamail.lib.clock import utc_now
from dynamail.segments.exporting import remove_old_exports, run_export
from tests.api.conftest import Shop, body_of, problem_of
from tests.support.single_mail import Copy, add_email

PATH = "/api/v1/exports"


@pytest.fixture(autouse=True)
def files(settings: Any, tmp_path: Path) -> Path:
    settings.FILES_DIR = tmp_path
    return tmp_path


@pytest.fixture
def filled(shop: Shop) -> Shop:
    create_attribute(shop.account.pk, label="City", by=None, now=utc_now())
    for name, city in (("ann", "Minsk"), ("bob", "Grodno"), ("eve", "=cmd|'x'")):
        body = {"email": f"{name}@mail.example", "attributes": {"city": city}, "tags": ["a", "b"]}
        body_of(shop.ask("POST", "/api/v1/contacts", body), 201)
    return shop


def start(shop: Shop, **body: Any) -> dict[str, Any]:
    started: dict[str, Any] = body_of(shop.ask("POST", PATH, body), 202)
    return started


def run(shop: Shop) -> None:
    """What a worker does with the task."""
    job = ProcrastinateJob.objects.filter(task_name="segments.run_export").latest("id")
    assert job.args["account_id"] == shop.account.pk
    work = BackgroundWork.objects.for_account(shop.account).get(pk=job.args["work_id"])
    run_export(work, now=utc_now())


def rows_of(shop: Shop, export: dict[str, Any]) -> list[list[str]]:
    answer = shop.ask("GET", f"{PATH}/{export['id']}/content")
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"].startswith("attachment")
    return list(csv.reader(io.StringIO(answer.body.decode(), newline="")))


def test_contacts_are_exported_with_the_columns_asked_for(filled: Shop) -> None:
    Contact.objects.for_account(filled.account).filter(email__startswith="bob").update(state="restricted")
    export = start(filled, columns=["email", "attributes.city", "tags"])
    assert (export["state"], export["what"]) == ("queued", "contacts")
    assert problem_of(filled.ask("GET", f"{PATH}/{export['id']}/content"), 409)["code"] == "not_finished"
    run(filled)
    done = body_of(filled.ask("GET", f"{PATH}/{export['id']}"))
    assert (done["state"], done["rows"], done["problem"]) == ("finished", 2, "")
    assert done["expires_at"] > done["finished_at"]
    rows = rows_of(filled, export)
    assert rows[0] == ["Email", "City", "Tags"]
    assert sorted(rows[1:]) == [
        ["ann@mail.example", "Minsk", "a, b"],
        ["eve@mail.example", "'=cmd|'x'", "a, b"],
    ]
    assert body_of(filled.ask("GET", PATH))["data"] == [done]
    actions = AuditEntry.objects.for_account(filled.account).filter(action__contains="export").order_by("pk")
    assert [(one.action, one.actor_kind) for one in actions] == [
        ("contacts.exported", "api_key"),
        ("export.fetched", "api_key"),
    ]


def test_an_export_is_narrowed_by_condition_or_segment(filled: Shop) -> None:
    condition = {"kind": "attribute", "attribute": "city", "op": "equals", "value": "Minsk"}
    body = {"name": "Minsk", "definition": condition}
    segment = body_of(filled.ask("POST", "/api/v1/segments", body), 201)
    for narrowing in ({"condition": condition}, {"segment": segment["id"]}):
        export = start(filled, columns=["email"], **narrowing)
        run(filled)
        assert rows_of(filled, export) == [["Email"], ["ann@mail.example"]]


def test_without_columns_all_are_written(filled: Shop) -> None:
    export = start(filled)
    run(filled)
    header = rows_of(filled, export)[0]
    assert header[:3] == ["Email", "Name", "Language"]
    assert "City" in header


def test_suppressions_are_exported(filled: Shop) -> None:
    body = {"email": "x@mail.example", "reason": "manual"}
    body_of(filled.ask("POST", "/api/v1/suppressions", body), 201)
    export = start(filled, what="suppressions")
    run(filled)
    rows = rows_of(filled, export)
    assert [row[:2] for row in rows[1:]] == [["x@mail.example", "manual"]]
    reader = filled.make_key(Scope.READ_CONTACTS)
    for method, path, said in (
        ("POST", PATH, {"what": "suppressions"}),
        ("GET", f"{PATH}/{export['id']}/content", None),
    ):
        assert "suppressions.read" in problem_of(filled.ask(method, path, said, key=reader), 403)["detail"]


def test_the_log_of_emails_is_exported_with_its_filters(shop: Shop) -> None:
    now = utc_now()
    for name, state in (("ann", "delivered"), ("bob", "bounced")):
        add_email(shop.account.pk, Copy(f"{name}@mail.example", state), at=now)
    filters = {"state": "bounced", "recipient": "bob", "since": (now - timedelta(days=1)).isoformat()}
    export = start(shop, what="emails", filters=filters)
    run(shop)
    head, *rows = rows_of(shop, export)
    assert head[:4] == ["Email", "Message", "Accepted at", "Recipient"]
    assert [row[3] for row in rows] == ["bob@mail.example"]
    entry = AuditEntry.objects.for_account(shop.account).get(action="emails.exported")
    assert (entry.data["filters"]["state"], entry.data["filters"]["recipient"]) == ("bounced", "…")
    reader = shop.make_key(Scope.READ_CONTACTS)
    for method, path, said in (
        ("POST", PATH, {"what": "emails"}),
        ("GET", f"{PATH}/{export['id']}/content", None),
    ):
        assert "messages.read" in problem_of(shop.ask(method, path, said, key=reader), 403)["detail"]


def test_a_condition_that_lost_its_subject_fails_the_export(filled: Shop) -> None:
    body = {"name": "x", "definition": {"all": []}}
    segment = body_of(filled.ask("POST", "/api/v1/segments", body), 201)
    export = start(filled, segment=segment["id"])
    work = BackgroundWork.objects.for_account(filled.account).get()
    work.result["wanted"]["condition"]["segment"] = "seg_" + "0" * 26
    work.save(update_fields=["result"])
    run(filled)
    done = body_of(filled.ask("GET", f"{PATH}/{export['id']}"))
    assert done["state"] == "failed"
    assert done["problem"]
    problem_of(filled.ask("GET", f"{PATH}/{export['id']}/content"), 404)


def test_files_go_after_a_week(filled: Shop, files: Path) -> None:
    export = start(filled)
    run(filled)
    (file,) = files.glob("*/exports/*")
    assert file.stat().st_mode & 0o077 == 0
    assert remove_old_exports(utc_now()) == 0
    old = (utc_now() - timedelta(days=8)).timestamp()
    os.utime(file, (old, old))
    assert remove_old_exports(utc_now()) == 1
    assert problem_of(filled.ask("GET", f"{PATH}/{export['id']}/content"), 404)


def test_what_cannot_be_exported_is_named(filled: Shop) -> None:
    for body, field in (
        ({"what": "secrets"}, "what"),
        ({"columns": ["email", "colour"]}, "columns[1]"),
        ({"filters": {"state": "bounced"}}, "filters"),
        ({"what": "emails", "columns": ["email"]}, "columns"),
        ({"what": "emails", "filters": {"state": "gone"}}, "filters.state"),
        ({"segment": "seg_x"}, "segment"),
        ({"condition": {"kind": "moon"}}, "condition/kind"),
        ({"segment": "seg_x", "condition": {"all": []}}, "segment"),
        ({"what": "suppressions", "columns": ["email"]}, "columns"),
    ):
        assert problem_of(filled.ask("POST", PATH, body), 422)["errors"][0]["field"] == field
    problem_of(filled.ask("GET", f"{PATH}?after=x"), 422)
    assert not BackgroundWork.objects.for_account(filled.account).exists()


@pytest.mark.promise("P5.2")
def test_another_accounts_exports_are_not_there(shops: tuple[Shop, Shop]) -> None:
    alice, charlie = shops
    export = start(alice)
    run(alice)
    assert body_of(charlie.ask("GET", PATH))["data"] == []
    for tail in ("", "/content"):
        problem_of(charlie.ask("GET", f"{PATH}/{export['id']}{tail}"), 404)
        problem_of(
            charlie.ask("GET", f"{PATH}/{export['id']}{tail}", key=alice.make_key(Scope.WRITE_CONTACTS)), 403
        )
