from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dynamail.accounts.api_keys import Scope
from dynamail.accounts.models import Account, IdempotencyKey
from dynamail.api import taking
from dynamail.api.app import create_api
from dynamail.api.taking import Intake
from dynamail.content.models import Template
from dynamail.events.log import record_event
from dynamail.lib.asking import Ask
from dynamail.lib.clock import utc_now
from dynamail.messages import emails
from dynamail.messages.models import Email, EmailBody, Message, Outbox
from dynamail.messages.showing import show_content
from dynamail.tracking.pool import make_pool
from tests.api.conftest import FreshConnections, Shop, body_of, problem_of
from tests.support.asgi import Answer, call
from tests.support.database_text import find_everywhere
from tests.support.sending_domains import add_verified_domain
from tests.support.single_mail import Copy, add_email

PATH = "/api/v1/emails"
BATCH = f"{PATH}/batch"
SECRET = "48151623"


@pytest.fixture(autouse=True)
def domain(shops: tuple[Shop, Shop]) -> None:
    for shop in shops:
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


def send(shop: Shop, **values: Any) -> dict[str, Any]:
    taken: dict[str, Any] = body_of(shop.ask("POST", PATH, email(**values)), 202)
    return taken


def ask_at_once(
    shop: Shop, requests: Sequence[tuple[dict[str, Any], dict[str, str]]], *apps: Any
) -> list[Answer]:
    """All requests on one event loop, taking turns at the applications."""
    key = shop.key

    def headers(more: dict[str, str], raw: bytes) -> dict[str, str]:
        return {
            "content-length": str(len(raw)),
            "content-type": "application/json",
            "authorization": f"Bearer {key}",
            **more,
        }

    doors = apps or (shop.app,)
    bodies = [(json.dumps(body).encode(), more) for body, more in requests]

    async def ask() -> list[Answer]:
        return await asyncio.gather(
            *(
                call(doors[place % len(doors)], "POST", PATH, headers(more, raw), raw)
                for place, (raw, more) in enumerate(bodies)
            )
        )

    answers: list[Answer] = async_to_sync(ask)()
    return answers


# ── One email ────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_an_email_is_kept_before_it_is_answered(shop: Shop) -> None:
    taken = send(shop)
    (row,) = kept(shop)
    assert taken["id"] == row.public_id
    assert taken["state"] == "queued"
    assert taken["at"].endswith("Z")
    assert taken["send_at"] == taken["at"]
    (recipient,) = taken["recipients"]
    assert recipient.pop("id").startswith("msg_")
    assert recipient == {"email": "ann@example.com", "kind": "to"}
    assert Outbox.objects.for_account(shop.account).get().email_id == row.id
    assert row.api_key_id is not None


def test_addresses_come_in_every_usual_form(shop: Shop) -> None:
    send(
        shop,
        **{
            "from": {"email": "hello@acme.example", "name": 'Acme "Inc" \\ Co'},
            "to": ["Ann Lee <ann@example.com>", {"email": "bo@example.com", "name": "Bo, Jr."}],
            "cc": {"email": "cy@example.com"},
            "bcc": ["dora@example.com"],
            "reply_to": [{"email": "help@acme.example", "name": "Help"}, "x@acme.example"],
        },
    )
    (row,) = kept(shop)
    assert row.from_name == 'Acme "Inc" \\ Co'
    assert [(one["email"], one["name"], one["kind"]) for one in row.recipients] == [
        ("ann@example.com", "Ann Lee", "to"),
        ("bo@example.com", "Bo, Jr.", "to"),
        ("cy@example.com", "", "cc"),
        ("dora@example.com", "", "bcc"),
    ]
    assert row.reply_to == ["Help <help@acme.example>", "x@acme.example"]


def test_a_scheduled_email_says_when(shop: Shop) -> None:
    at = (utc_now() + timedelta(days=2)).replace(microsecond=0)
    taken = send(shop, send_at=at.isoformat())
    assert (taken["state"], taken["send_at"]) == ("scheduled", at.isoformat().replace("+00:00", "Z"))


def test_files_come_in_base_64(shop: Shop) -> None:
    content = base64.encodebytes(b"\x00\xff" * 60).decode()
    send(shop, attachments=[{"filename": "a.bin", "content": content}])
    (file,) = EmailBody.objects.for_account(shop.account).get().content["attachments"]
    assert (file["filename"], file["size"]) == ("a.bin", 120)


