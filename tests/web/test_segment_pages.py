from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dynamail.accounts.models import Account, AuditEntry, BackgroundWork, User
from dynamail.accounts.roles import Role
from dynamail.campaigns.drafting import save_draft
from dynamail.contacts.models import Attribute, Contact, Tag
from dynamail.contacts.tags import delete_tag
from dynamail.events.kinds import EventKind
from dynamail.events.log import NewEvent, record_events
from dynamail.lib.clock import utc_now
from dynamail.segments.models import Segment, SegmentDay
from dynamail.segments.saving import archive_segment, change_segment, create_segment
from dynamail.web.segment_people import make_contacts_url
from tests.support.campaigns import make_ready_campaign, member_of
from tests.support.people import make_contact
from tests.support.personas import NOW, make_member, make_user

SignIn = Callable[[User], Client]
DAY = timedelta(days=1)
MINSK = {"all": [{"kind": "attribute", "attribute": "city", "op": "equals", "value": "Minsk"}]}


@pytest.fixture
def client(account: Account, bob: User, sign_in: SignIn) -> Client:
    return sign_in(bob)


@pytest.fixture
def city(account: Account) -> Attribute:
    return Attribute.objects.add(account, number=1, key="city", label="City")


@pytest.fixture
def segment(account: Account, alice: User, city: Attribute) -> Segment:
    """Ann and Ben, who live in Minsk; Cyr does not."""
    for name, town in (("Ann", "Minsk"), ("Ben", "Minsk"), ("Cyr", "Brest")):
        make_contact(account, f"{name.lower()}@mail.example", name=name, attributes={"1": town})
    return make_segment(account, alice, "People of Minsk", MINSK)


def make_segment(account: Account, by: User, name: str, definition: Any, **values: Any) -> Segment:
    return create_segment(
        account.pk, name=name, definition=definition, by=member_of(account, by), now=NOW, **values
    )


def read(response: Any) -> str:
    return b"".join(response).decode("utf-8-sig") if response.streaming else response.content.decode()


def url_of(row: Segment, name: str = "segment", *more: str) -> str:
    return reverse(name, args=[row.public_id, *more])


# ── The list ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_an_empty_list_offers_one_act_and_three_examples(
    account: Account, client: Client, sign_in: SignIn
) -> None:
    page = read(client.get(reverse("segments")))
    assert "No segments yet" in page
    assert page.count("?example=") == 3
    analyst = make_user("dora@acme.example")
    make_member(account, analyst, Role.ANALYST)
    assert reverse("segment_new") not in read(sign_in(analyst).get(reverse("segments")))


def test_the_list_says_what_each_segment_means(
    account: Account, alice: User, client: Client, segment: Segment
) -> None:
    Segment.objects.for_account(account).update(size=2, counted_at=NOW)
    for day in range(3):
        SegmentDay.objects.add(account, segment_id=segment.pk, day=(utc_now() - day * DAY).date(), size=day)
    inside = {"kind": "segment", "segment": segment.public_id}
    make_segment(account, alice, "Nobody of Minsk", {"not": inside})
    page = read(client.get(reverse("segments")))
    for wanted in ("People of Minsk", "City", "Nobody of Minsk", "sparkline"):
        assert wanted in page


def test_the_list_is_searched_sorted_and_paged(account: Account, alice: User, client: Client) -> None:
    for number in range(52):
        row = make_segment(
            account, alice, f"Segment {number:02}", {}, description="odd" if number % 2 else ""
        )
        Segment.objects.for_account(account).filter(pk=row.pk).update(size=number)
    first = read(client.get(reverse("segments")))
    assert "Segment 49" in first
    assert "Segment 50" not in first
    assert "Segment 50" in read(client.get(reverse("segments") + "?page=2"))
    assert "Segment 51" in read(client.get(reverse("segments") + "?sort=size"))
    found = read(client.get(reverse("segments") + "?q=odd", headers={"HX-Request": "true"}))
    assert "Segment 01" in found
    assert "Segment 02" not in found
    assert "Nothing found" in read(client.get(reverse("segments") + "?q=zzz"))
    assert client.get(reverse("segments") + "?page=%00&sort=x&q=%00").status_code == 200


# ── The editor ───────────────────────────────────────────────────────────────────────────────────────────────────────
def fill(**values: Any) -> dict[str, Any]:
    return {
        "name": "Minsk",
        "description": "For the shop there",
        "definition": json.dumps(MINSK),
        "keeps_members": "on",
    } | values


