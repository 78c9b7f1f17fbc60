from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from dynamail.accounts.models import Account, User
from dynamail.events.log import record_event
from dynamail.lib.clock import utc_now
from dynamail.webhooks.models import WebhookDelivery, WebhookEndpoint
from tests.support.people import make_contact
from tests.support.personas import NOW
from tests.support.webhook_sink import Said, WebhookSink
from tests.webhooks.conftest import make_endpoint, send_due, sink, spread  # noqa: F401 — a fixture

LIST = "/developers/webhooks/"
FORM: dict[str, Any] = {
    "url": "https://shop.example/hook",
    "description": "Order system",
    "preset": "custom",
    "kinds": ["message.delivered", "message.bounced"],
    "fields_given": ["tags"],
    "authorized": "on",
}


@pytest.fixture
def client(account: Account, alice: User, sign_in: Callable[[User], Client]) -> Client:
    return sign_in(alice)


def page(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status, answer.content[:2000]
    return str(answer.content.decode())


def test_the_first_webhook_is_made_and_its_secret_shown_once(client: Client, account: Account) -> None:
    assert "No webhook yet" in page(client.get(LIST))
    made = page(client.post(f"{LIST}new/", FORM), 201)
    assert "whsec_" in made
    assert "whpk_" in made
    endpoint = WebhookEndpoint.objects.for_account(account).get()
    assert (endpoint.kinds, endpoint.fields) == (["message.delivered", "message.bounced"], ["tags"])
    assert endpoint.authorized_name == "Alice"
    again = page(client.get(f"{LIST}{endpoint.public_id}/"))
    assert "whsec_" not in again
    assert "Nothing yet" in again
    assert "Order system" in page(client.get(LIST))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"url": "http://shop.example/"}, "begins with https://"),
        ({"url": "nonsense"}, "Write the address as https://host/path"),
        ({"url": "https://10.1.2.3/"}, "inside a private network"),
        ({"authorized": ""}, "tick it to authorize"),
        ({"kinds": []}, "Choose at least one event"),
        ({"kinds": ["message.read"]}, "message.read"),
        ({"url": "https://[half/"}, "Write the address"),
    ],
)
def test_what_cannot_be_comes_back_with_everything_typed(
    client: Client, account: Account, change: dict[str, Any], says: str
) -> None:
    back = page(client.post(f"{LIST}new/", FORM | change), 422)
    assert says in back
    assert "Order system" in back
    assert not WebhookEndpoint.objects.for_account(account).exists()


def test_more_needs_another_authorization_and_less_does_not(client: Client, account: Account) -> None:
    client.post(f"{LIST}new/", FORM)
    endpoint = WebhookEndpoint.objects.for_account(account).get()
    edit = f"{LIST}{endpoint.public_id}/edit/"
    quiet = {name: value for name, value in FORM.items() if name != "authorized"}
    assert "tick it" in page(client.post(edit, quiet | {"fields_given": ["tags", "address"]}), 422)
    assert client.post(edit, quiet | {"fields_given": []}).status_code == 302
    assert client.post(edit, FORM | {"preset": "all"}).status_code == 302
    endpoint.refresh_from_db()
    assert (endpoint.kinds, endpoint.fields) == (["*"], ["tags"])


def test_the_log_shows_what_became_of_events(client: Client, account: Account, sink: WebhookSink) -> None:  # noqa: F811
    endpoint, _keys = make_endpoint(account, sink.url(), fields=("address",))
    contact = make_contact(account)
    sink.answer = lambda _request: Said(500, body=b"<b>out of order</b>")
    now = utc_now()
    spread(account, record_event(account.pk, "contact.created", contact_id=contact.id, now=now), now=now)
    send_due(now)
    here = f"{LIST}{endpoint.public_id}/"
    log = page(client.get(here, headers={"HX-Request": "true"}))
    assert "<h1" not in log
    assert "To be tried again" in log
    assert "Failing" in page(client.get(here))
    assert "Nothing in this state" in page(client.get(f"{here}?state=delivered"))
    delivery = WebhookDelivery.objects.for_account(account).get()
    one = f"{here}deliveries/{delivery.public_id}/"
    shown = page(client.get(one))
    assert "dana@mail.example" in shown
    assert "&lt;b&gt;out of order" in shown
    sink.answer = lambda _request: Said(200)
    assert client.post(f"{one}replay/").status_code == 302
    send_due(utc_now())
    assert "Delivered" in page(client.get(one, headers={"HX-Request": "true"}))


