from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import F
from django.test import Client
from django.urls import reverse

from dynamail.accounts.models import Account, User
from dynamail.accounts.roles import Role
from dynamail.campaigns.drafting import save_draft
from dynamail.campaigns.launching import cancel_campaign, launch_campaign, pause_campaign, schedule_campaign
from dynamail.campaigns.models import Campaign, CampaignState
from dynamail.consent.models import Topic
from dynamail.contacts.models import Tag
from dynamail.content.models import Template
from dynamail.events.models import RollupHour
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import new_id
from dynamail.lib.sql import SqlFragment
from dynamail.messages.models import Chunk, Message, MessageState, Outbox
from dynamail.senders.models import Sender
from tests.support.campaigns import make_draft, make_ready_campaign, member_of
from tests.support.people import make_contact
from tests.support.personas import NOW, make_member, make_user

SCRIPT = "<script>alert(1)</script>"
PARTIAL = {"HX-Request": "true"}

SignIn = Callable[[User], Client]


@pytest.fixture
def campaign(account: Account, alice: User) -> Campaign:
    return make_ready_campaign(account, member_of(account, alice), name="Alpha " + SCRIPT)


@pytest.fixture
def analyst(account: Account) -> User:
    user = make_user("ann@acme.example", name="Ann")
    make_member(account, user, Role.ANALYST)
    return user


@pytest.fixture
def client(sign_in: SignIn, bob: User) -> Client:
    """Bob, a marketer."""
    return sign_in(bob)


def page(name: str, campaign: Campaign, *rest: str) -> str:
    return reverse(name, args=[campaign.public_id, *rest])


def saved(campaign: Campaign) -> Campaign:
    return Campaign.objects.for_account(campaign.account_id).get(pk=campaign.pk)


def words(response: object) -> str:
    return response.content.decode()  # type: ignore[attr-defined]


READING = (
    ("campaign",),
    ("campaign_card", "to"),
    ("campaign_ready",),
    ("campaign_audience",),
    ("campaign_line",),
    ("campaign_preview",),
    ("campaign_review",),
    ("campaign_progress",),
)
EDITING = (("campaign_content",), ("campaign_start",))
WRITING = (
    ("campaign_rename",),
    ("campaign_card", "to"),
    ("campaign_content",),
    ("campaign_restart",),
    ("campaign_as_template",),
    ("campaign_duplicate",),
    ("campaign_delete",),
)
SENDING = (
    ("campaign_test",),
    ("campaign_launch",),
    ("campaign_schedule",),
    ("campaign_action", "pause"),
    ("campaign_action", "cancel"),
)


def test_a_stranger_gets_nothing_of_a_campaign(
    campaign: Campaign, other_account: Account, charlie: User, sign_in: SignIn
) -> None:
    stranger = sign_in(charlie)
    for name, *rest in READING + EDITING:
        response = stranger.get(page(name, campaign, *rest))
        assert (name, response.status_code) == (name, 404)
        assert "Alpha" not in words(response)
        assert "New things" not in words(response)
    for name, *rest in WRITING + SENDING:
        response = stranger.post(page(name, campaign, *rest), {"name": "Mine", "start": "blank:html"})
        assert (name, response.status_code) == (name, 404)
    assert "Alpha" not in words(stranger.get(reverse("campaigns")))
    assert saved(campaign).version == campaign.version


def test_an_analyst_looks_and_changes_nothing(campaign: Campaign, analyst: User, sign_in: SignIn) -> None:
    reader = sign_in(analyst)
    for name, *rest in READING:
        assert (name, reader.get(page(name, campaign, *rest)).status_code) == (name, 200)
    for name, *rest in EDITING:
        assert (name, reader.get(page(name, campaign, *rest)).status_code) == (name, 403)
    for name, *rest in WRITING + SENDING:
        assert (name, reader.post(page(name, campaign, *rest)).status_code) == (name, 403)
    assert saved(campaign).state == CampaignState.DRAFT
    assert "New campaign" not in words(reader.get(reverse("campaigns")))


def test_nobody_signed_in_sees_the_sign_in_page(campaign: Campaign) -> None:
    response = Client().get(page("campaign", campaign))
    assert response.status_code == 302
    assert "/accounts/login/" in response["Location"]


