from __future__ import annotations

import pytest

from dynamail.tracking.classification import is_machine

CHROME = b"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
PEOPLE = [
    CHROME,
    b"Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    b"Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    b"Mozilla/4.0 (compatible; ms-office; MSOffice 16)",
    b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.5",
    b"YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
]
MACHINES = [
    b"",
    b"Mozilla/5.0",
    b"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/42.0.2311.135 "
    b"Safari/537.36 Edge/12.246 Mozilla/5.0",
    b"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    b"python-requests/2.32.0",
    b"curl/8.5.0",
    b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0 Safari/537.36",
    b"Barracuda Sentinel (EE)",
    b"Go-http-client/2.0",
]


@pytest.mark.parametrize("agent", PEOPLE)
def test_mail_programs_and_browsers_are_people(agent: bytes) -> None:
    assert not is_machine("GET", [(b"user-agent", agent)])


@pytest.mark.parametrize("agent", MACHINES)
def test_scanners_proxies_and_programs_are_machines(agent: bytes) -> None:
    assert is_machine("GET", [(b"user-agent", agent)])


def test_a_head_request_is_a_machine_s() -> None:
    assert is_machine("HEAD", [(b"user-agent", CHROME)])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"purpose", b"prefetch"),
        (b"sec-purpose", b"prefetch;prerender"),
        (b"x-moz", b"prefetch"),
        (b"x-purpose", b"preview"),
    ],
)
def test_fetching_in_advance_is_a_machine_s(name: bytes, value: bytes) -> None:
    assert is_machine("GET", [(b"user-agent", CHROME), (name, value)])


def test_a_browser_without_a_name_is_still_one_when_headers_are_odd() -> None:
    assert not is_machine("GET", [(b"user-agent", CHROME), (b"purpose", b"\xff\xfe")])
