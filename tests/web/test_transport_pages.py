from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dynamail.accounts.models import Account, AuditEntry, User
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import new_id
from dynamail.messages.models import DeliverWorker
from dynamail.senders.credentials import open_password, open_provider_settings
from dynamail.senders.models import DestinationState, Pool, PoolMember, Transport, TransportHour
from dynamail.senders.providers import PROVIDERS

SignIn = Callable[[User], Client]
RELAY = {
    "name": "Company server",
    "host": "smtp.acme.example",
    "port": 587,
    "security": "starttls",
    "verify_certificate": "on",
    "username": "acme",
    "password": "secret",
    "connections": 5,
    "authorize": "on",
}
POSTMARK = {"name": "Postmark", "server_token": "0123-secret-token", "connections": 4, "authorize": "on"}
DIRECT = {"name": "Direct", "source_address": "", "helo_name": "", "connections": 10}
NEW_RELAY = ("transport_new_kind", ["smtp"])


def add(client: Client, route: tuple[str, list[str]], values: dict[str, Any]) -> Any:
    return client.post(reverse(route[0], args=route[1]), values)


def add_relay(account: Account, **values: Any) -> Transport:
    return Transport.objects.add(account, **{"name": "Company server", "host": "smtp.acme.example", **values})


def read_page(client: Client, name: str, *args: str) -> str:
    answer = client.get(reverse(name, args=args))
    assert answer.status_code == 200
    return answer.content.decode()


# ── setting up ───────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_three_kinds_and_every_provider_lead_to_their_forms(
    account: Account, alice: User, sign_in: SignIn
) -> None:
    client = sign_in(alice)
    page = read_page(client, "transport_new")
    for kind in ("smtp", "mx", "api"):
        assert reverse("transport_new_kind", args=[kind]) in page
        read_page(client, "transport_new_kind", kind)
    for provider in PROVIDERS:
        form = read_page(client, "transport_new_api", provider.name)
        assert all(f'name="{one.name}"' in form for one in provider.fields)
    for name, args in (("transport_new_kind", ["pigeon"]), ("transport_new_api", ["pigeon"])):
        assert client.get(reverse(name, args=args)).status_code == 404


@pytest.mark.promise("P7.1")
@pytest.mark.parametrize(
    ("route", "values"), [(NEW_RELAY, RELAY), (("transport_new_api", ["postmark"]), POSTMARK)]
)
def test_handing_mail_to_a_third_party_without_authorization_is_refused_and_nothing_typed_is_lost(
    account: Account, alice: User, sign_in: SignIn, route: tuple[str, list[str]], values: dict[str, Any]
) -> None:
    client = sign_in(alice)
    answer = add(client, route, {key: value for key, value in values.items() if key != "authorize"})
    assert answer.status_code == 422
    assert values["name"] in answer.content.decode()
    assert "secret" not in answer.content.decode().replace("secret_key", "")
    assert not Transport.objects.for_account(account).exists()
    assert add(client, route, values).status_code == 302
    saved = Transport.objects.for_account(account).get()
    assert (saved.authorized_by, saved.authorized_at is not None) == (alice, True)


def test_a_saved_relay_is_used_only_when_told_so(account: Account, alice: User, sign_in: SignIn) -> None:
    client = sign_in(alice)
    assert add(client, NEW_RELAY, RELAY).status_code == 302
    relay = Transport.objects.for_account(account).get()
    assert (relay.is_default, relay.host, open_password(relay)) == (False, "smtp.acme.example", "secret")
    for page in ("transport", "transport_edit"):
        assert "secret" not in read_page(client, page, relay.public_id)
    client.post(reverse("transport_action", args=[relay.public_id, "use"]))
    relay.refresh_from_db()
    assert relay.is_default


