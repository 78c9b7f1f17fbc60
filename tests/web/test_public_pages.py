from __future__ import annotations

import re
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from uuid import UUID

import pytest
from django.conf import settings
from django.test import Client
from django.utils import translation
from django.utils.translation import gettext

from dynamail.accounts.models import Account
from dynamail.consent.models import ConsentRecord, Subscription, Suppression, Topic
from dynamail.consent.proof import Proof
from dynamail.consent.recording import find_subscriptions, withdraw_consent
from dynamail.consent.suppressing import MARKETING, find_suppression
from dynamail.contacts.models import Contact
from dynamail.events.counters import read_totals
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import new_id
from dynamail.messages.freezing import FrozenSender, FrozenSettings, FrozenSource, freeze_content
from dynamail.tracking.tokens import LeaveToken, PreferencesToken, ViewToken, load_token_keys
from dynamail.web.views import public
from dynamail.web.views.public import mask_address, render_notice
from tests.support.people import make_contact, make_topic, subscribe
from tests.support.personas import NOW

pytestmark = pytest.mark.django_db
KEYS = load_token_keys(settings.SECRET_KEY)
CAMPAIGN = UUID("01936000-0000-7000-8000-000000000001")
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
SCANNERS = ["", "curl/8", "Mozilla/5.0", "Barracuda Sentinel (EE)", "Mozilla/5.0 (compatible; bingbot/2.0)"]


@pytest.fixture
def visitor() -> Client:
    """Somebody's browser, which enforces CSRF as a real one meets it."""
    return Client(enforce_csrf_checks=True)


@pytest.fixture
def topic(account: Account) -> Topic:
    return make_topic(account, tracking="individual")


@pytest.fixture
def dana(account: Account, topic: Topic) -> Contact:
    contact = make_contact(account)
    subscribe(contact, topic)
    return contact


def leave_url(contact: Contact, topic: Topic) -> str:
    return "/u/" + LeaveToken(contact.account_id, contact.id, topic.pk, CAMPAIGN).sign(KEYS)


def preferences_url(contact: Contact) -> str:
    return "/p/" + PreferencesToken(contact.account_id, contact.id).sign(KEYS)


def state_of(contact: Contact, topic: Topic) -> str:
    return find_subscriptions(contact.account_id, contact.id)[topic.pk].state


# --- unsubscribe -------------------------------------------------------------------------------------------------------


@pytest.mark.promise("P8.4")
def test_opening_the_page_changes_nothing_whoever_opens_it(
    visitor: Client, dana: Contact, topic: Topic
) -> None:
    before = ConsentRecord.objects.for_account(dana.account_id).count()
    for url in (leave_url(dana, topic), preferences_url(dana)):
        for agent in SCANNERS:
            for method in (visitor.get, visitor.head, visitor.options):
                response = method(url, headers={"user-agent": agent})
                assert response.status_code == (405 if method == visitor.options else 200)
                assert not response.cookies
    assert state_of(dana, topic) == "subscribed"
    assert ConsentRecord.objects.for_account(dana.account_id).count() == before