@pytest.mark.parametrize("name", ["campaign", "campaign_review", "campaign_content"])
def test_a_name_is_text_and_never_markup(campaign: Campaign, client: Client, name: str) -> None:
    for url in (page(name, campaign), reverse("campaigns")):
        assert SCRIPT not in words(client.get(url))
        assert "&lt;script&gt;" in words(client.get(url))


# ── The list ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_list_searches_and_filters(
    campaign: Campaign, account: Account, alice: User, client: Client
) -> None:
    member = member_of(account, alice)
    make_draft(account, member, name="Beta")
    launch_campaign(campaign, by=member, now=NOW)
    assert "Beta" in words(client.get(reverse("campaigns")))
    assert "Beta" not in words(client.get(reverse("campaigns"), {"q": "alph"}))
    assert "Beta" not in words(client.get(reverse("campaigns"), {"state": "live"}))
    assert "Alpha" not in words(client.get(reverse("campaigns"), {"state": "draft"}))
    nothing = client.get(reverse("campaigns"), {"q": "zzz\x00"})
    assert "Nothing found" in words(nothing)
    part = client.get(reverse("campaigns"), headers=PARTIAL)
    assert "<html" not in words(part)


def test_the_list_pages_through_all_campaigns_once(account: Account, alice: User, client: Client) -> None:
    for number in range(30):
        make_draft(account, member_of(account, alice), name=f"Draft number {number:02}.")
    found: list[str] = []
    url = reverse("campaigns")
    while url:
        text = words(client.get(url))
        found += re.findall(r"Draft number (\d\d)\.</a>", text)
        following = re.search(r'rel="next" href="([^"]+)"', text)
        url = reverse("campaigns") + following[1].replace("&amp;", "&") if following else ""
    assert sorted(found) == [f"{number:02}" for number in range(30)]


def test_an_empty_account_is_shown_the_one_thing_to_do(client: Client) -> None:
    assert "No campaigns yet" in words(client.get(reverse("campaigns")))


# ── A new one ────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_campaign_starts_from_a_ready_template_with_the_defaults_of_the_account(
    account: Account, client: Client
) -> None:
    topic = Topic.objects.add(account, name="News")
    sender = Sender.objects.add(account, email="a@acme.example", verified_at=NOW, is_default=True)
    response = client.post(reverse("campaign_new"), {"name": "First", "start": "gallery:welcome"})
    made = Campaign.objects.for_account(account).get()
    assert response["Location"] == page("campaign", made)
    assert (made.topic_id, made.sender_id, made.kind) == (topic.pk, sender.pk, "mjml")
    assert "Welcome" in made.subject


@pytest.mark.parametrize(
    "start", ["", "gallery:none", "blank:none", "template:tpl_x", "template:", "other:x"]
)
def test_an_unknown_start_is_not_found(account: Account, client: Client, start: str) -> None:
    assert client.post(reverse("campaign_new"), {"name": "First", "start": start}).status_code == 404
    assert not Campaign.objects.for_account(account).exists()


def test_the_template_of_another_account_starts_nothing(
    other_account: Account, account: Account, client: Client
) -> None:
    theirs = Template.objects.add(other_account, name="Theirs", source="secret", updated_at=NOW)
    data = {"name": "First", "start": f"template:{theirs.public_id}"}
    assert client.post(reverse("campaign_new"), data).status_code == 404


def test_a_campaign_without_a_name_comes_back_with_the_form(client: Client) -> None:
    response = client.post(reverse("campaign_new"), {"name": " ", "start": "blank:html"})
    assert response.status_code == 422


# ── Cards ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def open_card(client: Client, campaign: Campaign, card: str) -> dict[str, str]:
    """The hidden field that a card's form begins with."""
    text = words(client.get(page("campaign_card", campaign, card), {"edit": "1"}))
    seen = re.search(r'name="seen" value="([^"]*)"', text)
    assert seen
    return {"seen": seen[1]}