def test_a_segment_is_made_and_shown(account: Account, client: Client, city: Attribute) -> None:
    answer: Any = client.post(reverse("segment_new"), fill())
    row = Segment.objects.for_account(account).get()
    assert answer.url == url_of(row)
    assert (row.name, row.description, row.definition, row.keeps_members) == (
        "Minsk",
        "For the shop there",
        MINSK,
        True,
    )
    page = read(client.get(answer.url))
    for wanted in ("For the shop there", "City", "Minsk", "Nowhere yet"):
        assert wanted in page
    assert AuditEntry.objects.for_account(account).filter(action="segment.created").exists()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"name": " "}, "This field is required."),
        ({"definition": "{"}, "This is no JSON"),
        (
            {"definition": '{"kind": "attribute", "attribute": "town", "op": "filled"}'},
            "no attribute with the key",
        ),
        ({"definition": '{"any": []}'}, "at least one condition"),
        ({"definition": "[" * 40_000}, "deep"),
        ({"definition": '"' + "x" * 70_000 + '"'}, "64 KB"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_lost(
    account: Account, client: Client, city: Attribute, values: dict[str, Any], said: str
) -> None:
    answer: Any = client.post(reverse("segment_new"), fill(**values))
    page = read(answer)
    assert answer.status_code == 422
    assert said in page
    assert "For the shop there" in page
    assert not Segment.objects.for_account(account).exists()


def test_a_name_can_be_taken_once(client: Client, segment: Segment) -> None:
    answer: Any = client.post(reverse("segment_new"), fill(name=segment.name))
    assert answer.status_code == 422
    assert "already" in read(answer)


def test_who_was_slower_sees_what_is_saved_and_may_save_again(
    account: Account, alice: User, client: Client, segment: Segment
) -> None:
    member = member_of(account, alice)
    brest = {"all": [{"kind": "attribute", "attribute": "city", "op": "equals", "value": "Brest"}]}
    change_segment(segment, definition=brest, by=member, now=NOW)
    answer: Any = client.post(url_of(segment, "segment_edit"), fill(version="1"))
    page = read(answer)
    assert answer.status_code == 409
    assert "What is saved now" in page
    assert "Brest" in page
    assert 'name="version" value="2"' in page
    assert client.post(url_of(segment, "segment_edit"), fill(version="2")).status_code == 302
    assert Segment.objects.for_account(account).get().definition == MINSK


def test_a_segment_cannot_contain_itself(client: Client, segment: Segment) -> None:
    itself = json.dumps({"all": [{"kind": "segment", "segment": segment.public_id}]})
    answer: Any = client.post(url_of(segment, "segment_edit"), fill(definition=itself, version="1"))
    assert answer.status_code == 422
    assert "cannot contain itself" in read(answer)


@pytest.mark.parametrize("example", ["asleep", "birthday", "buyers", "unknown"])
def test_an_example_opens_the_editor_filled_in(account: Account, client: Client, example: str) -> None:
    Attribute.objects.add(account, number=1, key="data_rozhdeniya", label="Birthday", type="date")
    page = read(client.get(reverse("segment_new") + f"?example={example}"))
    assert ("data_rozhdeniya" in page) == (example == "birthday")
    assert ("order.placed" in page) == (example == "buyers")


# ── The page of one ──────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_parts_of_the_page_are_counted_when_it_is_there(
    account: Account, alice: User, client: Client, segment: Segment
) -> None:
    figures = read(client.get(url_of(segment, "segment_count")))
    assert ">2<" in figures
    assert "ms" in figures
    people = read(client.get(url_of(segment, "segment_people")))
    assert "Ann" in people
    assert "Cyr" not in people
    ann = {"kind": "field", "field": "email", "op": "begins", "value": "ann"}
    other = make_segment(account, alice, "Ann", ann)
    overlap = read(client.get(url_of(segment, "segment_overlap"), {"other": other.public_id}))
    assert "50.0" in overlap
    assert "1 only here, 1 in both, 0 only in Ann" in overlap
    assert client.get(url_of(segment, "segment_overlap"), {"other": "seg_no"}).status_code == 200


def test_who_joined_and_left_is_listed_in_pages(account: Account, client: Client, segment: Segment) -> None:
    ann = Contact.objects.for_account(account).get(email_key="ann@mail.example")
    many = [
        make_contact(account, f"p{number:02}@mail.example", name=f"Person {number:02}")
        for number in range(25)
    ]
    for number, contact in enumerate(many):
        tell(segment, EventKind.SEGMENT_ENTERED, contact, minutes=number)
    tell(segment, EventKind.SEGMENT_LEFT, ann, minutes=99)
    page = read(client.get(url_of(segment)))
    assert "Person 24" in page
    assert "Person 04" not in page
    older = page.split("changes/joined/?before=")[1].split('"')[0]
    more = read(client.get(url_of(segment, "segment_changes", "joined"), {"before": older}))
    assert "Person 04" in more
    assert "Person 05" not in more
    assert client.get(url_of(segment, "segment_changes", "joined"), {"before": "x"}).status_code == 404
    assert client.get(url_of(segment, "segment_changes", "elsewhere")).status_code == 404


def tell(segment: Segment, kind: EventKind, contact: Contact, *, minutes: int) -> None:
    at = utc_now() - timedelta(hours=5) + timedelta(minutes=minutes)
    event = NewEvent(
        kind, contact.id, source_kind="segment", source_id=segment.uid, data={"segment": segment.public_id}
    )
    record_events(segment.account_id, [event], now=at)


def test_its_size_over_time_is_drawn_with_a_table(account: Account, client: Client, segment: Segment) -> None:
    for day in range(5):
        SegmentDay.objects.add(
            account, segment_id=segment.pk, day=(NOW - day * DAY).date(), size=1_000 + day, joined=day
        )
    page = read(client.get(url_of(segment)))
    assert "Size of the segment over time" in page
    assert "Show as table" in page