@pytest.mark.promise("P8.4")
def test_one_click_withdraws_at_once_without_cookie_or_redirect(
    visitor: Client, dana: Contact, topic: Topic
) -> None:
    response = visitor.post(leave_url(dana, topic), ONE_CLICK)
    assert (response.status_code, response.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert not response.cookies
    assert state_of(dana, topic) == "unsubscribed"
    record = ConsentRecord.objects.for_account(dana.account_id).get(act="withdrawn")
    assert (record.method, record.source_id) == ("one_click", str(CAMPAIGN))


def test_one_click_may_be_repeated(visitor: Client, dana: Contact, topic: Topic) -> None:
    for _ in range(3):
        assert visitor.post(leave_url(dana, topic), ONE_CLICK).status_code == 200
    assert read_totals(dana.account_id, CAMPAIGN) == {"unsubscribed": 1}


def test_one_click_in_a_multipart_body_works_too(visitor: Client, dana: Contact, topic: Topic) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'
    visitor.post(leave_url(dana, topic), body, content_type="multipart/form-data; boundary=x")
    assert state_of(dana, topic) == "unsubscribed"


def test_the_button_withdraws_and_the_page_then_says_so(visitor: Client, dana: Contact, topic: Topic) -> None:
    url = leave_url(dana, topic)
    assert "Unsubscribe from “Product news”?" in visitor.get(url).content.decode()
    response = visitor.post(url, {"act": "leave"})
    assert (response.status_code, response.headers["Location"]) == (303, url)
    page = visitor.get(url).content.decode()
    assert "You are unsubscribed" in page
    assert state_of(dana, topic) == "unsubscribed"


def test_undo_subscribes_again_with_a_record(visitor: Client, dana: Contact, topic: Topic) -> None:
    url = leave_url(dana, topic)
    visitor.post(url, {"act": "leave"})
    visitor.post(url, {"act": "undo"})
    visitor.post(url, {"act": "undo"})
    assert state_of(dana, topic) == "subscribed"
    acts = ConsentRecord.objects.for_account(dana.account_id).order_by("id").values_list("act", flat=True)
    assert sorted(acts) == ["given", "given", "withdrawn"]


def test_leaving_everything_also_covers_topics_that_come_later(
    visitor: Client, dana: Contact, topic: Topic
) -> None:
    other = make_topic_of(dana, "Offers")
    subscribe(dana, other)
    visitor.post(leave_url(dana, topic), {"act": "everything"})
    assert state_of(dana, topic) == state_of(dana, other) == "unsubscribed"
    found = find_suppression(dana.account_id, dana.email_key, now=utc_now())
    assert found is not None
    assert (found.scope, found.reason) == (MARKETING, "unsubscribe")
    page = visitor.get(leave_url(dana, topic)).content.decode()
    assert "You are unsubscribed from everything" in page


def test_undo_of_leaving_everything_brings_back_what_was_left_then(
    visitor: Client, dana: Contact, topic: Topic
) -> None:
    offers, left_before = make_topic_of(dana, "Offers"), make_topic_of(dana, "Events")
    subscribe(dana, offers)
    subscribe(dana, left_before)
    withdraw_consent(
        dana.account_id, dana.id, left_before.pk, proof=Proof(method="page"), now=NOW - timedelta(days=3)
    )
    visitor.post(leave_url(dana, topic), {"act": "everything"})
    visitor.post(leave_url(dana, topic), {"act": "undo"})
    assert state_of(dana, topic) == state_of(dana, offers) == "subscribed"
    assert state_of(dana, left_before) == "unsubscribed"
    assert not Suppression.objects.for_account(dana.account_id).exists()


def test_the_page_does_not_tell_the_address_to_whom_the_mail_was_forwarded(
    visitor: Client, dana: Contact, topic: Topic
) -> None:
    for url in (leave_url(dana, topic), preferences_url(dana)):
        page = visitor.get(url).content.decode()
        assert dana.email not in page
        assert "d•••@mail.example" in page
    assert mask_address("") == "•••@"


@pytest.mark.parametrize("what", ["u", "p"])
def test_every_link_that_was_not_signed_here_gets_one_answer(
    visitor: Client, dana: Contact, topic: Topic, what: str
) -> None:
    good = leave_url(dana, topic) if what == "u" else preferences_url(dana)
    other_kind = preferences_url(dana) if what == "u" else leave_url(dana, topic)
    foreign = (
        LeaveToken(4_000_000, dana.id, topic.pk, CAMPAIGN)
        if what == "u"
        else PreferencesToken(4_000_000, dana.id)
    )
    bad = [
        f"/{what}/nonsense",
        good[:-1],
        good[:-2] + "AA",
        f"/{what}/{other_kind[3:]}",
        f"/{what}/{foreign.sign(KEYS)}",
    ]
    answers = {(visitor.get(url).status_code, visitor.get(url).content) for url in bad}
    posts = {
        (response.status_code, response.content) for url in bad for response in [visitor.post(url, ONE_CLICK)]
    }
    assert len(answers) == 1
    assert answers == posts
    assert state_of(dana, topic) == "subscribed"


def test_a_link_speaks_for_its_own_account_and_person_only(
    visitor: Client, dana: Contact, topic: Topic, other_account: Account
) -> None:
    theirs = make_topic(other_account, "Theirs")
    token = LeaveToken(dana.account_id, dana.id, theirs.pk, CAMPAIGN).sign(KEYS)
    visitor.post(f"/u/{token}", ONE_CLICK)
    assert not Subscription.objects.for_account(other_account).exists()
    assert state_of(dana, topic) == "subscribed"


def test_an_erased_person_leaves_no_trace_by_leaving(visitor: Client, account: Account, topic: Topic) -> None:
    gone = Contact(account_id=account.pk, id=new_id(NOW))
    assert visitor.get(leave_url(gone, topic)).status_code == 200
    assert visitor.post(leave_url(gone, topic), ONE_CLICK).status_code == 200
    assert visitor.get(preferences_url(gone)).status_code == 200
    assert visitor.post(preferences_url(gone), {"act": "everything"}).status_code == 303
    assert not Subscription.objects.for_account(account).exists()
    assert not ConsentRecord.objects.for_account(account).exists()


# --- preferences -------------------------------------------------------------------------------------------------------


def test_ticks_become_consent_and_no_tick_withdraws_it(visitor: Client, dana: Contact, topic: Topic) -> None:
    offers = make_topic_of(dana, "Offers")
    shown = [topic.public_id, offers.public_id]
    response = visitor.post(preferences_url(dana), {"shown": shown, "topic": [offers.public_id]})
    assert response.status_code == 303
    assert state_of(dana, topic) == "unsubscribed"
    assert state_of(dana, offers) == "subscribed"
    assert "Saved" in visitor.get(response.headers["Location"]).content.decode()


def test_a_topic_that_was_not_on_the_page_is_not_decided(
    visitor: Client, dana: Contact, topic: Topic
) -> None:
    visitor.post(preferences_url(dana), {"topic": []})
    assert state_of(dana, topic) == "subscribed"


def test_private_topics_show_only_to_those_who_are_on_them(
    visitor: Client, dana: Contact, topic: Topic
) -> None:
    hidden = make_topic_of(dana, "Staff", is_public=False)
    mine = make_topic_of(dana, "Beta testers", is_public=False)
    subscribe(dana, mine)
    page = visitor.get(preferences_url(dana)).content.decode()
    assert hidden.name not in page
    assert mine.name in page
    visitor.post(preferences_url(dana), {"shown": [hidden.public_id], "topic": [hidden.public_id]})
    assert hidden.pk not in find_subscriptions(dana.account_id, dana.id)


@pytest.mark.promise("P8.4")
def test_tracking_can_be_refused_without_leaving(visitor: Client, dana: Contact, topic: Topic) -> None:
    data = {"shown": [topic.public_id], "topic": [topic.public_id], "tracking": "no"}
    visitor.post(preferences_url(dana), data)
    row = find_subscriptions(dana.account_id, dana.id)[topic.pk]
    assert (row.state, row.tracking_allowed) == ("subscribed", False)


def test_ticking_a_topic_takes_back_leaving_everything(visitor: Client, dana: Contact, topic: Topic) -> None:
    visitor.post(preferences_url(dana), {"act": "everything"})
    assert state_of(dana, topic) == "unsubscribed"
    visitor.post(preferences_url(dana), {"shown": [topic.public_id], "topic": [topic.public_id]})
    assert state_of(dana, topic) == "subscribed"
    assert find_suppression(dana.account_id, dana.email_key, now=utc_now()) is None


# --- the web version ---------------------------------------------------------------------------------------------------


def freeze_campaign(account: Account, topic: Topic, kind: str = "html") -> None:
    source = FrozenSource(
        kind=kind,
        subject="Hello {{ contact.first_name }}",
        body="<p>Dear {{ contact.name }}</p><script>alert(1)</script>"
        if kind == "html"
        else "Dear {{ contact.name }} <b>",
    )
    freeze_content(
        account.pk,
        source_id=CAMPAIGN,
        source=source,
        sender=FrozenSender("news@acme.example", "Acme"),
        settings=FrozenSettings(topic.pk, topic.name, "Spring", account.name),
        launched_at=NOW,
    )


def view_url(contact: Contact) -> str:
    return "/v/" + ViewToken(contact.account_id, CAMPAIGN, contact.id).sign(KEYS)


def test_the_web_version_is_the_person_s_copy_and_can_run_nothing(
    visitor: Client, account: Account, dana: Contact, topic: Topic
) -> None:
    Contact.objects.for_account(account).filter(id=dana.id).update(name="<b>Dana</b>")
    freeze_campaign(account, topic)
    response = visitor.get(view_url(dana))
    assert response.status_code == 200
    assert "&lt;b&gt;Dana&lt;/b&gt;" in response.content.decode()
    assert b"<script" not in response.content
    policy = response.headers["Content-Security-Policy"]
    assert "sandbox" in policy
    assert "allow-scripts" not in policy
    assert not response.cookies


def test_the_web_version_of_a_text_is_text(
    visitor: Client, account: Account, dana: Contact, topic: Topic
) -> None:
    freeze_campaign(account, topic, kind="text")
    page = visitor.get(view_url(dana)).content.decode()
    assert "&lt;b&gt;" in page


def test_the_web_version_ends_with_the_person_and_the_campaign(
    visitor: Client, account: Account, dana: Contact, topic: Topic
) -> None:
    assert visitor.get(view_url(dana)).status_code == 404
    freeze_campaign(account, topic)
    gone = Contact(account_id=account.pk, id=new_id(NOW))
    assert visitor.get(view_url(gone)).status_code == 404


# --- the pages themselves ----------------------------------------------------------------------------------------------


class _Page(HTMLParser):
    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_pages_need_no_script_and_call_nobody(visitor: Client, dana: Contact, topic: Topic) -> None:
    for url in (leave_url(dana, topic), preferences_url(dana)):
        page = _Page(visitor.get(url).content.decode())
        assert not [tag for tag, _ in page.tags if tag == "script"]
        addresses = [attrs.get(name) or "" for _, attrs in page.tags for name in ("src", "href", "action")]
        assert not [address for address in addresses if "//" in address]


def test_the_pages_tell_nobody_where_they_are(visitor: Client, dana: Contact, topic: Topic) -> None:
    response = visitor.get(leave_url(dana, topic))
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert "no-store" in response.headers["Cache-Control"]
    assert "noindex" in response.headers["X-Robots-Tag"]


@pytest.mark.parametrize(
    ("language", "words"), [("ru", "Отписаться"), ("be", "Адпісацца"), ("en", "Unsubscribe")]
)
def test_the_pages_speak_the_recipient_s_language(
    visitor: Client, dana: Contact, topic: Topic, language: str, words: str
) -> None:
    by_browser = visitor.get(leave_url(dana, topic), headers={"accept-language": language})
    by_choice = visitor.get(leave_url(dana, topic), {"lang": language})
    for response in (by_browser, by_choice):
        page = response.content.decode()
        assert words in page
        assert f'lang="{language}"' in page


def test_an_unknown_language_is_the_browser_s(visitor: Client, dana: Contact, topic: Topic) -> None:
    assert visitor.get(leave_url(dana, topic), {"lang": "../../etc"}).status_code == 200


def test_the_notice_of_the_tracking_endpoints_is_kind_and_in_three_languages() -> None:
    assert "This link does not work" in render_notice(404, "").decode()
    assert "Ссылка не работает" in render_notice(404, "fr;q=0.1, ru-RU;q=0.9").decode()
    assert "Спасылка не працуе" in render_notice(404, "be").decode()
    assert "try again in a minute" in render_notice(503, "x" * 5000).decode()


def make_topic_of(contact: Contact, name: str, **values: object) -> Topic:
    return make_topic(Account.objects.get(pk=contact.account_id), name, **values)


@pytest.mark.parametrize("language", ["ru", "be"])
def test_every_sentence_of_the_pages_is_translated(language: str) -> None:
    folder = Path(public.__file__).parents[1] / "templates" / "public"
    sources = [path.read_text(encoding="utf-8") for path in folder.glob("*.html")]
    sentences = {text for source in sources for text in re.findall(r'{% translate "(.+?)"', source)}
    blocks = {
        text for source in sources for text in re.findall(r"{% blocktranslate[^%]*%}(.+?){% end", source)
    }
    sentences |= {re.sub(r"{{ (\w+) }}", r"%(\1)s", text) for text in blocks}
    sentences |= set(re.findall(r'_\("(.+?)"\)', Path(public.__file__).read_text(encoding="utf-8")))
    with translation.override(language):
        assert [text for text in sorted(sentences) if gettext(text) == text] == []