def test_everything_that_can_be_done(client: Client, account: Account) -> None:
    endpoint, keys = make_endpoint(account, "https://shop.example/")
    act = f"{LIST}{endpoint.public_id}/act/"
    rotated = page(client.post(f"{act}rotate/"))
    assert "whsec_" in rotated
    assert keys.secret not in rotated
    client.post(f"{act}test/")
    assert WebhookDelivery.objects.for_account(account).get().kind == "webhook.test"
    for action, state in (("pause", "paused"), ("resume", "active")):
        client.post(f"{act}{action}/")
        endpoint.refresh_from_db()
        assert endpoint.state == state
    since = utc_now() - timedelta(hours=1)
    assert client.post(f"{act}replay/", {"since": since.strftime("%Y-%m-%dT%H:%M")}).status_code == 302
    assert "begins after it ends" in page(
        client.post(f"{act}replay/", {"since": "2999-01-01T00:00", "until": "2998-01-01T00:00"}), 422
    )
    assert client.post(f"{act}explode/").status_code == 404
    client.post(f"{act}remove/")
    assert client.get(f"{LIST}{endpoint.public_id}/").status_code == 404


def test_an_unauthorized_or_switched_off_webhook_says_so(client: Client, account: Account) -> None:
    quiet, _keys = make_endpoint(account, "https://shop.example/", authorized=False)
    assert "Nothing is sent yet" in page(client.get(f"{LIST}{quiet.public_id}/"))
    WebhookEndpoint.objects.for_account(account).update(state="disabled", why="gone", authorized_at=NOW)
    assert "410 Gone" in page(client.get(f"{LIST}{quiet.public_id}/"))


def test_marketers_have_no_business_here(
    account: Account, bob: User, sign_in: Callable[[User], Client]
) -> None:
    assert sign_in(bob).get(LIST).status_code == 403


@pytest.mark.promise("P7.1")
def test_authorizations_are_a_history_and_the_present_one_is_withdrawn_there(
    client: Client, account: Account
) -> None:
    endpoint, _keys = make_endpoint(account, "https://shop.example/", fields=("address",))
    here = f"{LIST}{endpoint.public_id}/"
    client.post(f"{here}act/test/")
    shown = page(client.get(here))
    assert "Holds" in shown
    assert "Email addresses of people" in shown
    back = client.post(f"{here}act/withdraw/", follow=True)
    told = page(back)
    for words in (
        "Nothing more is sent there",
        "Withdrawn",
        "Not authorized",
        "Nobody authorizes it at present",
    ):
        assert words in told
    assert "Withdraw…" not in told
    assert WebhookDelivery.objects.for_account(account).get().error == "withdrawn"
    client.post(f"{here}act/withdraw/")
    client.post(f"{here}edit/", FORM | {"url": "https://shop.example/"})
    again = page(client.get(here))
    assert "Holds" in again
    assert "Withdrawn" in again


@pytest.mark.promise("P7.1")
def test_the_card_tells_to_whom_a_persons_data_was_handed_over(
    client: Client,
    account: Account,
    sink: WebhookSink,  # noqa: F811
) -> None:
    contact = make_contact(account)
    card = f"/contacts/{contact.public_id}/"
    here = f"{card}handed-over/"
    assert f'href="{here}"' in page(client.get(card))
    empty = page(client.get(here))
    assert "Nothing was handed over" in empty
    assert "A file keeps its condition" not in empty
    make_endpoint(account, sink.url("/<b>"), fields=("address",))
    now = utc_now()
    for _number in range(31):
        event = record_event(account.pk, "contact.tagged", contact_id=contact.id, now=now)
        spread(account, event, now=now)
    sink.answer = lambda _request: Said(200)
    send_due(now)
    client.get("/contacts/export/")
    first = page(client.get(here))
    for words in (
        "127.0.0.1 was told “Tagged”",
        "email addresses of people",
        "authorized by Alice",
        "Received",
    ):
        assert words in first
    assert "A file of contacts" in first
    assert first.count("was told") == 30
    after = first.split("?after=")[1].split('"')[0]
    second = page(client.get(f"{here}?after={after}"))
    assert second.count("was told") == 1
    assert "A file of contacts" not in second
    assert page(client.get(f"{here}?after=nonsense")).count("was told") == 30  # as the first page
    last = page(client.get(f"{here}?after=dis_00000000000000000000000000"))
    assert "Back to the latest" in last


def test_an_address_that_is_nobodys_contact_is_looked_up(client: Client, account: Account) -> None:
    here = "/contacts/handed-over/"
    assert "A file keeps" not in page(client.get(here))
    assert "Nothing was handed over" in page(client.get(f"{here}?address=guest%40mail.example"))
    assert "field-error" in page(client.get(f"{here}?address=no%40body%40x"), 422)
    contact = make_contact(account)
    answer = client.get(f"{here}?address=dana%40mail.example")
    assert (answer.status_code, answer["Location"]) == (302, f"/contacts/{contact.public_id}/handed-over/")
