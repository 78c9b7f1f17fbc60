from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from axes.models import AccessAttempt
from django.core.cache import cache
from django.core.mail import EmailMessage
from django.test import Client

from dynamail.accounts.models import Account, Member, SignIn, User
from dynamail.accounts.roles import Role
from dynamail.consent.topics import find_topics
from dynamail.lib.clock import utc_now
from dynamail.privacy.models import PolicyAcceptance
from dynamail.privacy.policies import ensure_policies
from tests.support.personas import PASSWORD

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0"
NEW_PASSWORD = "purple elephants dance"


@pytest.fixture(autouse=True)
def _fresh_rate_limits() -> None:
    cache.clear()


@pytest.fixture
def policies(db: None) -> None:
    ensure_policies(now=utc_now())


@pytest.fixture
def verified(alice: User, account: Account) -> User:
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    return alice


def log_in(client: Client, email: str, password: str = PASSWORD, **values: str):
    return client.post("/accounts/login/", {"login": email, "password": password, **values})


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def find_link(message: EmailMessage) -> str:
    found = re.search(r"https?://[^/\s]+(/\S+)", str(message.body))
    assert found, message.body
    return found[1]


# ── Signing up ───────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_newcomer_signs_up_verifies_accepts_and_is_in(
    policies: None, mailoutbox: list[EmailMessage]
) -> None:
    client = Client()
    answer = client.post("/accounts/signup/", {"email": "Ann@Flowers.example", "password1": NEW_PASSWORD})
    assert answer.status_code == 302
    assert not is_signed_in(client)
    assert [message.to for message in mailoutbox] == [["ann@flowers.example"]]
    link = find_link(mailoutbox[0])
    assert b"confirmed as yours" in client.get(link).content
    assert not EmailAddress.objects.get().verified, "opening the link alone confirms nothing"
    client.post(link)
    assert is_signed_in(client)
    gate = client.get("/settings/")
    assert gate.status_code == 302
    assert gate.headers["Location"] == "/policy/accept/?next=%2Fsettings%2F"
    page = client.get(gate.headers["Location"])
    sha256 = re.search(rb'name="sha256" value="(\w+)"', page.content)
    assert sha256
    form = {"sha256": sha256[1].decode(), "agree": "yes", "next": "/settings/"}
    assert client.post("/policy/accept/", form).headers["Location"] == "/settings/"
    assert b"Flowers" in client.get("/settings/").content
    user = User.objects.get(email="ann@flowers.example")
    account = Account.objects.get()
    assert (account.name, Member.objects.for_account(account).get(user=user).role) == ("Flowers", Role.OWNER)
    assert len(find_topics(account)) == 1
    assert PolicyAcceptance.objects.get(user=user).document.version == 1


@pytest.mark.promise("P2.2")
def test_only_the_email_is_mandatory_besides_the_password(db: None) -> None:
    required = [name for name, field in _sign_up_form().fields.items() if field.required]
    assert required == ["email", "password1"]


def _sign_up_form():
    from dynamail.web.forms.accounts import SignUpForm

    return SignUpForm()


def test_what_else_a_newcomer_gives_is_kept(db: None) -> None:
    form = {
        "email": "ann@gmail.com",
        "password1": NEW_PASSWORD,
        "name": "Ann Lee",
        "company": "Flowers & Co",
        "phone": "+375 15 200-00-00",
    }
    Client().post("/accounts/signup/", form)
    user = User.objects.get()
    assert (user.name, user.phone, Account.objects.get().name) == (
        "Ann Lee",
        "+375 15 200-00-00",
        "Flowers & Co",
    )


@pytest.mark.parametrize(
    "email",
    ["", "ann", "ann@", "a\r\nb@x.example", "ann@x.example\0", "@x.example", "a" * 300 + "@x.example"],
)
def test_a_bad_address_is_named_and_nothing_is_made(db: None, email: str) -> None:
    answer = Client().post("/accounts/signup/", {"email": email, "password1": NEW_PASSWORD})
    assert answer.status_code in (200, 422)
    assert b"field-error" in answer.content
    assert not User.objects.exists()
    assert not Account.objects.exists()


def test_a_weak_password_is_refused_with_the_reason(db: None) -> None:
    answer = Client().post("/accounts/signup/", {"email": "ann@x.example", "password1": "password12"})
    assert b"too common" in answer.content
    assert not User.objects.exists()


# ── Nobody learns who is a user here ─────────────────────────────────────────────────────────────────────────────────
def test_signing_up_answers_the_same_for_a_known_and_an_unknown_address(
    verified: User, mailoutbox: list[EmailMessage]
) -> None:
    answers = [
        Client().post("/accounts/signup/", {"email": email, "password1": NEW_PASSWORD})
        for email in (verified.email, "nobody@x.example")
    ]
    assert len({(answer.status_code, answer.headers.get("Location")) for answer in answers}) == 1
    assert User.objects.filter(email=verified.email).count() == 1
    assert "already" in mailoutbox[0].body
    assert verified.check_password(PASSWORD)


