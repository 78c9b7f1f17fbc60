from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from dynamail.accounts.models import Account, AuditEntry, User
from dynamail.accounts.roles import Role
from dynamail.consent.models import Suppression
from dynamail.consent.suppressing import suppress_address
from dynamail.consent.suppression_list import SuppressionFilter, find_suppressions_of
from dynamail.contacts.importing_suppressions.running import run_suppression_import
from dynamail.contacts.models import ContactImport
from dynamail.contacts.suppressions_file import export_suppressions
from dynamail.feedback.models import FeedbackReport
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import new_id
from tests.contacts.files import reload
from tests.support.people import make_contact
from tests.support.personas import NOW, make_member, make_user

SignIn = Callable[[User], Client]
ANN = "ann@mail.example"
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def files_dir(settings: Any, tmp_path: Path) -> Path:
    settings.FILES_DIR = tmp_path / "files"
    return tmp_path / "files"


@pytest.fixture
def analyst(account: Account) -> User:
    user = make_user("dora@acme.example", name="Dora")
    make_member(account, user, Role.ANALYST)
    return user


def suppress(account: Account, email: str = ANN, **values: Any) -> Suppression:
    suppress_address(account.pk, email, **({"reason": "manual", "now": NOW} | values))
    return find_suppressions_of(account.pk, email)[-1]


def text_of(response: Any) -> str:
    return b"".join(response).decode() if response.streaming else response.content.decode()


def url_of(row: Suppression, name: str = "suppression") -> str:
    return reverse(name, args=[row.public_id])


# ── The list ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_an_empty_list_says_what_it_is_for(
    account: Account, bob: User, analyst: User, sign_in: SignIn
) -> None:
    page = text_of(sign_in(bob).get(reverse("suppressions")))
    assert "Nobody is suppressed" in page
    assert reverse("suppression_import_new") in page
    assert reverse("suppression_import_new") not in text_of(sign_in(analyst).get(reverse("suppressions")))


def test_the_list_is_searched_and_filtered_with_counts(account: Account, bob: User, sign_in: SignIn) -> None:
    suppress(account)
    suppress(account, "bob@post.example", reason="complaint", scope="marketing")
    suppress(account, "old@mail.example", now=NOW - 9 * DAY, expires_at=NOW - 8 * DAY)
    client, everybody = sign_in(bob), (ANN, "bob@post.example", "old@mail.example")
    for query, found in (
        ("", {ANN, "bob@post.example"}),
        ("?q=mail.exa", {ANN}),
        ("?q=BOB@post.example", {"bob@post.example"}),
        ("?reason=complaint", {"bob@post.example"}),
        ("?scope=all", {ANN}),
        ("?state=ended", {"old@mail.example"}),
        ("?state=any", set(everybody)),
        ("?reason=nonsense&after=nonsense&scope=%00", {ANN, "bob@post.example"}),
        ("?q=nobody%00", set()),
    ):
        page = text_of(client.get(reverse("suppressions") + query))
        assert {email for email in everybody if f">{email}<" in page} == found, query
    filters = dict(client.get(reverse("suppressions")).context["filters"])
    assert [(one.label, one.count) for one in filters["Reason"]] == [
        ("All", 2),
        ("Complained", 1),
        ("By hand", 1),
    ]
    assert [(one.label, one.count) for one in filters["State"]] == [("In force", 2), ("Ended", 1)]


def test_htmx_gets_the_list_alone_and_pages_follow(account: Account, bob: User, sign_in: SignIn) -> None:
    for number in range(60):
        suppress(account, f"p{number:02}@mail.example", now=NOW + timedelta(seconds=number))
    client = sign_in(bob)
    first = client.get(reverse("suppressions"), headers={"HX-Request": "true"})
    assert "<html" not in text_of(first)
    second = client.get(reverse("suppressions") + first.context["next_url"])
    seen = [line.row.email for page in (first, second) for line in page.context["lines"]]
    assert seen == [f"p{number:02}@mail.example" for number in reversed(range(60))]
    assert second.context["previous_url"]


def test_texts_from_outside_are_shown_as_text(account: Account, bob: User, sign_in: SignIn) -> None:
    row = suppress(account, detail="<script>alert(1)</script>")
    for url in (reverse("suppressions"), url_of(row)):
        page = text_of(sign_in(bob).get(url))
        assert "<script>alert(1)" not in page
        assert "&lt;script&gt;alert(1)" in page


def test_the_card_of_a_contact_leads_to_the_suppression(account: Account, bob: User, sign_in: SignIn) -> None:
    contact = make_contact(account, ANN)
    row = suppress(account, reason="unsubscribe", scope="marketing")
    page = text_of(sign_in(bob).get(reverse("contact", args=[contact.public_id])))
    assert url_of(row) in page