def test_the_card_to_keeps_topic_and_tags_and_counts(
    campaign: Campaign, account: Account, client: Client
) -> None:
    topic = Topic.objects.add(account, name="Tips")
    vip, staff = (Tag.objects.add(account, name=name) for name in ("VIP", "Staff"))
    data = open_card(client, campaign, "to") | {
        "topic": topic.public_id,
        "include": [vip.public_id],
        "exclude": [staff.public_id],
    }
    counted = client.post(page("campaign_audience", campaign), data)
    assert "<b>0</b>" in words(counted)
    response = client.post(page("campaign_card", campaign, "to"), data, headers=PARTIAL)
    assert response.status_code == 200
    row = saved(campaign)
    assert (row.topic_id, row.include_tags, row.exclude_tags) == (topic.pk, [vip.pk], [staff.pk])
    assert "Nobody would get this message" in words(response)
    assert 'id="ready"' in words(response)


def test_a_tag_that_is_wanted_and_unwanted_is_refused(
    campaign: Campaign, account: Account, client: Client
) -> None:
    vip = Tag.objects.add(account, name="VIP")
    data = open_card(client, campaign, "to") | {
        "topic": campaign.topic.public_id,
        "include": [vip.public_id],
        "exclude": [vip.public_id],
    }
    response = client.post(page("campaign_card", campaign, "to"), data)
    assert response.status_code == 422
    assert "nobody would be left" in words(response)


def test_ids_of_another_account_are_no_choice(
    campaign: Campaign, other_account: Account, client: Client
) -> None:
    theirs = Topic.objects.add(other_account, name="Theirs")
    data = open_card(client, campaign, "to") | {"topic": theirs.public_id}
    assert client.post(page("campaign_card", campaign, "to"), data).status_code == 422
    assert "Choose a topic" in words(client.post(page("campaign_audience", campaign), data))


def test_the_slower_of_two_at_one_card_is_told_and_may_save_again(campaign: Campaign, client: Client) -> None:
    data = open_card(client, campaign, "subject") | {"subject": "Mine", "preheader": ""}
    Campaign.objects.for_account(campaign.account_id).update(subject="Theirs")
    refused = client.post(page("campaign_card", campaign, "subject"), data)
    assert refused.status_code == 422
    assert "Somebody else changed this card" in words(refused)
    assert 'value="Mine"' in words(refused)
    again = re.search(r'name="seen" value="([^"]*)"', words(refused))
    client.post(page("campaign_card", campaign, "subject"), data | {"seen": again[1]})
    assert saved(campaign).subject == "Mine"


def test_a_conflict_at_the_card_to_keeps_what_was_chosen(
    campaign: Campaign, account: Account, client: Client
) -> None:
    tags = [Tag.objects.add(account, name=name) for name in ("VIP", "Store")]
    data = open_card(client, campaign, "to") | {
        "topic": campaign.topic.public_id,
        "include": [tag.public_id for tag in tags],
    }
    Campaign.objects.for_account(account).update(exclude_tags=[tags[0].pk])
    refused = client.post(page("campaign_card", campaign, "to"), data)
    assert refused.status_code == 422
    assert len(re.findall(r'name="include"[^>]*checked', words(refused))) == 2


def test_a_change_on_another_card_is_no_conflict(campaign: Campaign, client: Client) -> None:
    data = open_card(client, campaign, "subject") | {"subject": "Mine", "preheader": ""}
    Campaign.objects.for_account(campaign.account_id).update(body="<p>Other</p>", version=7)
    assert client.post(page("campaign_card", campaign, "subject"), data).status_code == 200
    assert (saved(campaign).subject, saved(campaign).body) == ("Mine", "<p>Other</p>")


def test_the_inbox_line_is_rendered_and_says_what_is_wrong(
    campaign: Campaign, account: Account, client: Client
) -> None:
    person = make_contact(account, "zoe@mail.example", name="Zoe Lee")
    data = {"subject": "Hi {{ contact.first_name }}", "preheader": "<b>", "contact": person.public_id}
    text = words(client.get(page("campaign_line", campaign), data))
    assert "Hi Zoe" in text
    assert "&lt;b&gt;" in text
    broken = words(client.get(page("campaign_line", campaign), {"subject": "Hi {{ contact.first_name"}))
    assert "Column 4" in broken