@pytest.mark.parametrize(
    ("change", "status"), [({}, 302), ({"host": "evil.example"}, 422), ({"username": "other"}, 422)]
)
def test_a_stored_password_goes_to_nobody_but_the_server_it_was_entered_for(
    account: Account, alice: User, sign_in: SignIn, change: dict[str, str], status: int
) -> None:
    client = sign_in(alice)
    add(client, NEW_RELAY, RELAY)
    relay = Transport.objects.for_account(account).get()
    values = RELAY | {"password": "", **change}
    answer = client.post(reverse("transport_edit", args=[relay.public_id]), values)
    assert answer.status_code == status
    relay.refresh_from_db()
    assert (relay.host, open_password(relay)) == ("smtp.acme.example", "secret")


@pytest.mark.promise("P2.2")
def test_a_providers_key_is_sealed_kept_when_left_empty_and_never_shown(
    account: Account, alice: User, sign_in: SignIn
) -> None:
    client = sign_in(alice)
    add(client, ("transport_new_api", ["postmark"]), POSTMARK)
    api = Transport.objects.for_account(account).get()
    stored = open_provider_settings(api)
    assert stored["server_token"] == "0123-secret-token"
    assert b"secret-token" not in bytes(api.provider_settings_sealed or b"")
    changed = POSTMARK | {"server_token": "", "message_stream": "broadcast", "name": "Postmark, campaigns"}
    assert add(client, ("transport_edit", [api.public_id]), changed).status_code == 302
    api.refresh_from_db()
    kept = open_provider_settings(api)
    assert (kept["server_token"], kept["message_stream"]) == ("0123-secret-token", "broadcast")
    assert kept["webhook_secret"] == stored["webhook_secret"]
    form = read_page(client, "transport_edit", api.public_id)
    assert "broadcast" in form
    assert "secret-token" not in form
    assert kept["webhook_secret"] not in form
    page = read_page(client, "transport", api.public_id)
    assert (
        reverse("provider_webhook", args=[account.public_id, api.public_id, kept["webhook_secret"]]) in page
    )
    assert "secret-token" not in page
    data = list(AuditEntry.objects.for_account(account).values_list("data", flat=True))
    assert "secret-token" not in str(data)


@pytest.mark.parametrize(
    ("route", "values", "wrong"),
    [
        (NEW_RELAY, RELAY, {"host": "https://smtp.acme.example/"}),
        (NEW_RELAY, RELAY, {"port": 0}),
        (NEW_RELAY, RELAY, {"security": "rot13"}),
        (NEW_RELAY, RELAY, {"per_day": 0}),
        (("transport_new_kind", ["mx"]), DIRECT, {"source_address": "somewhere"}),
        (("transport_new_kind", ["mx"]), DIRECT, {"source_address": "0.0.0.0"}),
        (("transport_new_kind", ["mx"]), DIRECT, {"helo_name": "x\r\nMAIL FROM:<a@b>"}),
        (("transport_new_kind", ["mx"]), DIRECT, {"connections": 100_000}),
        (("transport_new_api", ["postmark"]), POSTMARK, {"server_token": "has a\nbreak"}),
        (("transport_new_api", ["postmark"]), POSTMARK, {"server_token": "ключ-ключ"}),
        (("transport_new_api", ["postmark"]), POSTMARK, {"message_stream": "a/../b"}),
        (("transport_new_api", ["mailgun"]), POSTMARK, {"api_key": "key-0123", "sender_domain": "x/../../y"}),
        (
            ("transport_new_api", ["mailgun"]),
            POSTMARK,
            {"api_key": "key-0123", "sender_domain": "a.by", "region": "mars"},
        ),
    ],
)
def test_bad_input_is_refused_at_its_field(
    account: Account,
    alice: User,
    sign_in: SignIn,
    route: tuple[str, list[str]],
    values: dict[str, Any],
    wrong: dict[str, Any],
) -> None:
    answer = add(sign_in(alice), route, values | wrong)
    assert answer.status_code == 422
    assert "aria-invalid" in answer.content.decode()
    assert not Transport.objects.for_account(account).exists()