def test_the_page_says_where_it_is_used(
    account: Account, alice: User, client: Client, segment: Segment
) -> None:
    inside = {"all": [{"kind": "segment", "segment": segment.public_id}]}
    make_segment(account, alice, "Around it", inside)
    member = member_of(account, alice)
    campaign = make_ready_campaign(account, member, name="To Minsk")
    save_draft(campaign, by=member, now=NOW, condition=inside)
    page = read(client.get(url_of(segment)))
    assert "Around it" in page
    assert "To Minsk" in page
    answer: Any = client.post(url_of(segment, "segment_action", "archive"), follow=True)
    assert "used by" in read(answer)
    segment.refresh_from_db()
    assert segment.archived_at is None


def test_the_score_is_explained_where_it_is_asked_for(account: Account, alice: User, client: Client) -> None:
    row = make_segment(account, alice, "Warm", {"kind": "engagement", "op": "at_least", "value": 60})
    assert "How the engagement score is worked out" in read(client.get(url_of(row)))


def test_a_segment_whose_tag_is_gone_says_so(account: Account, alice: User, client: Client) -> None:
    tag = Tag.objects.add(account, name="VIP")
    row = make_segment(account, alice, "VIPs", {"kind": "tag", "op": "has_any", "tags": [tag.public_id]})
    delete_tag(tag, by=alice, now=NOW)
    for url in (reverse("segments"), url_of(row)):
        assert "There is no such tag" in read(client.get(url))
    for name in ("segment_count", "segment_people", "segment_edit"):
        assert client.get(url_of(row, name)).status_code == 200
    answer = client.get(url_of(row, "segment_export"), follow=True)
    assert "There is no such tag" in read(answer)


def test_the_list_of_contacts_shows_its_people(client: Client, segment: Segment) -> None:
    page = read(client.get(make_contacts_url(segment.public_id)))
    assert "ann@mail.example" in page
    assert "cyr@mail.example" not in page


# ── Acts ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_it_is_copied_archived_and_brought_back(account: Account, client: Client, segment: Segment) -> None:
    answer: Any = client.post(url_of(segment, "segment_action", "duplicate"))
    copy = Segment.objects.for_account(account).exclude(pk=segment.pk).get()
    assert answer.url == url_of(copy, "segment_edit")
    client.post(url_of(segment, "segment_action", "archive"))
    copy.delete()
    client.get(reverse("segments"))  # with the message
    assert segment.name not in read(client.get(reverse("segments")))
    assert segment.name in read(client.get(reverse("segments") + "?archived=1"))
    assert client.get(url_of(segment, "segment_edit")).status_code == 302
    assert "archived" in read(client.get(url_of(segment))).lower()
    client.post(url_of(segment, "segment_action", "restore"))
    segment.refresh_from_db()
    assert segment.archived_at is None
    assert client.post(url_of(segment, "segment_action", "explode")).status_code == 404


def test_looking_at_everybody_again_is_work_that_goes_on_by_itself(
    account: Account, client: Client, segment: Segment
) -> None:
    client.post(url_of(segment, "segment_action", "recheck"))
    work = BackgroundWork.objects.for_account(account).get()
    assert work.subject_id == segment.public_id
    assert work.public_id in read(client.get(url_of(segment)))


def test_its_people_are_exported(account: Account, client: Client, segment: Segment) -> None:
    text = read(client.get(url_of(segment, "segment_export")))
    assert text.splitlines()[0].startswith("Email,Name") or "Email" in text.splitlines()[0]
    assert "ann@mail.example" in text
    assert "cyr@mail.example" not in text
    assert AuditEntry.objects.for_account(account).filter(action="contacts.exported").exists()


def test_a_role_that_only_looks_changes_nothing(account: Account, segment: Segment, sign_in: SignIn) -> None:
    analyst = make_user("dora@acme.example")
    make_member(account, analyst, Role.ANALYST)
    client = sign_in(analyst)
    assert client.get(url_of(segment)).status_code == 200
    assert client.get(reverse("segment_new")).status_code == 403
    assert client.get(url_of(segment, "segment_export")).status_code == 403
    assert client.post(url_of(segment, "segment_action", "archive")).status_code == 403


def test_another_accounts_segment_is_not_found(
    account: Account, other_account: Account, charlie: User, segment: Segment, sign_in: SignIn
) -> None:
    client = sign_in(charlie)
    for name in (
        "segment",
        "segment_edit",
        "segment_count",
        "segment_people",
        "segment_overlap",
        "segment_export",
    ):
        assert client.get(url_of(segment, name)).status_code in (403, 404)
    assert client.post(url_of(segment, "segment_action", "archive")).status_code == 404


def test_an_archived_segment_is_no_choice_for_an_overlap(
    account: Account, alice: User, client: Client, segment: Segment
) -> None:
    other = make_segment(account, alice, "Old", {})
    archive_segment(other, by=member_of(account, alice), now=NOW)
    assert "Old" not in read(client.get(url_of(segment)))