def test_resetting_answers_the_same_and_writes_no_mail_to_strangers(
    verified: User, mailoutbox: list[EmailMessage]
) -> None:
    answers = [
        Client().post("/accounts/password/reset/", {"email": email})
        for email in (verified.email, "nobody@x.example")
    ]
    assert len({(answer.status_code, answer.headers.get("Location")) for answer in answers}) == 1
    assert [message.to for message in mailoutbox] == [[verified.email]]


def test_signing_in_answers_the_same_for_a_wrong_password_and_a_wrong_address(verified: User) -> None:
    pages = [
        log_in(Client(), email, "wrong wrong wrong").content for email in (verified.email, "nobody@x.example")
    ]
    cleaned = [re.sub(rb'value="[^"]*"|content="[^"]*"|nonce="[^"]*"', b"", page) for page in pages]
    assert cleaned[0] == cleaned[1]


# ── Signing in and out ───────────────────────────────────────────────────────────────────────────────────────────────
def test_signing_in_and_out(verified: User) -> None:
    client = Client(headers={"user-agent": FIREFOX})
    assert log_in(client, "ALICE@acme.example").status_code == 302
    assert is_signed_in(client)
    client.get("/profile/")
    row = SignIn.objects.get()
    assert (row.browser, row.browser_version, row.os, row.ip, row.method) == (
        "Firefox",
        "142",
        "Linux",
        "127.0.0.1",
        "password",
    )
    client.post("/accounts/logout/")
    assert not is_signed_in(client)
    assert SignIn.objects.get().ended_at is not None


def test_an_unverified_address_gets_a_new_link_instead_of_a_session(
    alice: User, account: Account, mailoutbox: list[EmailMessage]
) -> None:
    client = Client()
    log_in(client, alice.email)
    assert not is_signed_in(client)
    assert "Confirm" in mailoutbox[0].subject


def test_too_many_failures_lock_the_name_out_with_a_time_to_wait(verified: User) -> None:
    client = Client(headers={"user-agent": FIREFOX})
    for _attempt in range(10):
        answer = log_in(client, "Alice@acme.example", "wrong wrong wrong")
    assert answer.status_code == 429
    assert re.search(rb"try again in 1[45] minutes", answer.content)
    assert 0 < int(answer.headers["Retry-After"]) <= 15 * 60
    assert log_in(client, verified.email).status_code == 429, "the right password does not open it either"
    assert not is_signed_in(client)
    AccessAttempt.objects.update(attempt_time=utc_now() - timedelta(minutes=16))
    assert log_in(client, verified.email).status_code == 302
    assert is_signed_in(client)


@pytest.mark.promise("P2.1")
def test_a_failed_attempt_keeps_no_browser_and_no_password(verified: User) -> None:
    log_in(
        Client(headers={"user-agent": FIREFOX, "accept": "text/canary"}),
        verified.email,
        "secret canary words",
    )
    row = str(AccessAttempt.objects.values().get())
    for canary in ("Firefox", "Mozilla", "text/canary", "secret canary words", "csrf"):
        assert canary not in row


def test_a_locked_out_name_is_not_a_lock_for_others(verified: User) -> None:
    client = Client()
    for _attempt in range(10):
        log_in(client, "nobody@x.example", "wrong wrong wrong")
    assert log_in(client, verified.email).status_code == 302


def test_a_page_behind_sign_in_leads_back_to_where_one_wanted_to_go(verified: User) -> None:
    client = Client()
    answer = client.get("/profile/security/")
    assert answer.headers["Location"] == "/accounts/login/?next=/profile/security/"
    assert (
        client.get("/profile/", headers={"HX-Request": "true"})
        .headers["HX-Redirect"]
        .startswith("/accounts/login/")
    )
    assert (
        log_in(client, verified.email, next="/profile/security/").headers["Location"] == "/profile/security/"
    )
    assert log_in(Client(), verified.email, next="https://evil.example/").headers["Location"] == "/"


# ── Passwords ────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_reset_password_works_and_ends_every_session(
    verified: User, mailoutbox: list[EmailMessage]
) -> None:
    elsewhere = Client()
    log_in(elsewhere, verified.email)
    elsewhere.get("/profile/")
    client = Client()
    client.post("/accounts/password/reset/", {"email": verified.email})
    form = client.get(find_link(mailoutbox[0]), follow=True)
    client.post(form.request["PATH_INFO"], {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})
    verified.refresh_from_db()
    assert verified.check_password(NEW_PASSWORD)
    assert elsewhere.get("/profile/").status_code == 302
    assert not SignIn.objects.filter(ended_at=None).exists()
    again = client.get(find_link(mailoutbox[0]), follow=True)
    assert b"does not work" in again.content, "a link is for one time"