def test_an_erased_person_has_no_address(account: Account, bob: User, sign_in: SignIn) -> None:
    row = suppress(account, reason="erasure")
    Suppression.objects.for_account(account).update(email="")
    client = sign_in(bob)
    assert "erased" in text_of(client.get(reverse("suppressions")))
    page = text_of(client.get(url_of(row)))
    assert "never lifted" in page
    assert "Lift now" not in page
    client.post(url_of(row, "suppression_change"), {"act": "lift", "scope": "all", "confirmed": "erasure"})
    assert Suppression.objects.for_account(account).exists()


def test_the_source_is_told_and_linked(account: Account, alice: User, bob: User, sign_in: SignIn) -> None:
    message_id = new_id(NOW)
    report = FeedbackReport.objects.add(
        account, id=new_id(NOW), at=NOW, kind="bounce", source="smtp", message_id=message_id, recipient=ANN
    )
    suppress(account, reason="hard_bounce", source=("message", str(message_id)))
    for number, source in enumerate(
        (("message", str(uuid4())), ("import", "imp_x"), ("api", "key_x"), ("odd", "\x01"))
    ):
        suppress(account, f"p{number}@mail.example", source=source)
    page = text_of(sign_in(alice).get(reverse("suppressions")))
    assert reverse("feedback_report", args=[report.public_id]) in page
    assert reverse("feedback_report", args=[report.public_id]) not in text_of(
        sign_in(bob).get(reverse("suppressions"))
    ), "a marketer cannot open reports"


# ── Adding ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_addresses_are_added_by_hand(account: Account, bob: User, sign_in: SignIn) -> None:
    contact = make_contact(account, ANN)
    suppress(account, "old@mail.example", reason="complaint")
    data = {
        "addresses": "Ann <ANN@Mail.example>\r\nold@mail.example; ann@mail.example,\r\n\r\nанна@пример.бел",
        "reason": "manual",
        "scope": "all",
        "detail": "asked by phone",
        "until": f"{utc_now() + 30 * DAY:%Y-%m-%d}",
    }
    response = sign_in(bob).post(reverse("suppression_new"), data, follow=True)
    assert "2 addresses are suppressed now. 1 was before." in text_of(response)
    rows = {row.email: row for row in Suppression.objects.for_account(account)}
    assert len(rows) == 3
    assert (rows[ANN].reason, rows[ANN].detail, rows[ANN].source_kind) == ("manual", "asked by phone", "form")
    assert rows[ANN].expires_at > utc_now() + 29 * DAY
    assert rows["old@mail.example"].reason == "complaint"
    contact.refresh_from_db()
    assert contact.state == "suppressed"
    assert AuditEntry.objects.for_account(account).get(action="address.suppressed").actor_name == "Bob"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"addresses": ""}, "This field is required"),
        ({"addresses": " , ; "}, "Write at least one address"),
        ({"addresses": ",;"}, "Write at least one address"),
        ({"addresses": "broken, a@b, c d@e.example"}, "has no @ sign"),
        ({"addresses": "\n".join(["x"] * 9)}, "and 4 more"),
        (
            {"addresses": "\n".join(f"p{number}@mail.example" for number in range(1_001))},
            "import them as a file",
        ),
        ({"reason": "erasure"}, "erasure is not one of the available choices"),
        ({"scope": "nothing"}, "nothing is not one of the available choices"),
        ({"until": "2020-01-01"}, "Choose a day from today on"),
        ({"until": "9999-12-31"}, "Choose a day from today on"),
        ({"until": "soon"}, "Enter a valid date"),
        ({"detail": "x" * 501}, "at most 500 characters"),
    ],
)
def test_what_cannot_be_added_is_explained(
    account: Account, bob: User, sign_in: SignIn, changes: dict[str, str], told: str
) -> None:
    data = {"addresses": ANN, "reason": "manual", "scope": "all", **changes}
    response = sign_in(bob).post(reverse("suppression_new"), data)
    assert response.status_code == 422
    assert told in text_of(response)
    assert not Suppression.objects.for_account(account).exists()


# ── One address ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_our_own_suppression_is_lifted_at_once(account: Account, bob: User, sign_in: SignIn) -> None:
    contact, row = make_contact(account, ANN), suppress(account)
    client = sign_in(bob)
    assert reverse("contact", args=[contact.public_id]) in text_of(client.get(url_of(row)))
    response = client.post(url_of(row, "suppression_change"), {"act": "lift", "scope": "all"}, follow=True)
    assert "is possible again" in text_of(response)
    assert not Suppression.objects.for_account(account).exists()
    contact.refresh_from_db()
    assert contact.state == "active"


