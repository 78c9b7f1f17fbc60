from __future__ import annotations

import pytest

from dynamail.senders.route_matching import Rule, Target, find_rule, find_target, is_within, needs_site

FAST, SAFE, DIRECT = Target(pool_id=1), Target(transport_id=2), Target(transport_id=3)


def ask(rules: list[Rule], **message: str) -> Target | None:
    known = {
        "stream": "marketing",
        "sender_domain": "acme.example",
        "recipient_domain": "gmail.com",
        "site": "",
    }
    return find_target(rules, **(known | message))


def test_without_rules_nothing_is_said() -> None:
    assert ask([]) is None


def test_an_empty_condition_holds_always() -> None:
    assert ask([Rule(FAST)], stream="transactional", sender_domain="", recipient_domain="") == FAST


def test_the_first_rule_whose_conditions_all_hold_decides() -> None:
    rules = [
        Rule(SAFE, stream="transactional"),
        Rule(DIRECT, stream="marketing", recipient_domain="mail.ru"),
        Rule(FAST, stream="marketing"),
        Rule(SAFE),
    ]
    assert ask(rules) == FAST
    assert ask(rules, recipient_domain="mail.ru") == DIRECT
    assert ask(rules, stream="transactional", recipient_domain="mail.ru") == SAFE


def test_one_condition_that_fails_is_enough_to_pass_a_rule_by() -> None:
    rule = Rule(FAST, stream="marketing", sender_domain="acme.example", recipient_domain="gmail.com")
    assert ask([rule]) == FAST
    assert ask([rule], stream="transactional") is None
    assert ask([rule], sender_domain="other.example") is None
    assert ask([rule], recipient_domain="mail.ru") is None


def test_a_domain_covers_its_subdomains_and_nothing_that_only_looks_alike() -> None:
    assert is_within("news.acme.example", "acme.example")
    assert is_within("acme.example", "acme.example")
    assert not is_within("notacme.example", "acme.example")
    assert not is_within("acme.example", "news.acme.example")
    assert not is_within("", "acme.example")


@pytest.mark.parametrize("site", ["google.com", "aspmx.l.google.com"])
def test_a_known_site_stands_for_the_companies_whose_mail_is_there(site: str) -> None:
    rule = Rule(DIRECT, recipient_domain="google.com")
    assert ask([rule], recipient_domain="company.example") is None
    assert ask([rule], recipient_domain="company.example", site=site) == DIRECT


def test_the_rule_itself_can_be_named() -> None:
    rules = [Rule(SAFE, stream="transactional"), Rule(FAST)]
    found = find_rule(rules, stream="marketing", sender_domain="", recipient_domain="", site="")
    assert found is rules[1]


def test_the_site_matters_only_to_rules_that_are_asked_first() -> None:
    def ask(*rules: Rule) -> bool:
        return needs_site(
            rules, stream="marketing", sender_domain="acme.example", recipient_domain="company.example"
        )

    to_google = Rule(DIRECT, recipient_domain="google.com")
    assert ask(to_google)
    assert ask(to_google, Rule(FAST))
    assert not ask(Rule(FAST), to_google)
    assert not ask(Rule(DIRECT, stream="transactional", recipient_domain="google.com"))
    assert not ask(Rule(DIRECT, sender_domain="other.example", recipient_domain="google.com"))
    assert not ask(Rule(DIRECT, recipient_domain="company.example"), to_google)
    assert not ask()
