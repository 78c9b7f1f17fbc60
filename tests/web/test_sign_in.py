from __future__ import annotations

from collections.abc import Callable

from django.test import Client

from dynamail.accounts.models import Account, SignIn, User
from dynamail.accounts.sign_ins import parse_user_agent

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0"


def test_a_request_of_a_signed_in_browser_is_recorded_without_the_raw_header(
    alice: User, account: Account, sign_in: Callable[[User], Client]
) -> None:
    client = sign_in(alice)
    client.get("/accounts/password/change/", headers={"User-Agent": FIREFOX})
    row = SignIn.objects.get(user=alice)
    assert (row.browser, row.browser_version, row.os, row.ip) == ("Firefox", "142", "Linux", "127.0.0.1")
    assert parse_user_agent("no browser at all").name in ("", "Other")
