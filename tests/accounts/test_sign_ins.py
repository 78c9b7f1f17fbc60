from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.sessions.backends.db import SessionStore
from hypothesis import given
from hypothesis import strategies as st

from dynamail.accounts.models import SignIn, User
from dynamail.accounts.sign_ins import end_sign_ins, list_sign_ins, notice_sign_in, parse_user_agent
from tests.support.personas import NOW

CHROME_ON_ANDROID = "Mozilla/5.0 (Linux; Android 15; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari/537.36"
SAFARI_ON_PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 "
    "Mobile/15E148 Safari/604.1"
)


def notice(
    user: User, session: str, *, now=NOW, ip: str | None = "192.0.2.7", agent: str = CHROME_ON_ANDROID
) -> bool:
    return notice_sign_in(user, session_key=session, ip=ip, user_agent=agent, method="password", now=now)


@pytest.mark.promise("P2.1")
def test_only_families_and_the_major_version_are_kept(alice: User) -> None:
    assert notice(alice, "one")
    row = SignIn.objects.values().get()
    assert (row["browser"], row["browser_version"], row["os"]) == ("Chrome Mobile", "138", "Android 15")
    assert "Samsung" in row["device"]
    assert CHROME_ON_ANDROID not in str(row)
    assert "138.0" not in str(row)
    assert "one" not in str(row["session_hash"])


def test_an_iphone_is_named() -> None:
    browser = parse_user_agent(SAFARI_ON_PHONE)
    assert (browser.name, browser.version, browser.os, browser.device) == (
        "Mobile Safari",
        "18",
        "iOS 18",
        "iPhone",
    )


@given(st.text(max_size=600))
def test_any_header_is_parsed_into_columns_that_fit(header: str) -> None:
    browser = parse_user_agent(header)
    assert max(map(len, (browser.name, browser.os, browser.device))) <= 60
    assert len(browser.version) <= 20


def test_last_seen_is_written_at_most_once_a_minute(alice: User) -> None:
    for seconds, seen in ((0, 0), (30, 0), (59, 0), (60, 60), (90, 60)):
        assert notice(alice, "one", now=NOW + timedelta(seconds=seconds))
        assert SignIn.objects.get().last_seen_at == NOW + timedelta(seconds=seen)


def test_an_address_that_changes_is_noted(alice: User) -> None:
    notice(alice, "one")
    SignIn.objects.update(ip="192.0.2.0", ip_truncated=True)
    notice(alice, "one", now=NOW + timedelta(minutes=5), ip="2001:db8::1")
    assert SignIn.objects.values_list("ip", "ip_truncated").get() == ("2001:db8::1", False)


def test_an_ended_sign_in_is_refused_and_its_session_is_gone(alice: User) -> None:
    session = SessionStore()
    session.create()
    key = session.session_key
    assert key is not None
    notice(alice, key)
    assert end_sign_ins(alice, only=SignIn.objects.get().pk, now=NOW) == 1
    assert not SessionStore().exists(key)
    assert not notice(alice, key)
    assert list(list_sign_ins(alice)) == []


def test_ending_the_others_keeps_the_one_that_asks(alice: User) -> None:
    for session in ("one", "two", "three"):
        notice(alice, session)
    assert end_sign_ins(alice, keep_session="two", now=NOW) == 2
    assert notice(alice, "two")
    assert not notice(alice, "one")


def test_one_user_cannot_end_the_sign_in_of_another(alice: User, charlie: User) -> None:
    notice(alice, "one")
    assert end_sign_ins(charlie, only=SignIn.objects.get().pk, now=NOW) == 0
    assert end_sign_ins(charlie, now=NOW) == 0
    assert notice(alice, "one")


def test_a_session_of_another_user_is_refused(alice: User, charlie: User) -> None:
    notice(alice, "one")
    assert not notice(charlie, "one")