def test_a_changed_password_signs_out_the_others_and_keeps_this_browser(verified: User) -> None:
    here, there = Client(), Client()
    for client in (here, there):
        log_in(client, verified.email)
        client.get("/profile/")
    form = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    assert here.post("/accounts/password/change/", form).status_code == 302
    assert here.get("/profile/").status_code == 200
    assert there.get("/profile/").status_code == 302
    assert SignIn.objects.filter(user=verified, ended_at=None).count() == 1


# ── Where one is signed in ───────────────────────────────────────────────────────────────────────────────────────────
def test_a_revoked_browser_is_signed_out_at_its_next_request(verified: User) -> None:
    here, there = Client(headers={"user-agent": FIREFOX}), Client()
    for client in (here, there):
        log_in(client, verified.email)
        client.get("/profile/")
    page = here.get("/profile/security/").content
    assert b"This browser" in page
    address = re.search(rb'action="(/profile/security/\w+/end/)"', page)
    assert address
    assert here.post(address[1].decode()).status_code == 302
    assert there.get("/profile/").headers["Location"].startswith("/accounts/login/")
    assert here.get("/profile/").status_code == 200


def test_one_cannot_end_the_sign_in_of_another(
    verified: User, charlie: User, other_account: Account, sign_in: Callable[[User], Client]
) -> None:
    client = Client()
    log_in(client, verified.email)
    client.get("/profile/")
    name = SignIn.objects.get().session_hash[:16]
    stranger = sign_in(charlie)
    assert stranger.post(f"/profile/security/{name}/end/").status_code == 404
    stranger.post("/profile/security/end-others/")
    assert client.get("/profile/").status_code == 200


# ── A second step ────────────────────────────────────────────────────────────────────────────────────────────────────
def _code(secret: str) -> str:
    from allauth.mfa.totp.internal.auth import format_hotp_value

    return format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))


def test_with_an_authenticator_app_the_password_alone_does_not_sign_in(verified: User) -> None:
    secret = generate_totp_secret()
    TOTP.activate(verified, secret)
    client = Client()
    answer = log_in(client, verified.email)
    assert answer.headers["Location"].startswith("/accounts/2fa/authenticate/")
    assert not is_signed_in(client)
    assert client.get("/profile/").status_code == 302
    assert b"Second step" in client.get("/accounts/2fa/authenticate/").content
    client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert not is_signed_in(client)
    client.post("/accounts/2fa/authenticate/", {"code": _code(secret)})
    assert is_signed_in(client)
    client.get("/profile/")
    assert SignIn.objects.get(ended_at=None).method == "password+totp"


def test_codes_of_the_second_step_cannot_be_tried_without_end(verified: User) -> None:
    secret = generate_totp_secret()
    TOTP.activate(verified, secret)
    client = Client()
    log_in(client, verified.email)
    for _attempt in range(8):
        client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    client.post("/accounts/2fa/authenticate/", {"code": _code(secret)})
    assert not is_signed_in(client)


def test_a_recovery_code_signs_in_once(verified: User) -> None:
    TOTP.activate(verified, generate_totp_secret())
    code = RecoveryCodes.activate(verified).get_unused_codes()[0]
    for works in (True, False):
        client = Client()
        log_in(client, verified.email)
        client.post("/accounts/2fa/authenticate/", {"code": code})
        assert is_signed_in(client) is works


def test_the_app_is_turned_on_with_a_code_and_recovery_codes_follow(verified: User) -> None:
    client = Client()
    log_in(client, verified.email)
    asked = client.get("/accounts/2fa/totp/activate/")
    assert asked.headers["Location"].startswith("/accounts/reauthenticate/")
    assert b"Is it you?" in client.get(asked.headers["Location"]).content
    client.post(asked.headers["Location"], {"password": PASSWORD})
    page = client.get("/accounts/2fa/totp/activate/")
    secret = page.context["form"].secret
    assert client.post("/accounts/2fa/totp/activate/", {"code": "12"}).status_code == 200
    assert client.post("/accounts/2fa/totp/activate/", {"code": _code(secret)}).status_code == 302
    assert set(Authenticator.objects.values_list("type", flat=True)) == {"totp", "recovery_codes"}
    for address in (
        "recovery-codes/",
        "recovery-codes/generate/",
        "totp/deactivate/",
        "webauthn/",
        "webauthn/add/",
    ):
        assert client.get(f"/accounts/2fa/{address}").status_code == 200, address
    assert client.get("/accounts/email/").status_code == 200