@pytest.mark.parametrize("reason", ["unsubscribe", "complaint"])
def test_a_persons_own_word_must_be_confirmed(
    account: Account, bob: User, sign_in: SignIn, reason: str
) -> None:
    row, client = suppress(account, reason=reason, scope="marketing"), sign_in(bob)
    assert "own word" in text_of(client.get(url_of(row)))
    url, data = url_of(row, "suppression_change"), {"act": "lift", "scope": "marketing"}
    for refused in (
        data,
        data | {"confirmed": "yes"},
        data | {"act": "end", "until": f"{utc_now() + DAY:%Y-%m-%d}"},
    ):
        response = client.post(url, refused)
        assert response.status_code == 422
        assert "confirm that they did" in text_of(response)
    assert Suppression.objects.for_account(account).get().expires_at is None
    assert client.post(url, data | {"confirmed": reason}).status_code == 302
    assert not Suppression.objects.for_account(account).exists()


def test_an_end_is_given_shown_as_it_was_typed_and_taken_away(
    account: Account, bob: User, sign_in: SignIn
) -> None:
    Account.objects.filter(pk=account.pk).update(timezone="Europe/Minsk")
    row, client = suppress(account), sign_in(bob)
    url, day = url_of(row, "suppression_change"), f"{utc_now() + 9 * DAY:%Y-%m-%d}"
    client.post(url, {"act": "end", "scope": "all", "until": day})
    row = Suppression.objects.for_account(account).get()
    assert row.expires_at is not None
    assert (row.expires_at.hour, row.expires_at.minute) == (21, 0), "midnight in Minsk"
    assert f'value="{day}"' in text_of(client.get(url_of(row)))
    client.post(url, {"act": "end", "scope": "all", "until": ""})
    assert Suppression.objects.for_account(account).get().expires_at is None
    assert client.post(url, {"act": "end", "scope": "all", "until": "2020-01-01"}).status_code == 422


def test_odd_requests_are_not_found(account: Account, bob: User, sign_in: SignIn) -> None:
    row, client = suppress(account), sign_in(bob)
    for data in ({}, {"act": "lift"}, {"act": "lift", "scope": "marketing"}, {"scope": "\x00"}):
        assert client.post(url_of(row, "suppression_change"), data).status_code == 404
    nobody = "sup_" + "0" * 26
    assert client.get(reverse("suppression", args=[nobody])).status_code == 404
    assert client.get(reverse("suppressions") + "sup_" + "z" * 26 + "/").status_code == 404


# ── Out and in again ─────────────────────────────────────────────────────────────────────────────────────────────────
def test_what_goes_out_as_a_file_comes_in_as_it_was(
    account: Account, bob: User, other_account: Account, charlie: User, sign_in: SignIn
) -> None:
    suppress(account, detail="=HYPERLINK(1)")
    suppress(account, "bob@mail.example", reason="unsubscribe", scope="marketing", now=NOW - 20 * DAY)
    suppress(account, "eve@mail.example", reason="hard_bounce", expires_at=NOW + 30_000 * DAY)
    suppress(account, "erased@mail.example", reason="erasure")
    client = sign_in(bob)
    text = text_of(client.get(reverse("suppressions_export")))
    lines = list(csv.reader(text.removeprefix("\ufeff").splitlines()))
    assert lines[0] == ["email", "reason", "scope", "since", "expires", "note"]
    assert len(lines) == 4
    assert "'=HYPERLINK(1)" in text
    assert AuditEntry.objects.for_account(account).filter(action="suppressions.exported").exists()
    only = text_of(client.get(reverse("suppressions_export") + "?reason=unsubscribe"))
    assert only.count("@") == 1

    upload(sign_in(charlie), text.encode(), "suppressions.csv")
    row = ContactImport.objects.for_account(other_account).get()
    sign_in(charlie).post(
        reverse("suppression_import_columns", args=[row.public_id]),
        {f"column_{place}": target for place, target in enumerate(row.mapping)}
        | {"reason": "manual", "scope": ""},
    )
    run_suppression_import(reload(row), now=NOW)
    again = "".join(export_suppressions(other_account.pk, SuppressionFilter(), now=NOW))
    assert sorted(again.splitlines()) == sorted(text.splitlines())


def upload(client: Client, data: bytes, name: str = "list.csv") -> Any:
    return client.post(reverse("suppression_import_new"), {"file": SimpleUploadedFile(name, data)})