def test_another_recipient_of_mail_is_authorized_anew(account: Account, alice: User, sign_in: SignIn) -> None:
    client = sign_in(alice)
    add(client, NEW_RELAY, RELAY)
    relay = Transport.objects.for_account(account).get()
    long_ago = utc_now() - timedelta(days=9)
    Transport.objects.for_account(account).update(authorized_at=long_ago)
    add(client, ("transport_edit", [relay.public_id]), RELAY | {"connections": 7})
    relay.refresh_from_db()
    assert relay.authorized_at == long_ago
    add(client, ("transport_edit", [relay.public_id]), RELAY | {"host": "other.example"})
    relay.refresh_from_db()
    assert relay.authorized_at is not None
    assert relay.authorized_at > long_ago


@pytest.mark.parametrize(
    ("route", "values"),
    [
        (NEW_RELAY, RELAY),
        (("transport_new_kind", ["mx"]), DIRECT),
        (("transport_new_api", ["postmark"]), POSTMARK),
    ],
)
def test_every_kind_has_limits_per_hour_and_day(
    account: Account, alice: User, sign_in: SignIn, route: tuple[str, list[str]], values: dict[str, Any]
) -> None:
    client = sign_in(alice)
    add(client, route, values | {"rate_per_second": 7, "per_hour": 100, "per_day": 2_000})
    saved = Transport.objects.for_account(account).get()
    assert (saved.rate_per_second, saved.per_hour, saved.per_day) == (7, 100, 2_000)
    assert 'value="2000"' in read_page(client, "transport_edit", saved.public_id)
    assert "per day" in read_page(client, "transport", saved.public_id)


def test_direct_delivery_asks_for_a_source_address_and_a_name(
    account: Account, alice: User, sign_in: SignIn
) -> None:
    values = DIRECT | {"source_address": "2001:DB8::1", "helo_name": "Mail.Пошта.укр"}
    add(sign_in(alice), ("transport_new_kind", ["mx"]), values)
    saved = Transport.objects.for_account(account).get()
    assert (saved.kind, saved.source_address) == ("mx", "2001:db8::1")
    assert saved.helo_name == "mail.xn--80a1acn3a.xn--j1amh"


# ── what can be done ─────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_transport_is_switched_off_and_on_and_refusals_are_sentences(
    account: Account, alice: User, sign_in: SignIn
) -> None:
    client = sign_in(alice)
    relay = add_relay(account, is_default=True)

    def act(action: str) -> str:
        answer = client.post(reverse("transport_action", args=[relay.public_id, action]), follow=True)
        relay.refresh_from_db()
        return answer.content.decode()

    assert "Choose another default first" in act("off")
    assert relay.is_enabled
    client.post(reverse("use_mailbox"))
    act("off")
    assert not relay.is_enabled
    assert "on first." in act("use")
    act("on")
    assert relay.is_enabled
    assert client.post(reverse("transport_action", args=[relay.public_id, "explode"])).status_code == 404


def test_what_a_pool_needs_is_not_removed(account: Account, alice: User, sign_in: SignIn) -> None:
    client = sign_in(alice)
    relay = add_relay(account)
    member = PoolMember.objects.add(
        account, pool=Pool.objects.add(account, name="Fast ones"), transport=relay
    )
    url = reverse("transport_action", args=[relay.public_id, "remove"])
    assert "“Fast ones”" in client.post(url, follow=True).content.decode()
    member.delete()
    assert client.post(url).status_code == 302
    assert not Transport.objects.for_account(account).exists()


# ── health ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def show_worker(account_id: int, transport_id: int, **way: Any) -> None:
    stats = {
        "ways": [
            {"account_id": account_id, "transport_id": transport_id, "connections": 3, "queued": 0, **way}
        ]
    }
    now = utc_now()
    DeliverWorker.objects.create(id=new_id(), host="here", pid=1, started_at=now, seen_at=now, stats=stats)