def test_an_email_of_25_mb_of_files_is_taken(shop: Shop) -> None:
    content = base64.b64encode(bytes(25 * 2**20)).decode()
    send(shop, attachments=[{"filename": "a.bin", "content": content}])


FAULTS: list[tuple[dict[str, Any], str, str]] = [
    ({"to": "nonsense"}, "no_at", "to[0]"),
    ({"to": ["ann@example.com", {"email": "b@", "name": "Bo"}]}, "missing_domain", "to[1]"),
    ({"to": {"email": "a@b.example", "nmae": "Ann"}}, "invalid", "to.nmae"),
    ({"to": 7}, "invalid", "to"),
    ({"to": []}, "no_recipient", "to"),
    ({"from": ""}, "empty", "from"),
    ({"from": "x@other.example"}, "sender_unverified", "from"),
    ({"subject": "a\r\nBcc: x@y.example"}, "bad_header", "subject"),
    ({"headers": {"Bcc": "x@y.example"}}, "header_not_allowed", "headers.Bcc"),
    ({"headers": {"X-A": "1\n2"}}, "bad_header", "headers.X-A"),
    ({"send_at": "tomorrow"}, "invalid", "send_at"),
    ({"send_at": "2026-01-01T10:00:00"}, "invalid", "send_at"),
    ({"send_at": "2100-01-01T10:00:00Z"}, "too_far_ahead", "send_at"),
    ({"template": {}}, "invalid", "template"),
    ({"template": {"id": "tpl_x", "name": "x"}}, "invalid", "template"),
    ({"attachments": [{"filename": "a", "content": "###"}]}, "invalid", "attachments[0].content"),
    ({"attachments": [{"filename": "a"}]}, "content_missing", "attachments[0].content"),
    ({"metadata": {"a": 1}}, "invalid", "metadata.a"),
    ({"tags": ["x" * 101]}, "bad_tag", "tags[0]"),
    ({"tpye": 1}, "invalid", "tpye"),
]


def test_what_is_wrong_is_named_by_field_alone_and_in_a_batch(shop: Shop) -> None:
    for change, code, field in FAULTS:
        problem = problem_of(shop.ask("POST", PATH, email(**change)), 422)
        assert (problem["code"], problem["errors"][0]["field"]) == (code, field)
    wrong = [email(**change) for change, _code, _field in FAULTS]
    answer = body_of(shop.ask("POST", BATCH, {"emails": [email(), *wrong, email()]}))
    assert (answer["accepted"], answer["refused"]) == (2, len(FAULTS))
    assert [one["result"] for one in answer["results"]] == [
        "accepted",
        *["refused"] * len(FAULTS),
        "accepted",
    ]
    told = [(one["code"], one["errors"][0]["field"]) for one in answer["results"][1:-1]]
    assert told == [(code, field) for _change, code, field in FAULTS]
    assert len(kept(shop)) == 2


def test_several_faults_are_one_refusal_that_names_them_all(shop: Shop) -> None:
    problem = problem_of(shop.ask("POST", PATH, email(to="a", subject="")), 422)
    assert problem["code"] == "invalid"
    assert [one["field"] for one in problem["errors"]] == ["subject", "to[0]"]


def test_an_account_that_is_stopped_sends_nothing(shop: Shop) -> None:
    Account.objects.filter(pk=shop.account.pk).update(state=Account.State.SUSPENDED)
    assert problem_of(shop.ask("POST", PATH, email()), 403)["code"] == "account_stopped"


def test_sending_needs_its_scope_and_a_key(shop: Shop) -> None:
    narrow = shop.make_key(Scope.READ_MESSAGES)
    assert problem_of(shop.ask("POST", PATH, email(), key=narrow), 403)["code"] == "missing_scope"
    assert problem_of(shop.ask("POST", PATH, email(), key=""), 401)["code"] == "unauthenticated"
    assert problem_of(shop.ask("POST", BATCH, [email()], key=narrow), 403)["code"] == "missing_scope"
    assert problem_of(shop.ask("GET", PATH, key=shop.make_key(Scope.SEND_MESSAGES)), 403)
    assert kept(shop) == []