def test_a_card_of_a_launched_campaign_is_not_changed(
    campaign: Campaign, account: Account, alice: User, client: Client
) -> None:
    data = open_card(client, campaign, "subject") | {"subject": "Late", "preheader": ""}
    launch_campaign(campaign, by=member_of(account, alice), now=NOW)
    response = client.post(page("campaign_card", campaign, "subject"), data)
    assert response.status_code == 422
    assert "not a draft any more" in words(response)
    assert saved(campaign).subject == "New things"


# ── Content ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def open_editor(client: Client, campaign: Campaign) -> dict[str, str]:
    text = words(client.get(page("campaign_content", campaign)))
    return {"seen": re.search(r'name="seen" value="([^"]*)"', text)[1], "kind": "html", "text": ""}


def test_what_is_typed_is_saved_and_problems_have_a_place(campaign: Campaign, client: Client) -> None:
    data = open_editor(client, campaign) | {"body": "<p>One</p>\r\n<p>{{ contact.name | upcas }}</p>"}
    response = client.post(page("campaign_content", campaign), data, headers=PARTIAL)
    assert response.status_code == 200
    assert saved(campaign).body == "<p>One</p>\n<p>{{ contact.name | upcas }}</p>"
    assert "line 2, column" in words(response)
    assert "upcase" in words(response)
    assert 'data-state="saved"' in words(response)
    assert "data-compiles" not in words(response)


def test_a_save_names_the_version_that_the_next_one_starts_from(campaign: Campaign, client: Client) -> None:
    data = open_editor(client, campaign)
    for text in ("<p>One</p>", "<p>Two</p>"):
        response = client.post(page("campaign_content", campaign), data | {"body": text}, headers=PARTIAL)
        data["seen"] = re.search(r'data-seen="([^"]*)"', words(response))[1]
    assert saved(campaign).body == "<p>Two</p>"
    assert "data-compiles" in words(response)


def test_two_editors_do_not_overwrite_each_other(campaign: Campaign, client: Client) -> None:
    data = open_editor(client, campaign)
    client.post(page("campaign_content", campaign), data | {"body": "<p>First</p>"}, headers=PARTIAL)
    late = client.post(page("campaign_content", campaign), data | {"body": "<p>Late</p>"}, headers=PARTIAL)
    assert late.status_code == 409
    assert "Somebody else saved this" in words(late)
    assert saved(campaign).body == "<p>First</p>"
    seen = re.search(r'data-seen="([^"]*)"', words(late))[1]
    kept = data | {"body": "<p>Late</p>", "seen": seen}
    assert client.post(page("campaign_content", campaign), kept, headers=PARTIAL).status_code == 200
    assert saved(campaign).body == "<p>Late</p>"


def test_a_subject_changed_meanwhile_is_no_conflict_for_the_editor(
    campaign: Campaign, client: Client
) -> None:
    data = open_editor(client, campaign)
    Campaign.objects.for_account(campaign.account_id).update(subject="Other", version=9)
    response = client.post(page("campaign_content", campaign), data | {"body": "<p>x</p>"}, headers=PARTIAL)
    assert response.status_code == 200
    assert saved(campaign).subject == "Other"


def test_a_text_beyond_the_limit_is_refused_with_a_word(campaign: Campaign, client: Client) -> None:
    data = open_editor(client, campaign) | {"body": "x" * 1_000_001}
    response = client.post(page("campaign_content", campaign), data, headers=PARTIAL)
    assert response.status_code == 422
    assert "Your text is still in the editor" in words(response)


def test_the_content_of_a_launched_campaign_is_not_changed(
    campaign: Campaign, account: Account, alice: User, client: Client
) -> None:
    data = open_editor(client, campaign) | {"body": "<p>Late</p>"}
    launch_campaign(campaign, by=member_of(account, alice), now=NOW)
    response = client.post(page("campaign_content", campaign), data, headers=PARTIAL)
    assert response.status_code == 409
    assert "not a draft any more" in words(response)


def test_the_preview_is_a_document_that_may_load_and_run_nothing(campaign: Campaign, client: Client) -> None:
    response = client.get(page("campaign_preview", campaign))
    assert response["Content-Security-Policy"] == (
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'"
    )
    assert "Hello Alex" in words(response)