def test_a_relay_that_is_down_says_since_when_and_shows_the_servers_words_as_text(
    account: Account, alice: User, sign_in: SignIn
) -> None:
    relay = add_relay(account, is_default=True)
    hour = utc_now().replace(minute=0, second=0, microsecond=0)
    TransportHour.objects.add(
        account, transport_id=relay.pk, site="", hour=hour - timedelta(hours=3), delivered=1200
    )
    TransportHour.objects.add(account, transport_id=relay.pk, site="", hour=hour, failed=7)
    hostile = "421 <script>alert(1)</script> " + "x" * 5_000
    show_worker(account.pk, relay.pk, is_closed=True, problem=hostile)
    client = sign_in(alice)
    for page in (read_page(client, "transport", relay.public_id), read_page(client, "delivery_settings")):
        assert "Down" in page
        assert "&lt;script&gt;alert" in page
        assert "<script>alert" not in page
        assert "x" * 1_000 not in page
    assert "7 failed in 24 hours" in read_page(client, "transport_live", relay.public_id)


def test_a_limit_that_is_reached_is_shown_as_such(account: Account, alice: User, sign_in: SignIn) -> None:
    relay = add_relay(account)
    throttle = {"reason": "", "wait_seconds": 3_600.0, "connections": 5}
    show_worker(
        account.pk, relay.pk, is_closed=True, problem="The limit of messages is reached.", throttle=throttle
    )
    page = read_page(sign_in(alice), "transport", relay.public_id)
    assert "the rest waits" in page
    assert "Down" not in page


def test_destinations_show_what_was_learned_about_them(
    account: Account, alice: User, sign_in: SignIn
) -> None:
    direct = add_relay(account, kind="mx", host="", name="Direct")
    now = utc_now()
    hour = now.replace(minute=0, second=0, microsecond=0)
    for site, delivered in (("google.com", 90), ("mail.ru", 10)):
        TransportHour.objects.add(account, transport_id=direct.pk, site=site, hour=hour, delivered=delivered)
    DestinationState.objects.add(
        account,
        transport_id=direct.pk,
        site="mail.ru",
        until=now + timedelta(minutes=9),
        factor=0.25,
        reason="421 4.7.0 Too many connections",
        changed_at=now,
    )
    page = read_page(sign_in(alice), "transport", direct.public_id)
    assert "google.com" in page
    assert re.search(r"mail\.ru.*Closed.*Too many connections", page, re.DOTALL)


def test_live_figures_of_another_accounts_transport_are_not_shown(
    account: Account, alice: User, other_account: Account, sign_in: SignIn
) -> None:
    relay = add_relay(account)
    show_worker(other_account.pk, relay.pk, connections=77, is_closed=True, problem="words of a stranger")
    page = read_page(sign_in(alice), "transports_live")
    assert "77" not in re.sub(r"<[^>]+>", "", page)
    assert "words of a stranger" not in page


def test_the_list_asks_again_by_itself_and_is_quiet_when_there_is_nothing(
    account: Account, alice: User, sign_in: SignIn
) -> None:
    client = sign_in(alice)
    assert "hx-trigger" not in read_page(client, "transports_live")
    add_relay(account)
    assert 'hx-trigger="every' in read_page(client, "transports_live")


def test_marketers_and_strangers_do_not_reach_transports(
    account: Account, alice: User, bob: User, charlie: User, other_account: Account, sign_in: SignIn
) -> None:
    relay = add_relay(account)
    for name in ("transport", "transport_edit", "transport_live"):
        url = reverse(name, args=[relay.public_id])
        assert sign_in(bob).get(url).status_code == 403
        stranger = sign_in(charlie).get(url)
        assert stranger.status_code == 404
        assert "smtp.acme.example" not in stranger.content.decode()