def test_a_list_is_brought_in_step_by_step(account: Account, bob: User, sign_in: SignIn) -> None:
    client = sign_in(bob)
    response = upload(
        client,
        b"E-mail,Status,Since\nann@mail.example,cleaned,2021-03-04\nbroken,spam,\nx@y.example,active,\n",
    )
    row = ContactImport.objects.for_account(account).get()
    columns = reverse("suppression_import_columns", args=[row.public_id])
    assert response.url == columns
    page = text_of(client.get(columns))
    assert "cleaned → Bounced" in page
    assert "active → left alone" in page
    assert "has no @ sign" in page
    mapping = {f"column_{place}": target for place, target in enumerate(row.mapping)}
    assert "No column is the email" in text_of(
        client.post(reverse("suppression_import_preview", args=[row.public_id]), {"column_0": "note"})
    )
    refused = client.post(columns, mapping | {"column_0": "", "reason": "manual", "scope": ""})
    assert refused.status_code == 422
    assert "nothing can be suppressed" in text_of(refused)
    assert client.post(columns, mapping | {"reason": "erasure", "scope": ""}).status_code == 422
    assert client.post(columns, mapping | {"reason": "manual", "scope": ""}).status_code == 302

    progress = reverse("suppression_import", args=[row.public_id])
    assert "Waiting for its turn" in text_of(client.get(progress))
    assert client.get(columns).url == progress
    run_suppression_import(reload(row), now=NOW)
    changed = client.get(progress + "?state=running", headers={"HX-Request": "true"})
    assert (changed.status_code, changed.headers["HX-Refresh"]) == (204, "true")
    page = text_of(client.get(progress))
    assert "1 suppression is new" in page
    assert "has no @ sign" in page
    assert "broken" in text_of(client.get(reverse("suppression_import_rejects", args=[row.public_id])))
    listed = text_of(client.get(reverse("suppressions") + f"?import={row.public_id}"))
    assert ANN in listed
    assert progress in listed
    assert "list.csv" in text_of(client.get(reverse("suppression_import_new")))
    assert "list.csv" not in text_of(client.get(reverse("contact_imports")))
    assert client.get(reverse("contact_import", args=[row.public_id])).status_code == 404


@pytest.mark.parametrize("data", [b"", b"%PDF-1.4", b"email\n", b"PK\x03\x04junk"])
def test_a_file_that_is_no_list_is_refused_and_not_kept(
    account: Account, bob: User, sign_in: SignIn, files_dir: Path, data: bytes
) -> None:
    assert upload(sign_in(bob), data).status_code == 422
    assert not [path for path in files_dir.rglob("*") if path.is_file()]


def test_an_import_is_dropped_with_its_file_or_read_differently(
    account: Account, bob: User, sign_in: SignIn, files_dir: Path
) -> None:
    client = sign_in(bob)
    upload(client, b"email;x\nann@mail.example;y\n")
    row = ContactImport.objects.for_account(account).get()
    client.post(
        reverse("suppression_import_reading", args=[row.public_id]), {"encoding": "utf-8", "separator": ","}
    )
    row.refresh_from_db()
    assert row.columns == ["Column 1"]
    client.post(reverse("suppression_import_cancel", args=[row.public_id]))
    row.refresh_from_db()
    assert row.state == "canceled"
    assert not [path for path in files_dir.rglob("*") if path.is_file()]
    assert client.get(reverse("suppression_import", args=[row.public_id])).status_code == 200


# ── Who may ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.promise("P5.2")
def test_a_stranger_finds_nothing(
    account: Account, bob: User, other_account: Account, charlie: User, sign_in: SignIn
) -> None:
    row, client = suppress(account), sign_in(charlie)
    upload(sign_in(bob), b"email\nann@mail.example\n")
    brought = ContactImport.objects.for_account(account).get()
    assert ANN not in text_of(client.get(reverse("suppressions")))
    assert ANN not in text_of(client.get(reverse("suppressions_export")))
    assert client.get(url_of(row)).status_code == 404
    assert client.post(url_of(row, "suppression_change"), {"act": "lift", "scope": "all"}).status_code == 404
    for name in ("", "_columns", "_rejects"):
        assert client.get(reverse(f"suppression_import{name}", args=[brought.public_id])).status_code == 404
    for name in ("_columns", "_preview", "_reading", "_cancel"):
        assert client.post(reverse(f"suppression_import{name}", args=[brought.public_id])).status_code == 404


def test_an_analyst_may_look_only(account: Account, analyst: User, sign_in: SignIn) -> None:
    row, client = suppress(account), sign_in(analyst)
    assert client.get(reverse("suppressions")).status_code == 200
    page = text_of(client.get(url_of(row)))
    assert "Lift now" not in page
    assert client.post(url_of(row, "suppression_change"), {"act": "lift", "scope": "all"}).status_code == 403
    for name in ("suppression_new", "suppression_import_new", "suppressions_export"):
        assert client.get(reverse(name)).status_code == 403
