from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dynamail.accounts.models import Account, User
from dynamail.senders.models import Pool, PoolMember, RoutingRule, Stream, Transport

SignIn = Callable[[User], Client]


@pytest.fixture
def client(account: Account, alice: User, sign_in: SignIn) -> Client:
    return sign_in(alice)


def add_transport(account: Account, name: str, **values: Any) -> Transport:
    return Transport.objects.add(account, name=name, host=f"{name}.example", **values)


def weigh(transport: Transport, weight: str) -> dict[str, str]:
    return {f"weight_{transport.public_id}": weight}


def read(answer: Any) -> str:
    text: str = answer.content.decode()
    return text


def test_a_pool_is_made_of_weights_and_an_empty_one_is_left_out(account: Account, client: Client) -> None:
    fast, calm, spare = (add_transport(account, name) for name in ("fast", "calm", "spare"))
    values = {"name": "Campaigns", **weigh(fast, "3"), **weigh(calm, "1"), **weigh(spare, "")}
    assert client.post(reverse("pool_new"), values).status_code == 302
    pool = Pool.objects.for_account(account).get()
    members = PoolMember.objects.for_account(account).order_by("-weight")
    assert list(members.values_list("transport__name", "weight")) == [("fast", 3), ("calm", 1)]
    page = read(client.get(reverse("routing")))
    assert "75%" in page
    assert "25%" in page
    values |= weigh(spare, "0") | {"name": "Big"}
    client.post(reverse("pool", args=[pool.public_id]), values)
    page = read(client.get(reverse("routing")))
    assert "stands by" in page
    assert "Big" in page


@pytest.mark.parametrize(
    "weights", [{}, {"weight": "0"}, {"weight": "-1"}, {"weight": "9999"}, {"weight": "x"}]
)
def test_a_pool_that_cannot_work_is_refused_with_what_was_typed(
    account: Account, client: Client, weights: dict[str, str]
) -> None:
    relay = add_transport(account, "relay")
    answer = client.post(reverse("pool_new"), {"name": "Odd one", **weigh(relay, weights.get("weight", ""))})
    assert answer.status_code == 422
    assert "Odd one" in read(answer)
    assert not Pool.objects.for_account(account).exists()


def test_a_rule_names_its_conditions_and_its_way(account: Account, client: Client) -> None:
    relay = add_transport(account, "relay")
    values = {
        "stream": "marketing",
        "sender_domain": " News.Acme.example. ",
        "recipient_domain": "пошта.укр",
        "target": relay.public_id,
    }
    assert client.post(reverse("routing_rule_new"), values).status_code == 302
    rule = RoutingRule.objects.for_account(account).get()
    assert (rule.sender_domain, rule.recipient_domain) == ("news.acme.example", "xn--80a1acn3a.xn--j1amh")
    assert rule.transport == relay
    form = read(client.get(reverse("routing_rule", args=[rule.public_id])))
    assert "news.acme.example" in form


@pytest.mark.parametrize(
    "wrong",
    [
        {"sender_domain": "anna@acme.example"},
        {"recipient_domain": "*.acme.example"},
        {"recipient_domain": "no dots"},
        {"stream": "smoke"},
        {"target": ""},
        {"target": "trn_doesnotexist"},
    ],
)
def test_a_rule_with_a_bad_condition_is_refused_at_its_field(
    account: Account, client: Client, wrong: dict[str, str]
) -> None:
    relay = add_transport(account, "relay")
    values = {"stream": "", "sender_domain": "", "recipient_domain": "", "target": relay.public_id}
    answer = client.post(reverse("routing_rule_new"), values | wrong)
    assert answer.status_code == 422
    assert "aria-invalid" in read(answer)
    assert not RoutingRule.objects.for_account(account).exists()


def test_mail_cannot_be_routed_through_another_accounts_transport(
    account: Account, client: Client, other_account: Account
) -> None:
    foreign = add_transport(other_account, "foreign")
    assert client.post(reverse("routing_rule_new"), {"target": foreign.public_id}).status_code == 422
    answer = client.post(reverse("pool_new"), {"name": "Pool", **weigh(foreign, "1")})
    assert answer.status_code == 422
    assert not RoutingRule.objects.across_accounts(reason="all of them").exists()


def test_rules_are_moved_by_buttons_with_and_without_scripts(account: Account, client: Client) -> None:
    relay = add_transport(account, "relay")
    for place, domain in enumerate(("a.by", "b.by"), start=1):
        RoutingRule.objects.add(account, position=place, recipient_domain=domain, transport=relay)
    last = RoutingRule.objects.for_account(account).get(recipient_domain="b.by")
    url = reverse("routing_rule_action", args=[last.public_id, "up"])
    part = read(client.post(url, headers={"HX-Request": "true"}))
    assert part.index("b.by") < part.index("a.by")
    assert "<html" not in part
    assert client.post(url).status_code == 302
    assert client.post(reverse("routing_rule_action", args=[last.public_id, "remove"])).status_code == 302
    assert RoutingRule.objects.for_account(account).count() == 1


def test_the_page_answers_which_way_a_message_would_take(account: Account, client: Client) -> None:
    fast, calm = add_transport(account, "fast"), add_transport(account, "calm", is_default=True)
    pool = Pool.objects.add(account, name="Campaigns")
    PoolMember.objects.add(account, pool=pool, transport=fast, weight=3)
    PoolMember.objects.add(account, pool=pool, transport=calm, weight=1)
    RoutingRule.objects.add(account, position=1, stream="marketing", pool=pool)

    def ask(**message: str) -> str:
        return read(client.get(reverse("routing_way"), message, headers={"HX-Request": "true"}))

    campaign = ask(stream="marketing", sender="news@acme.example", recipient="anna@gmail.com")
    assert "Rule 1 holds" in campaign
    assert campaign.index("fast") < campaign.index("calm")
    receipt = ask(stream="transactional", sender="", recipient="")
    assert "the default “calm” carries it" in receipt
    wrong = client.get(reverse("routing_way"), {"stream": "marketing", "recipient": "<script>@"})
    assert wrong.status_code == 422
    assert "<script>@" not in read(wrong)


def test_a_pool_or_transport_that_a_rule_needs_stays(account: Account, client: Client) -> None:
    relay = add_transport(account, "relay")
    pool = Pool.objects.add(account, name="Campaigns")
    PoolMember.objects.add(account, pool=pool, transport=relay)
    RoutingRule.objects.add(account, position=1, pool=pool)
    answer = client.post(reverse("pool_action", args=[pool.public_id, "remove"]), follow=True)
    assert "Change or remove them first" in read(answer)
    assert Pool.objects.for_account(account).exists()


def test_a_marketer_does_not_decide_about_routes(account: Account, bob: User, sign_in: SignIn) -> None:
    assert sign_in(bob).get(reverse("routing")).status_code == 403


def test_a_rule_may_be_about_one_stream_and_says_its_name(account: Account, client: Client) -> None:
    relay = add_transport(account, "relay")
    Stream.objects.add(account, key="receipts", name="Receipts of the shop")
    values = {"stream": "receipts", "target": relay.public_id}
    assert client.post(reverse("routing_rule_new"), values).status_code == 302
    assert RoutingRule.objects.for_account(account).get().stream == "receipts"
    RoutingRule.objects.add(account, position=2, stream="marketing", transport=relay)
    page = read(client.get(reverse("routing")))
    assert page.count("Receipts of the shop") == 2  # in the rule, and in the question which way
    assert "<b>Campaigns</b>" in page
    assert client.post(reverse("routing_rule_new"), values | {"stream": "unknown"}).status_code == 422