# ── Batches ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_batch_may_be_a_bare_array(shop: Shop) -> None:
    answer = body_of(shop.ask("POST", BATCH, [email(to=f"p{n}@example.com") for n in range(500)]))
    assert answer["accepted"] == 500
    ids = [one["id"] for one in answer["results"]]
    rows = {row.public_id: row.recipients[0]["email"] for row in kept(shop)}
    assert [rows[one] for one in ids] == [f"p{n}@example.com" for n in range(500)]


def test_a_batch_has_1_to_500_emails(shop: Shop) -> None:
    for body in ([], {"emails": []}, [{}] * 501, {"emails": 1}, 7, {"email": []}):
        problem_of(shop.ask("POST", BATCH, body), 422)


def test_an_item_that_is_no_email_is_refused_in_its_place(shop: Shop) -> None:
    answer = body_of(shop.ask("POST", BATCH, [7, None, email(), {"from": "x"}]))
    assert [one["result"] for one in answer["results"]] == ["refused", "refused", "accepted", "refused"]


# ── One-time values ──────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "value",
    [
        {"value": SECRET, "persistent": False, "z": 1},
        {"persistent": False},
        {"persistent": True, "note": SECRET},
        {"value": SECRET, "persistent": "false"},
    ],
)
def test_a_slip_in_a_one_time_value_is_refused_by_its_place(shop: Shop, value: dict[str, object]) -> None:
    data = {"who": "Ann", "codes": [{"code": value}]}
    problem = problem_of(shop.ask("POST", PATH, email(template={"name": "Code"}, data=data)), 422)
    (error,) = problem["errors"]
    assert error["field"] == "data.codes[0].code"
    assert "“value” and “persistent”" in error["message"]
    assert SECRET not in json.dumps(problem)


def test_a_slip_beside_data_nested_too_deep_is_refused_as_well(shop: Shop) -> None:
    deep: object = 1
    for _level in range(500):
        deep = [deep]
    problem = problem_of(
        shop.ask("POST", PATH, email(data={"a": {"persistent": 1}, "b": deep}, template={"name": "x"})), 422
    )
    assert problem["errors"][0]["field"] == "data.a"


def test_a_one_time_value_is_found_nowhere_afterwards(shop: Shop) -> None:
    Template.objects.add(
        shop.account,
        name="Code",
        kind="html",
        subject="{{ codes[0].code }}",
        source="<p>{{ codes[0].code }} {{ who }}</p>",
        updated_at=utc_now(),
    )
    codes = [{"code": {"value": SECRET, "persistent": False}}]
    data = {"codes": codes, "who": {"value": "Ann", "persistent": True}}
    values = {"template": {"name": "Code"}, "data": data, "text": "", "subject": ""}
    key = {"idempotency-key": "code-1"}
    taken = body_of(shop.ask("POST", PATH, email(**values), headers=key), 202)
    assert body_of(shop.ask("POST", PATH, email(**values), headers=key), 202) == taken
    problem_of(shop.ask("POST", PATH, email(**values, tags=["x" * 101])), 422)
    content = body_of(shop.ask("GET", f"{PATH}/{taken['id']}/content"))
    assert content["subject"] == "[one-time value]"
    assert "<p>[one-time value] Ann</p>" in content["html"]
    assert SECRET not in json.dumps(body_of(shop.ask("GET", f"{PATH}/{taken['id']}")))
    assert find_everywhere(SECRET) == []
    problem = problem_of(shop.ask("POST", f"{PATH}/{taken['id']}/resend"), 409)
    assert problem["code"] == "had_one_time_values"


# ── The same request again ───────────────────────────────────────────────────────────────────────────────────────────
def test_the_same_request_with_the_same_key_is_one_email(shop: Shop) -> None:
    key = {"idempotency-key": "order-17"}
    first = shop.ask("POST", PATH, email(), headers=key)
    again = shop.ask("POST", PATH, email(), headers=key)
    assert first.body == again.body
    assert (first.status, again.status) == (202, 202)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    other = problem_of(shop.ask("POST", PATH, email(subject="Else"), headers=key), 409)
    assert other["code"] == "idempotency_conflict"
    assert problem_of(shop.ask("POST", BATCH, [email()], headers=key), 409)["code"] == "idempotency_conflict"
    assert len(kept(shop)) == 1


