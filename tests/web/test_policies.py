from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from dynamail.accounts.models import Account, Member, User
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import to_public_id
from dynamail.privacy.models import PolicyAcceptance, PolicyDocument
from dynamail.privacy.policies import PolicyText, ensure_policies, publish_policy
from dynamail.web.access import find_access
from dynamail.web.middleware import OPEN_ALLAUTH_PAGES

SignIn = Callable[[User], Client]
FORBIDDEN_BEFORE_ACCEPTANCE = (b"Acme store", b"alice@acme.example")
EXAMPLES: dict[str, Any] = {"int": 1, "uuid": UUID(int=1), "slug": "x", "str": "x", "path": "x"}


@pytest.fixture
def policies(db: None) -> None:
    ensure_policies(now=utc_now())


def walk(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every route with an address that fits it."""
    for entry in patterns:
        written = prefix + _fill(entry)
        if isinstance(entry, URLResolver):
            yield from walk(entry.url_patterns, written)
        else:
            yield written, entry


def _fill(entry: Any) -> str:
    written = str(entry.pattern)
    for name, converter in entry.pattern.converters.items():
        kind = type(converter).__name__.removesuffix("Converter").lower().replace("string", "str")
        written = re.sub(rf"<(\w+:)?{name}>", str(EXAMPLES.get(kind, "x")), written)
    return re.sub(r"\(\?P<\w+>([^)]*)\)", _match, written).replace("^", "").replace("$", "").replace("\\", "")


def _match(group: re.Match[str]) -> str:
    """Something that the expression takes: an id with its prefix, or letters."""
    prefix = re.match(r"([a-z]{3})_", group[1])
    return to_public_id(prefix[1], UUID(int=1)) if prefix else "x-y"


ROUTES = list(walk(get_resolver().url_patterns))


def test_every_route_says_who_may_open_it() -> None:
    silent = [
        address
        for address, entry in ROUTES
        if find_access(entry.callback) is None
        and not entry.callback.__module__.startswith(("allauth.", "django."))
    ]
    assert silent == []


@pytest.mark.promise("P1.3")
@pytest.mark.parametrize("method", ["get", "post"])
def test_no_page_of_a_signed_in_user_works_without_the_acceptance(
    policies: None, account: Account, alice: User, sign_in: SignIn, method: str
) -> None:
    client = sign_in(alice)
    PolicyAcceptance.objects.all().delete()
    walked = 0
    for address, entry in ROUTES:
        access = find_access(entry.callback)
        is_open = (
            access and (access.kind == "public" or access.before_policy)
        ) or entry.name in OPEN_ALLAUTH_PAGES
        if is_open:
            continue
        answer = getattr(client, method)("/" + address)
        assert answer.status_code == 302, address
        assert answer.headers["Location"].startswith("/policy/accept/"), address
        part = getattr(client, method)("/" + address, headers={"HX-Request": "true"})
        assert part.headers["HX-Redirect"].startswith("/policy/accept/"), address
        assert part.content == b"", address
        walked += 1
    assert walked > 15


@pytest.mark.promise("P9.2")
def test_the_first_request_after_a_new_version_is_asked_for_it(
    policies: None, account: Account, alice: User, sign_in: SignIn
) -> None:
    client = sign_in(alice)
    assert client.get("/settings/").status_code == 200
    old = PolicyDocument.objects.get(kind="privacy", language="en")
    publish_policy(
        "privacy", {"en": PolicyText(old.title, old.body.replace("7 days", "6 days"))}, now=utc_now()
    )
    asked = client.get("/settings/")
    assert asked.headers["Location"] == "/policy/accept/?next=%2Fsettings%2F"
    page = client.get(asked.headers["Location"]).content.decode()
    assert "Our privacy policy has changed" in page
    assert re.search(r"<del[^>]*>7</del><ins[^>]*>6</ins>", page)
    assert "7 days" not in Client().get("/policy/").content.decode()


def test_acceptance_needs_the_box_and_the_text_that_was_shown(
    policies: None, account: Account, alice: User, sign_in: SignIn
) -> None:
    client = sign_in(alice)
    PolicyAcceptance.objects.all().delete()
    document = PolicyDocument.objects.get(kind="privacy", language="en")
    for form in ({"sha256": document.sha256}, {"agree": "yes", "sha256": "0" * 64}, {"agree": "yes"}, {}):
        assert client.post("/policy/accept/", form).status_code == 422
    assert not PolicyAcceptance.objects.exists()
    answer = client.post(
        "/policy/accept/", {"agree": "yes", "sha256": document.sha256, "next": "https://evil.example/"}
    )
    assert answer.headers["Location"] == "/"
    row = PolicyAcceptance.objects.get()
    assert (row.user, row.language, row.document.sha256) == (alice, "en", document.sha256)


def test_who_does_not_accept_can_sign_out(
    policies: None, account: Account, alice: User, sign_in: SignIn
) -> None:
    client = sign_in(alice)
    PolicyAcceptance.objects.all().delete()
    client.post("/accounts/logout/")
    assert "_auth_user_id" not in client.session


def test_acceptance_is_in_the_readers_language(
    policies: None, account: Account, alice: User, sign_in: SignIn
) -> None:
    client = sign_in(alice)
    PolicyAcceptance.objects.all().delete()
    User.objects.update(language="be")
    page = client.get("/policy/accept/").content.decode()
    assert "Пра што гэтая палітыка" in page
    sha256 = PolicyDocument.objects.get(kind="privacy", language="be").sha256
    client.post("/policy/accept/", {"agree": "yes", "sha256": sha256})
    assert PolicyAcceptance.objects.get().language == "be"


# ── Public pages ─────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.promise("P1.1")
def test_the_policy_is_one_click_from_every_page(
    policies: None, account: Account, alice: User, sign_in: SignIn
) -> None:
    client = sign_in(alice)
    for address in (
        "/settings/",
        "/profile/",
        "/work/",
        "/settings/members/",
        "/policy/",
        "/cookies/",
        "/no-such-page/",
    ):
        assert b'href="/policy/"' in client.get(address).content, address
    for address in ("/accounts/login/", "/accounts/signup/", "/accounts/password/reset/", "/policy/"):
        assert b'href="/policy/"' in Client().get(address).content, address


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "What this policy covers"), ("ru", "О чём эта политика"), ("be", "Пра што гэтая палітыка")],
)
def test_the_policy_is_read_in_ones_language(policies: None, language: str, words: str) -> None:
    visitor = Client(headers={"accept-language": language})
    assert words in visitor.get("/policy/").content.decode()


def test_earlier_versions_and_their_differences_stay_readable(policies: None) -> None:
    publish_policy(
        "privacy", {"en": PolicyText("Privacy policy", "1. Short\n\nWe keep nothing.")}, now=utc_now()
    )
    visitor = Client()
    assert "We keep nothing." in visitor.get("/policy/").content.decode()
    first = visitor.get("/policy/1/").content.decode()
    assert "What this policy covers" in first
    assert "a newer one is in force" in first
    assert "<ins" in visitor.get("/policy/2/changes/").content.decode()
    for address in (
        "/policy/3/",
        "/policy/1/changes/",
        "/policy/0/",
        "/cookies/9/",
        "/policy/99999999999999999999/",
    ):
        assert visitor.get(address).status_code == 404, address


def test_a_server_without_policies_says_there_is_none(db: None) -> None:
    assert Client().get("/policy/").status_code == 404


def test_a_view_that_forgot_its_access_is_a_closed_door(
    account: Account, alice: User, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.core.exceptions import ImproperlyConfigured
    from django.urls import clear_url_caches, path

    from dynamail import urls

    def forgotten(request: Any) -> HttpResponse:
        return HttpResponse(Member.objects.across_accounts(reason="test").first())

    monkeypatch.setattr(urls, "urlpatterns", [path("forgotten/", forgotten), *urls.urlpatterns])
    clear_url_caches()
    try:
        with pytest.raises(ImproperlyConfigured, match="does not say who may open it"):
            sign_in(alice).get("/forgotten/")
    finally:
        monkeypatch.undo()
        clear_url_caches()