def test_the_preview_shows_a_contact_but_never_another_accounts(
    campaign: Campaign, account: Account, other_account: Account, client: Client
) -> None:
    ours = make_contact(account, "zoe@mail.example", name="Zoe Lee")
    theirs = make_contact(other_account, "yan@mail.example", name="Yan")
    url = page("campaign_preview", campaign)
    assert "Hello Zoe" in words(client.get(url, {"contact": ours.public_id}))
    assert "Hello Alex" in words(client.get(url, {"contact": theirs.public_id}))
    assert "Hello Alex" in words(client.get(url, {"contact": "con_nonsense"}))
    text = words(client.get(url, {"contact": ours.public_id, "part": "text", "dark": "1"}))
    assert "<pre" in text
    assert "Hello Zoe" in text


def test_the_preview_of_broken_content_says_where_it_is_broken(campaign: Campaign, client: Client) -> None:
    Campaign.objects.for_account(campaign.account_id).update(body="\n\n{% if %}" + SCRIPT)
    response = client.get(page("campaign_preview", campaign))
    assert "line 3" in words(response)
    assert SCRIPT not in words(response)
    assert response["Content-Security-Policy"].startswith("sandbox;")


def test_content_is_kept_as_a_template(campaign: Campaign, account: Account, client: Client) -> None:
    client.post(page("campaign_as_template", campaign), {"name": "Kept"})
    template = Template.objects.for_account(account).get()
    assert (template.name, template.source, template.kind) == ("Kept", campaign.body, "html")


def test_starting_anew_keeps_a_subject_that_was_written(campaign: Campaign, client: Client) -> None:
    client.post(page("campaign_restart", campaign), {"start": "gallery:sale"})
    row = saved(campaign)
    assert (row.kind, row.subject) == ("mjml", "New things")
    assert "<mjml" in row.body


# ── Review and launch ────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_review_names_recipients_links_and_what_to_mend(campaign: Campaign, client: Client) -> None:
    body = '<a href="https://acme.by/one">One</a> <img src="https://acme.by/a.png" width="1"> {{ contact.plann }}'
    Campaign.objects.for_account(campaign.account_id).update(body=body)
    text = words(client.get(page("campaign_review", campaign)))
    assert "https://acme.by/one" in text
    assert "no alt text" in text
    assert "contact.plann" in text
    assert "Send to 3 contacts now" in text
    assert 'data-confirm-type="3"' in text


def test_a_campaign_that_is_not_ready_has_no_send_button(
    account: Account, alice: User, client: Client
) -> None:
    draft = make_draft(account, member_of(account, alice))
    text = words(client.get(page("campaign_review", draft)))
    assert "It cannot be sent yet" in text
    assert page("campaign_launch", draft) not in text
    client.post(page("campaign_launch", draft), {"confirmed": "0"})
    assert saved(draft).state == CampaignState.DRAFT


def test_a_marketer_launches_the_number_that_was_confirmed(campaign: Campaign, client: Client) -> None:
    data = {"confirmed": "3", "version": campaign.version}
    assert client.post(page("campaign_launch", campaign), data)["Location"] == page("campaign", campaign)
    assert (saved(campaign).state, saved(campaign).frozen) == (CampaignState.RUNNING, 3)
    client.post(page("campaign_launch", campaign), data)  # a second press
    assert saved(campaign).frozen == 3


@pytest.mark.parametrize("confirmed", ["", "2", "-3", "three", "9" * 40, "٣"])
def test_more_people_than_were_confirmed_are_not_written_to(
    campaign: Campaign, client: Client, confirmed: str
) -> None:
    data = {"confirmed": confirmed, "version": campaign.version}
    response = client.post(page("campaign_launch", campaign), data, follow=True)
    assert "would go to 3 contacts now" in words(response)
    assert saved(campaign).state == CampaignState.DRAFT