def test_what_was_tried_with_a_test_key_is_still_to_be_done_with_a_live_one(shop: Shop) -> None:
    header = {"idempotency-key": "order-17"}
    test_key = shop.make_key(Scope.SEND_MESSAGES, Scope.WRITE_TOPICS, is_test=True)
    tried = [shop.ask("POST", PATH, email(), key=test_key, headers=header) for _time in range(2)]
    done = [shop.ask("POST", PATH, email(), headers=header) for _time in range(2)]
    assert (tried[0].body, done[0].body) == (tried[1].body, done[1].body)
    assert tried[0].body != done[0].body
    assert sorted(Email.objects.for_account(shop.account).values_list("is_test", flat=True)) == [False, True]
    topic = {"name": "News"}
    body_of(shop.ask("POST", "/api/v1/topics", topic, key=test_key, headers={"idempotency-key": "t"}), 201)
    problem = problem_of(shop.ask("POST", "/api/v1/topics", topic, headers={"idempotency-key": "t"}), 422)
    assert problem["code"] != "idempotency_conflict"


def test_a_misuse_of_a_key_beside_it_keeps_no_request_from_its_old_answer(shop: Shop) -> None:
    key = {"idempotency-key": "order-17"}
    first = shop.ask("POST", PATH, email(), headers=key)
    misuse, again = ask_at_once(shop, [(email(subject="Else"), key), (email(), key)])
    assert (misuse.status, again.status) == (409, 202)
    assert again.body == first.body
    assert len(kept(shop)) == 1


def test_a_refused_request_may_be_corrected_under_its_key(shop: Shop) -> None:
    key = {"idempotency-key": "order-17"}
    problem_of(shop.ask("POST", PATH, email(to="x"), headers=key), 422)
    assert not IdempotencyKey.objects.for_account(shop.account).exists()
    body_of(shop.ask("POST", PATH, email(), headers=key), 202)


def test_a_batch_is_repeated_with_its_results(shop: Shop) -> None:
    key = {"idempotency-key": "batch-1"}
    batch = [email(), email(to="x")]
    first = body_of(shop.ask("POST", BATCH, batch, headers=key))
    assert body_of(shop.ask("POST", BATCH, batch, headers=key)) == first
    assert (first["accepted"], len(kept(shop))) == (1, 1)


def test_a_malformed_key_is_refused(shop: Shop) -> None:
    problem = problem_of(shop.ask("POST", PATH, email(), headers={"idempotency-key": "x" * 257}), 400)
    assert problem["code"] == "bad_idempotency_key"


def test_a_thousand_requests_with_one_key_at_once_are_one_email(shop: Shop) -> None:
    doors: Any = FreshConnections(connection_dsn())
    second = create_api(make_pool("postgresql://nobody@127.0.0.1:1/none"), doors)
    key = {"idempotency-key": "order-17"}
    answers = ask_at_once(shop, [(email(), key)] * 1_000, shop.app, second)
    assert {answer.status for answer in answers} == {202}
    assert len({answer.body for answer in answers}) == 1
    assert len(kept(shop)) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1


def connection_dsn() -> str:
    parameters = connection.get_connection_params()
    names = ("dbname", "host", "port", "user", "password")
    return psycopg.conninfo.make_conninfo(
        **{name: parameters[name] for name in names if parameters.get(name)}
    )


# ── Together ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_requests_that_wait_share_a_transaction_and_a_bad_one_hurts_nobody(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits: list[int] = []
    transact = Intake._transact

    async def count(self: Intake, account_id: int, orders: Any) -> Any:
        commits.append(len(orders))
        return await transact(self, account_id, orders)

    monkeypatch.setattr(Intake, "_transact", count)
    bodies = [email(to="nonsense" if n == 50 else f"p{n}@example.com") for n in range(100)]
    answers = ask_at_once(shop, [(body, {}) for body in bodies])
    assert [n for n, answer in enumerate(answers) if answer.status != 202] == [50]
    assert answers[50].status == 422
    assert len(kept(shop)) == 99
    assert sum(commits) == 100
    assert len(commits) < 10
    assert shop.app.state.intake._lines == {}


def test_a_request_that_breaks_something_breaks_it_for_itself_alone(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = taking.plan_emails

    def break_for_some(account_id: int, emails: Any, **values: Any) -> Any:
        if any(one.subject == "Poison" for one in emails):
            raise ValueError("not foreseen")
        return plan(account_id, emails, **values)

    monkeypatch.setattr(taking, "plan_emails", break_for_some)
    bodies = [email(subject="Poison" if n == 3 else "Fine", to=f"p{n}@example.com") for n in range(10)]
    answers = ask_at_once(shop, [(body, {}) for body in bodies])
    assert [answer.status for answer in answers] == [202] * 3 + [500] + [202] * 6
    assert len(kept(shop)) == 9


def test_requests_that_say_too_much_together_are_taken_one_by_one(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emails, "MOST_RENDERED", 15_000)
    Template.objects.add(
        shop.account, name="Large", kind="text", subject="Hi", source="{{ x }}" * 100, updated_at=utc_now()
    )
    large = {
        "from": "hello@acme.example",
        "to": "ann@example.com",
        "template": {"name": "Large"},
        "data": {"x": "y" * 100},
    }
    answers = ask_at_once(shop, [(large, {})] * 6)
    assert [one.status for one in answers] == [202] * 6
    batch = body_of(shop.ask("POST", BATCH, [large, large, email()]))
    assert [one.get("code", "") for one in batch["results"]] == ["", "batch_too_large", ""]
    assert len(kept(shop)) == 8


def test_a_database_that_fails_leaves_nothing_half_done(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    write = emails.ask_to_write

    def break_at_the_end(*arguments: Any, **values: Any) -> Any:
        asks = write(*arguments, **values)
        return [*asks, Ask("RESET ROLE"), Ask("SELECT pg_terminate_backend(pg_backend_pid())")]

    monkeypatch.setattr(emails, "ask_to_write", break_at_the_end)
    answers = ask_at_once(shop, [(email(), {"idempotency-key": f"k{n}"}) for n in range(3)])
    assert [json.loads(answer.body)["code"] for answer in answers] == ["unavailable"] * 3
    assert kept(shop) == []
    monkeypatch.undo()
    answers = ask_at_once(shop, [(email(), {"idempotency-key": f"k{n}"}) for n in range(3)])
    assert [answer.status for answer in answers] == [202] * 3


# ── The log ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_emails_are_listed_by_pages_and_filters(shop: Shop) -> None:
    ids = [send(shop, to=f"p{n}@example.com", tags=["a" if n % 2 else "b"])["id"] for n in range(5)]
    page = body_of(shop.ask("GET", f"{PATH}?limit=3"))
    rest = body_of(shop.ask("GET", f"{PATH}?limit=3&after={page['next']}"))
    assert [row["id"] for row in page["data"] + rest["data"]] == ids[::-1]
    assert (page["has_more"], rest["has_more"], rest["next"]) == (True, False, None)
    tagged = body_of(shop.ask("GET", f"{PATH}?tag=a"))
    assert [row["id"] for row in tagged["data"]] == [ids[3], ids[1]]
    (found,) = body_of(shop.ask("GET", f"{PATH}?recipient=p4@example.com&state=queued"))["data"]
    assert (found["id"], found["from"], found["state"]) == (ids[4], "Acme <hello@acme.example>", "queued")
    assert body_of(shop.ask("GET", f"{PATH}?state=delivered"))["data"] == []
    problem_of(shop.ask("GET", f"{PATH}?state=nonsense"), 422)
    problem_of(shop.ask("GET", f"{PATH}?since=yesterday"), 422)


def test_emails_are_listed_by_what_recipients_did(shop: Shop) -> None:
    now = utc_now()
    first, _second = (add_email(shop.account.pk, Copy(f"p{n}@example.com"), at=now) for n in range(2))
    record_event(shop.account.pk, "message.opened", now=now, message_id=first.id, source_kind="api")
    listed = body_of(shop.ask("GET", f"{PATH}?reaction=opened"))
    assert [one["id"] for one in listed["data"]] == [first.public_id]
    assert body_of(shop.ask("GET", f"{PATH}?reaction=complained"))["data"] == []
    assert problem_of(shop.ask("GET", f"{PATH}?reaction=smiled"), 422)["code"] == "invalid"


def test_one_email_has_a_timeline_and_its_content(shop: Shop) -> None:
    at = utc_now() + timedelta(days=1)
    taken = send(
        shop, send_at=at.isoformat(), html="<p>Hi</p>", headers={"X-Order": "17"}, metadata={"a": "b"}
    )
    found = body_of(shop.ask("GET", f"{PATH}/{taken['id']}"))
    assert [one["type"] for one in found["timeline"]] == ["accepted", "scheduled"]
    assert (found["state"], found["metadata"], found["has_content"]) == ("scheduled", {"a": "b"}, True)
    assert found["message_id"].partition("@")[0] == kept(shop)[0].id.hex
    content = body_of(shop.ask("GET", f"{PATH}/{taken['id']}/content"))
    assert (content["html"], content["raw"]) == ("<p>Hi</p>", None)
    headers = dict(content["headers"])
    assert (headers["To"], headers["Subject"], headers["X-Order"]) == ("ann@example.com", "Your order", "17")
    assert headers["Message-ID"] == f"<{found['message_id']}>"
    EmailBody.objects.for_account(shop.account).delete()
    gone = problem_of(shop.ask("GET", f"{PATH}/{taken['id']}/content"), 410)
    assert gone["code"] == "content_gone"


def test_mail_that_came_whole_is_taken_apart_beside_its_source(shop: Shop) -> None:
    raw = b"From: a@acme.example\r\nTo: ann@m.example\r\nSubject: Hi\r\nContent-Type: text/html\r\n\r\n<p>Hi</p>\r\n"
    row = add_email(shop.account.pk, Copy("ann@m.example"), at=utc_now(), raw=raw, source_kind="smtp")
    content = body_of(shop.ask("GET", f"{PATH}/{row.public_id}/content"))
    assert (content["html"].strip(), content["text"], content["raw"]) == ("<p>Hi</p>", "", raw.decode())
    assert ["Subject", "Hi"] in content["headers"]


def test_the_size_is_that_on_the_wire_and_unknown_before(shop: Shop) -> None:
    taken = send(shop)
    assert body_of(shop.ask("GET", f"{PATH}/{taken['id']}"))["size_bytes"] is None
    copies = (Copy("ann@m.example", "suppressed"), Copy("bo@m.example", outcome={"size_bytes": 368}))
    row = add_email(shop.account.pk, *copies, at=utc_now(), size_bytes=1)
    assert body_of(shop.ask("GET", f"{PATH}/{row.public_id}"))["size_bytes"] == 368


@pytest.mark.parametrize(
    ("said", "text"),
    [({}, "Hi (https://a.example)\n"), ({"text": None}, "Hi (https://a.example)\n"), ({"text": ""}, "")],
)
def test_html_alone_gets_a_text_unless_an_empty_one_is_given(
    shop: Shop, said: dict[str, Any], text: str
) -> None:
    wanted = {**email(html='<p><a href="https://a.example">Hi</a></p>'), **said}
    if not said:
        del wanted["text"]
    taken = body_of(shop.ask("POST", PATH, wanted), 202)
    content = body_of(shop.ask("GET", f"{PATH}/{taken['id']}/content"))
    assert content["text"] == text
    assert show_content(EmailBody.objects.for_account(shop.account).get()).text == text


def test_an_email_is_moved_canceled_and_sent_again(shop: Shop) -> None:
    taken = send(shop, send_at=(utc_now() + timedelta(days=1)).isoformat())
    place = f"{PATH}/{taken['id']}"
    at = (utc_now() + timedelta(days=3)).replace(microsecond=0)
    assert body_of(shop.ask("PATCH", place, {"send_at": at.isoformat()}))["changed"] == 1
    assert Outbox.objects.for_account(shop.account).get().run_at == at
    far = {"send_at": (utc_now() + timedelta(days=40)).isoformat()}
    assert problem_of(shop.ask("PATCH", place, far), 422)["code"] == "too_far_ahead"
    problem_of(shop.ask("PATCH", place, {"send_at": None}), 422)
    assert body_of(shop.ask("POST", f"{place}/cancel"))["changed"] == 1
    assert body_of(shop.ask("POST", f"{place}/cancel"))["changed"] == 0
    refused = problem_of(shop.ask("PATCH", place, {"send_at": at.isoformat()}), 409)
    assert refused["code"] == "nothing_waits"
    assert "canceled already" in refused["detail"]
    found = body_of(shop.ask("GET", place))
    assert (found["state"], found["timeline"][-1]["type"]) == ("canceled", "message.canceled")
    assert Message.objects.for_account(shop.account).get().state == "canceled"
    again = body_of(shop.ask("POST", f"{place}/resend"), 202)
    assert again["id"] != taken["id"]
    assert again["state"] == "queued"


@pytest.mark.parametrize(
    "name", ["nonsense", "eml_x", "msg_01hx0000000000000000000000", "%00", "eml_" + "z" * 26]
)
def test_an_unknown_email_is_not_found(shop: Shop, name: str) -> None:
    for method, path in (
        ("GET", f"{PATH}/{name}"),
        ("GET", f"{PATH}/{name}/content"),
        ("POST", f"{PATH}/{name}/cancel"),
        ("POST", f"{PATH}/{name}/resend"),
    ):
        problem_of(shop.ask(method, path), 404)


def test_emails_of_another_account_are_not_found(shops: tuple[Shop, Shop]) -> None:
    mine, theirs = shops
    taken = send(mine)
    assert body_of(theirs.ask("GET", PATH))["data"] == []
    problem_of(theirs.ask("GET", f"{PATH}/{taken['id']}"), 404)
    problem_of(theirs.ask("POST", f"{PATH}/{taken['id']}/cancel"), 404)
    problem_of(theirs.ask("POST", f"{PATH}/{taken['id']}/resend"), 404)
    problem_of(theirs.ask("PATCH", f"{PATH}/{taken['id']}", {"send_at": utc_now().isoformat()}), 404)


# ── Whatever comes ───────────────────────────────────────────────────────────────────────────────────────────────────
hostile = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "a\x00b@c.example",
            "\u202e@example.com",
            "Ann\r\nBcc: x@y.example <ann@example.com>",
            '"a@b"@example.com',
            "ann@xn--zckzah.example",
            "ann@ÖBB.example",
            "<<ann@example.com>>",
            ", , ann@example.com",
            "ann@example.com\udcff",
            "=?utf-8?q?=0D=0ABcc:x?= <ann@example.com>",
        ]
    ),
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | hostile,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(hostile, inner, max_size=3),
    max_leaves=6,
)
fields = st.fixed_dictionaries(
    {},
    optional={
        "from": hostile | st.fixed_dictionaries({"email": hostile, "name": hostile}),
        "to": hostile
        | st.lists(hostile, max_size=3)
        | st.fixed_dictionaries({"email": hostile, "name": hostile}),
        "cc": st.lists(hostile, max_size=2),
        "reply_to": hostile,
        "subject": hostile,
        "text": hostile,
        "html": hostile,
        "headers": st.dictionaries(hostile, hostile, max_size=3),
        "tags": st.lists(hostile, max_size=3),
        "metadata": st.dictionaries(hostile, hostile, max_size=3),
        "stream": hostile,
        "topic": hostile,
        "template": st.fixed_dictionaries({"name": hostile}) | st.fixed_dictionaries({"id": hostile}),
        "data": st.dictionaries(hostile, anything, max_size=3),
        "attachments": st.lists(
            st.fixed_dictionaries(
                {"filename": hostile, "content": st.just("eA==") | hostile, "content_type": hostile}
            ),
            max_size=2,
        ),
        "send_at": hostile,
    },
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(fields | anything, min_size=1, max_size=40))
def test_no_input_breaks_anything(shop: Shop, items: list[Any]) -> None:
    bodies = [email(**one) if isinstance(one, dict) and one.keys() <= KNOWN else one for one in items]
    raw = json.dumps(bodies).encode()
    answer = shop.ask("POST", BATCH, raw)
    assert answer.status in (200, 400, 422), answer.body
    if isinstance(bodies[0], dict):
        single = shop.ask("POST", PATH, bodies[0])
        assert single.status in (202, 400, 422), single.body


KNOWN = {
    "from",
    "to",
    "cc",
    "reply_to",
    "subject",
    "text",
    "html",
    "headers",
    "tags",
    "metadata",
    "stream",
    "topic",
    "template",
    "data",
    "attachments",
    "send_at",
}