def test_a_number_that_cannot_be_counted_again_is_not_written_to(
    account: Account, alice: User, campaign: Campaign, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The launch itself counts once more, and may be luckier: then nobody agreed to its number."""
    named = {"all": [{"kind": "field", "field": "name", "op": "filled"}]}
    campaign = save_draft(campaign, by=member_of(account, alice), now=NOW, condition=named)
    asked = []

    def compile_slowly_at_first(*_arguments: object, **_options: object) -> SqlFragment:
        asked.append(1)
        return SqlFragment("pg_sleep(30) IS NOT NULL" if len(asked) == 1 else "TRUE")

    monkeypatch.setattr("dynamail.campaigns.audiences.compile_for", compile_slowly_at_first)
    monkeypatch.setattr("dynamail.campaigns.audiences.STATEMENT_TIMEOUT", 0.05)
    data = {"confirmed": "1", "version": campaign.version}
    response = client.post(page("campaign_launch", campaign), data, follow=True)
    assert "Counting was stopped after" in words(response)
    assert saved(campaign).state == CampaignState.DRAFT


def test_a_campaign_that_changed_since_the_review_is_not_launched(campaign: Campaign, client: Client) -> None:
    data = {"confirmed": "3", "version": campaign.version - 1}
    response = client.post(page("campaign_launch", campaign), data, follow=True)
    assert "Somebody else saved this campaign" in words(response)
    assert saved(campaign).state == CampaignState.DRAFT


def test_a_time_is_read_in_the_time_zone_of_the_account(
    campaign: Campaign, account: Account, client: Client
) -> None:
    Account.objects.filter(pk=account.pk).update(timezone="Europe/Minsk")
    day = (utc_now() + timedelta(days=3)).date()
    data = {"at": f"{day.isoformat()}T10:30", "version": campaign.version}
    client.post(page("campaign_schedule", campaign), data)
    at = datetime(day.year, day.month, day.day, 7, 30, tzinfo=UTC)
    assert (saved(campaign).state, saved(campaign).scheduled_at) == (CampaignState.SCHEDULED, at)
    text = words(client.get(page("campaign", campaign)))
    assert "10:30 (Europe/Minsk)" in text
    client.post(page("campaign_action", campaign, "unschedule"))
    assert saved(campaign).state == CampaignState.DRAFT


@pytest.mark.parametrize("at", ["2001-01-01T10:00", "2999-01-01T10:00", "tomorrow", ""])
def test_a_time_that_cannot_be_is_refused_with_the_form(campaign: Campaign, client: Client, at: str) -> None:
    response = client.post(page("campaign_schedule", campaign), {"at": at, "version": campaign.version})
    assert response.status_code == 422
    assert saved(campaign).state == CampaignState.DRAFT


def test_a_test_message_goes_out_and_a_wrong_address_comes_back(
    campaign: Campaign, account: Account, client: Client
) -> None:
    person = make_contact(account, "zoe@mail.example", name="Zoe Lee")
    data = {"to": "bob@acme.example; x@acme.example", "person": person.public_id}
    assert client.post(page("campaign_test", campaign), data).status_code == 302
    rows = Outbox.objects.for_account(account).order_by("recipient")
    assert [row.recipient for row in rows] == ["bob@acme.example", "x@acme.example"]
    assert "Hello Zoe" in rows[0].payload["html"]
    refused = client.post(page("campaign_test", campaign), {"to": "nonsense"})
    assert refused.status_code == 422
    assert "nonsense" in words(refused)


def test_the_link_of_a_test_message_explains_itself_to_anybody(db: None) -> None:
    assert "test message" in words(Client().get(reverse("test_message_link")))


# ── Sending ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_progress_is_polled_while_it_runs_and_not_after(
    campaign: Campaign, account: Account, alice: User, client: Client
) -> None:
    member = member_of(account, alice)
    launch_campaign(campaign, by=member, now=NOW)
    text = words(client.get(page("campaign", campaign)))
    assert 'hx-trigger="every 2s"' in text
    assert "0 of 3 recipients" in text
    pause_campaign(campaign, by=member, now=NOW)
    assert "Resume" in words(client.get(page("campaign_progress", campaign)))
    cancel_campaign(campaign, by=member, now=NOW)
    text = words(client.get(page("campaign_progress", campaign), {"since": "1", "settled": "0"}))
    assert "every 2s" not in text
    assert page("campaign_report", campaign) in text


@pytest.mark.parametrize("since", ["nan", "inf", "1e400", "x", "-1e18"])
def test_a_strange_earlier_look_is_ignored(
    campaign: Campaign, account: Account, alice: User, client: Client, since: str
) -> None:
    launch_campaign(campaign, by=member_of(account, alice), now=NOW)
    url = page("campaign_progress", campaign)
    assert client.get(url, {"since": since, "settled": "0"}).status_code == 200
    assert client.get(url, {"since": "0", "settled": "9" * 30}).status_code == 200


def test_pause_resume_and_cancel_are_pressed_on_the_page(
    campaign: Campaign, account: Account, alice: User, client: Client
) -> None:
    launch_campaign(campaign, by=member_of(account, alice), now=NOW)
    for action, state in (("pause", "paused"), ("resume", "running"), ("cancel", "canceled")):
        client.post(page("campaign_action", campaign, action))
        assert saved(campaign).state == state
    response = client.post(page("campaign_action", campaign, "resume"), follow=True)
    assert "changed in the meantime" in words(response)
    assert client.post(page("campaign_action", campaign, "explode")).status_code == 404


def test_messages_in_doubt_are_sent_again_when_a_member_says_so(
    campaign: Campaign, account: Account, alice: User, client: Client
) -> None:
    launch_campaign(campaign, by=member_of(account, alice), now=NOW)
    put_in_doubt(campaign)
    text = words(client.get(page("campaign", campaign)))
    assert "1 message the connection ended" in text
    assert page("campaign_action", campaign, "resend") in text
    client.post(page("campaign_action", campaign, "resend"))
    assert saved(campaign).state == CampaignState.RUNNING
    waiting = Outbox.objects.for_account(account).get(source_id=campaign.uid)
    assert waiting.in_doubt
    again = client.post(page("campaign_action", campaign, "resend"), follow=True)
    assert "changed in the meantime" in words(again)
    assert saved(campaign).state == CampaignState.RUNNING


def put_in_doubt(campaign: Campaign) -> None:
    """A finished campaign: two of three were delivered, one is in doubt."""
    account_id, hour = campaign.account_id, NOW.replace(minute=0)
    Message.objects.add(
        account_id,
        id=new_id(NOW),
        at=NOW,
        source_kind="campaign",
        source_id=campaign.uid,
        recipient="a@mail.example",
        state=MessageState.UNKNOWN,
    )
    for kind, number in (("unknown", 1), ("delivered", 2)):
        RollupHour.objects.add(account_id, source_id=campaign.uid, kind=kind, hour=hour, n=number)
    chunks = Chunk.objects.for_account(account_id).filter(source_id=campaign.uid)
    chunks.update(state=Chunk.State.FINISHED, done=F("size"), started=F("size"))
    Campaign.objects.for_account(account_id).update(state=CampaignState.FINISHED, finished_at=NOW)


def test_a_campaign_is_renamed_copied_and_deleted(
    campaign: Campaign, account: Account, client: Client
) -> None:
    client.post(page("campaign_rename", campaign), {"name": "Gamma"})
    assert saved(campaign).name == "Gamma"
    client.post(page("campaign_duplicate", campaign))
    assert Campaign.objects.for_account(account).filter(name="Gamma, copy").exists()
    client.post(page("campaign_delete", campaign))
    assert not Campaign.objects.for_account(account).filter(pk=campaign.pk).exists()


def test_a_campaign_that_came_back_says_why(campaign: Campaign, client: Client) -> None:
    Campaign.objects.for_account(campaign.account_id).update(problem="The sender is not verified.")
    assert "It was not sent at its time" in words(client.get(page("campaign", campaign)))
    assert "Held back" in words(client.get(reverse("campaigns")))


def test_a_scheduled_campaign_shows_no_forms(
    campaign: Campaign, account: Account, alice: User, client: Client
) -> None:
    at = utc_now() + timedelta(days=1)
    schedule_campaign(campaign, at=at, by=member_of(account, alice), now=utc_now())
    text = words(client.get(page("campaign", campaign)))
    assert "Unschedule" in text
    assert "?edit=1" not in text
    assert client.get(page("campaign_content", campaign)).status_code == 302
    assert client.get(page("campaign_review", campaign)).status_code == 302
