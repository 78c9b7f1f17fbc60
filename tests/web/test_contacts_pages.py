from __future__ import annotations

import csv
import json
from collections.abc import Callable
from functools import partial
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse
from procrastinate.contrib.django.models import ProcrastinateJob

from dynamail.accounts.api_keys import Scope, create_api_key
from dynamail.accounts.models import Account, AuditEntry, BackgroundWork, Member, User
from dynamail.accounts.roles import Role
from dynamail.consent.models import ConsentRecord, SuppressionReason, Topic
from dynamail.consent.proof import Proof
from dynamail.consent.recording import give_consent
from dynamail.consent.suppressing import suppress_address
from dynamail.contacts.bulk import BulkAct, run_act
from dynamail.contacts.catalog import create_attribute
from dynamail.contacts.editing import Profile, add_contact
from dynamail.contacts.external_ids import link_external_id
from dynamail.contacts.models import Attribute, Contact
from dynamail.contacts.patience import limit_time
from dynamail.contacts.queries import ContactFilter
from dynamail.contacts.tags import create_tag
from dynamail.lib.clock import utc_now
from dynamail.lib.sql import SqlFragment
from tests.support.personas import NOW, make_member, make_user

SignIn = Callable[[User], Client]


@pytest.fixture
def city(account: Account, bob: User) -> Attribute:
    return create_attribute(account.pk, label="City", by=bob, now=NOW)


@pytest.fixture
def ann(account: Account, bob: User, city: Attribute) -> Contact:
    profile = Profile("ann@example.com", "Ann Lee", attributes={city.number: "Minsk"})
    return add_contact(account.pk, profile, by=bob, now=NOW)


@pytest.fixture
def analyst(account: Account) -> User:
    user = make_user("dora@acme.example", name="Dora")
    make_member(account, user, Role.ANALYST)
    return user


def text_of(response: object) -> str:
    if getattr(response, "streaming", False):
        return b"".join(response).decode()  # type: ignore[call-overload]
    return response.content.decode()  # type: ignore[attr-defined]


def test_the_card_shows_what_other_systems_call_the_contact(ann: Contact, bob: User, sign_in: SignIn) -> None:
    url = reverse("contact", args=[ann.public_id])
    assert "External ids" not in text_of(sign_in(bob).get(url))
    link_external_id(ann, "<u1>", by=bob, now=utc_now())
    page = text_of(sign_in(bob).get(url))
    assert 'data-copy="&lt;u1&gt;"' in page
    assert "Changed: External ids" in page


def test_the_card_names_the_api_key_that_added_a_contact(
    account: Account, bob: User, sign_in: SignIn
) -> None:
    member = Member.objects.for_account(account).get(user=bob)
    key, _secret = create_api_key(
        account.pk, name="Shop", scopes=[Scope.WRITE_CONTACTS], by=member, now=utc_now()
    )
    ben = add_contact(account.pk, Profile("ben@example.com"), by=key, now=utc_now())
    page = text_of(sign_in(bob).get(reverse("contact", args=[ben.public_id])))
    assert "by API key “Shop”" in page
    assert "<dd>API key “Shop”</dd>" in page
    assert " object (" not in page


def test_the_history_of_a_contact_names_the_member_who_changed_them(account: Account, bob: User) -> None:
    assert str(Member.objects.for_account(account).get(user=bob)) == str(bob)


def test_an_empty_account_is_led_to_the_import(account: Account, bob: User, sign_in: SignIn) -> None:
    page = text_of(sign_in(bob).get(reverse("contacts")))
    assert "No contacts yet" in page
    assert reverse("contact_import_new") in page


def test_the_list_shows_finds_and_filters(account: Account, bob: User, ann: Contact, sign_in: SignIn) -> None:
    vip = create_tag(account.pk, "VIP", by=bob, now=NOW)
    add_contact(account.pk, Profile("zoe@other.example", "Zoë", tag_ids=[vip.pk]), by=bob, now=NOW)
    client = sign_in(bob)
    city = Attribute.objects.for_account(account).get()
    for query, found in (
        ("", {"Ann Lee", "Zoë"}),
        ("?q=lee", {"Ann Lee"}),
        ("?q=OTHER.exam", {"Zoë"}),
        ("?q=ANN@example.com", {"Ann Lee"}),
        (f"?tag={vip.public_id}", {"Zoë"}),
        (f"?attribute={city.public_id}&value=Minsk", {"Ann Lee"}),
        ("?state=suppressed", set()),
        ("?source=import", set()),
        ("?sort=nonsense&after=%ff&col=nonsense", {"Ann Lee", "Zoë"}),
    ):
        page = text_of(client.get(reverse("contacts") + query))
        assert {name for name in ("Ann Lee", "Zoë") if f">{name}<" in page} == found, query


def test_htmx_gets_the_list_alone(account: Account, bob: User, ann: Contact, sign_in: SignIn) -> None:
    page = text_of(sign_in(bob).get(reverse("contacts"), headers={"HX-Request": "true"}))
    assert "Ann Lee" in page
    assert "<html" not in page


def test_columns_are_chosen_in_the_address(
    account: Account, bob: User, ann: Contact, city: Attribute, sign_in: SignIn
) -> None:
    client = sign_in(bob)
    assert "Minsk" not in text_of(client.get(reverse("contacts"), headers={"HX-Request": "true"}))
    page = text_of(client.get(reverse("contacts") + f"?col={city.public_id}", headers={"HX-Request": "true"}))
    assert "Minsk" in page


def test_pages_follow_each_other_without_gap_or_repeat(account: Account, bob: User, sign_in: SignIn) -> None:
    for number in range(120):
        add_contact(account.pk, Profile(f"p{number:03}@example.com"), by=bob, now=NOW)
    client = sign_in(bob)
    for sort in ("newest", "email", "name"):
        url, seen = f"{reverse('contacts')}?sort={sort}", []
        while url:
            response = client.get(url)
            seen += [line.contact.email for line in response.context["lines"]]
            url = response.context["next_url"] and reverse("contacts") + response.context["next_url"]
        assert len(seen) == len(set(seen)) == 120, sort
        back = client.get(reverse("contacts") + response.context["previous_url"])
        assert [line.contact.email for line in back.context["lines"]] == seen[50:100], sort


def test_a_contact_is_added_and_changed_with_its_history(
    account: Account, bob: User, city: Attribute, sign_in: SignIn
) -> None:
    client = sign_in(bob)
    field = f"attribute_{city.public_id}"
    data = {"email": "анна@пример.бел", "name": "Анна", "tags": "vip, new", field: "Гродна"}
    response = client.post(reverse("contact_new"), data)
    contact = Contact.objects.for_account(account).get()
    assert response.url == reverse("contact", args=[contact.public_id])
    assert contact.attributes == {str(city.number): "Гродна"}
    assert len(contact.tags) == 2
    client.post(
        reverse("contact_save", args=[contact.public_id]), data | {"name": "Анна Ковалёва", field: ""}
    )
    page = text_of(client.get(response.url))
    assert "Анна Ковалёва" in page
    assert "Changed: Name, City" in page
    contact.refresh_from_db()
    assert contact.attributes == {}


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"email": "no address"}, "contains a space"),
        ({"email": "a@b"}, "has no dot"),
        ({"email": "a@b.example\nBcc: x@y.example"}, "line break"),
        ({"email": "ANN@example.com"}, "exists already"),
    ],
)
def test_what_cannot_be_saved_is_explained_and_kept(
    account: Account, bob: User, ann: Contact, sign_in: SignIn, data: dict[str, str], sentence: str
) -> None:
    response = sign_in(bob).post(reverse("contact_new"), data | {"name": "Kept name"})
    assert response.status_code == 422
    assert sentence in text_of(response)
    assert "Kept name" in text_of(response)


def test_a_value_of_the_wrong_type_is_explained(
    account: Account, bob: User, ann: Contact, sign_in: SignIn
) -> None:
    born = create_attribute(account.pk, label="Born", type="date", by=bob, now=NOW)
    data = {"email": "ann@example.com", f"attribute_{born.public_id}": "31.02.2020"}
    response = sign_in(bob).post(reverse("contact_save", args=[ann.public_id]), data)
    assert response.status_code == 422
    assert "There is no such day" in text_of(response)


def test_the_card_tells_consent_with_its_proof(
    account: Account, bob: User, ann: Contact, sign_in: SignIn
) -> None:
    topic = Topic.objects.add(account, name="Product news")
    client = sign_in(bob)
    url = reverse("contact_consent", args=[ann.public_id])
    client.post(url, {"topic": topic.public_id, "act": "give", "text": ""})
    assert not ConsentRecord.objects.for_account(account).exists(), "no consent without the words"
    client.post(url, {"topic": topic.public_id, "act": "give", "text": "Said yes on the phone."})
    client.post(url, {"topic": topic.public_id, "act": "withdraw"})
    page = text_of(client.get(reverse("contact", args=[ann.public_id])))
    assert "Said yes on the phone." in page
    assert "Unsubscribed from “Product news”" in page
    assert [record.act for record in ConsentRecord.objects.for_account(account).order_by("at")] == [
        "given",
        "withdrawn",
    ]


def test_a_suppression_is_shown_with_its_reason(
    account: Account, bob: User, ann: Contact, sign_in: SignIn
) -> None:
    suppress_address(account.pk, ann.email_key, reason=SuppressionReason.COMPLAINT, now=NOW)
    client = sign_in(bob)
    page = text_of(client.get(reverse("contact", args=[ann.public_id])))
    assert "Marked our mail as spam" in page
    client.post(reverse("contact_suppression", args=[ann.public_id]), {"act": "lift"})
    ann.refresh_from_db()
    assert ann.state == "suppressed", "a member cannot take back what the person said"


def test_a_member_suppresses_and_allows_again(
    account: Account, bob: User, ann: Contact, sign_in: SignIn
) -> None:
    client, url = sign_in(bob), reverse("contact_suppression", args=[ann.public_id])
    client.post(url, {"act": "suppress", "detail": "Asked by letter"})
    ann.refresh_from_db()
    assert ann.state == "suppressed"
    client.post(url, {"act": "lift"})
    ann.refresh_from_db()
    assert ann.state == "active"


def test_ticked_contacts_are_tagged_untagged_and_deleted(
    account: Account, bob: User, ann: Contact, sign_in: SignIn
) -> None:
    client, url = sign_in(bob), reverse("contacts_act")
    client.post(url, {"id": [ann.public_id], "act": "add_tag:", "new_tag": "fair"})
    ann.refresh_from_db()
    assert len(ann.tags) == 1
    tag = create_tag(account.pk, "other", by=bob, now=NOW)
    client.post(url, {"id": [ann.public_id], "act": f"remove_tag:{tag.public_id}"})
    client.post(url, {"id": [ann.public_id], "act": "delete"})
    assert not Contact.objects.for_account(account).exists()


def test_all_that_match_are_changed_in_the_background(
    account: Account, bob: User, ann: Contact, sign_in: SignIn
) -> None:
    add_contact(account.pk, Profile("zoe@example.com", "Zoë"), by=bob, now=NOW)
    tag = create_tag(account.pk, "fair", by=bob, now=NOW)
    response = sign_in(bob).post(
        reverse("contacts_act") + "?q=ann", {"all": "1", "act": f"add_tag:{tag.public_id}"}
    )
    work = BackgroundWork.objects.for_account(account).get()
    assert response.url == reverse("work_progress", args=[work.public_id])
    run_act(work, ContactFilter(search="ann"), BulkAct("add_tag", tag.pk), now=NOW)
    work.refresh_from_db()
    assert (work.state, work.result["changed"]) == ("finished", 1)
    assert Contact.objects.for_account(account).get(tags__contains=[tag.pk]) == ann


def test_unsubscribing_many_keeps_the_proof(
    account: Account, bob: User, ann: Contact, sign_in: SignIn
) -> None:
    topic = Topic.objects.add(account, name="News")
    give_consent(account.pk, ann.id, topic.pk, proof=Proof(method="page"), now=NOW)
    sign_in(bob).post(
        reverse("contacts_act"), {"id": [ann.public_id], "act": f"unsubscribe:{topic.public_id}"}
    )
    record = ConsentRecord.objects.for_account(account).get(act="withdrawn")
    assert (record.method, record.actor) == ("member", "Bob")


def test_the_export_is_safe_to_open_and_reads_back(
    account: Account, bob: User, city: Attribute, sign_in: SignIn
) -> None:
    evil = '=HYPERLINK("http://evil.example")'
    profile = Profile("+1@example.com", evil, attributes={city.number: "@SUM(1)"})
    add_contact(account.pk, profile, by=bob, now=NOW)
    response = sign_in(bob).get(reverse("contacts_export") + f"?col={city.public_id}")
    rows = list(csv.reader(text_of(response).removeprefix("\ufeff").splitlines()))
    assert rows == [["Email", "Name", "City"], ["'+1@example.com", f"'{evil}", "'@SUM(1)"]]
    assert AuditEntry.objects.for_account(account).filter(action="contacts.exported").exists()


@pytest.mark.promise("P8.3")
def test_restricted_people_are_not_exported(
    account: Account, bob: User, ann: Contact, sign_in: SignIn
) -> None:
    Contact.objects.for_account(account).update(state="restricted")
    assert "ann@example.com" not in text_of(sign_in(bob).get(reverse("contacts_export")))


def test_an_analyst_may_look_but_not_touch(
    account: Account, analyst: User, ann: Contact, sign_in: SignIn
) -> None:
    client = sign_in(analyst)
    card = reverse("contact", args=[ann.public_id])
    page = text_of(client.get(card))
    assert "ann@example.com" in page
    assert reverse("contact_save", args=[ann.public_id]) not in page
    assert client.get(reverse("contacts")).status_code == 200
    for url in ("contact_new", "contacts_export", "contact_import_new"):
        assert client.get(reverse(url)).status_code == 403
    for url in ("contact_save", "contact_delete", "contact_consent", "contact_suppression"):
        assert client.post(reverse(url, args=[ann.public_id])).status_code == 403
    assert client.post(reverse("contacts_act"), {"id": ann.public_id, "act": "delete"}).status_code == 403
    assert Contact.objects.for_account(account).exists()


@pytest.mark.promise("P5.2")
def test_a_stranger_sees_nothing(
    account: Account, ann: Contact, other_account: Account, charlie: User, sign_in: SignIn
) -> None:
    client = sign_in(charlie)
    for name in ("contact", "contact_older"):
        response = client.get(reverse(name, args=[ann.public_id]))
        assert response.status_code == 404
        assert "ann@" not in text_of(response)
    for name in ("contact_save", "contact_delete", "contact_consent", "contact_suppression"):
        assert client.post(reverse(name, args=[ann.public_id])).status_code == 404
    client.post(reverse("contacts_act"), {"id": ann.public_id, "act": "delete"})
    for url in (reverse("contacts"), reverse("contacts") + "?q=ann", reverse("contacts_export")):
        assert "ann@example.com" not in text_of(client.get(url))
    assert Contact.objects.for_account(account).exists()


def test_hostile_names_are_shown_as_text(account: Account, bob: User, sign_in: SignIn) -> None:
    contact = add_contact(
        account.pk, Profile("eve@example.com", "<script>alert(1)</script>"), by=bob, now=NOW
    )
    client = sign_in(bob)
    for url in (reverse("contacts"), reverse("contact", args=[contact.public_id])):
        assert "<script>alert(1)" not in text_of(client.get(url))


def condition(**leaf: object) -> str:
    return json.dumps({"all": [leaf]})


def test_the_list_is_filtered_by_any_condition_of_the_address(
    account: Account, bob: User, ann: Contact, sign_in: SignIn
) -> None:
    add_contact(account.pk, Profile("zoe@other.example", "Zoë"), by=bob, now=NOW)
    client, minsk = sign_in(bob), condition(kind="attribute", attribute="city", op="equals", value="Minsk")
    page = client.get(reverse("contacts"), {"condition": minsk})
    assert [line.contact for line in page.context["lines"]] == [ann]
    (chip,) = page.context["query"].chips
    assert "Minsk" in chip.label
    assert chip.url == "?"
    assert "Save as segment" in text_of(page)
    editor = client.get(reverse("segment_new"), {"condition": page.context["query"].asked.text})
    assert editor.context["props"]["condition"] == json.loads(minsk)
    assert client.get(reverse("segment_new"), {"condition": "{"}).status_code == 200
    link = reverse("contacts") + page.context["query"].encode(sort="email")
    assert [line.contact for line in client.get(link).context["lines"]] == [ann]
    rows = text_of(client.get(reverse("contacts_export") + page.context["query"].encode())).splitlines()
    assert len(rows) == 2


def test_restricted_people_are_listed_by_a_condition_but_never_exported(
    account: Account, bob: User, ann: Contact, sign_in: SignIn
) -> None:
    Contact.objects.for_account(account).update(state="restricted")
    client, query = sign_in(bob), {"condition": condition(kind="standing", standing="restricted")}
    assert len(client.get(reverse("contacts"), query).context["lines"]) == 1
    assert len(text_of(client.get(reverse("contacts_export"), query)).splitlines()) == 1
    assert "Processing is restricted" in text_of(client.get(reverse("contact", args=[ann.public_id])))


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"all": 3}',
        '{"kind":"attribute","attribute":"nothing","op":"filled"}',
        "[" * 9_000,
        "\x00",
    ],
)
def test_a_faulty_condition_lists_nobody_and_changes_nobody(
    account: Account, bob: User, ann: Contact, sign_in: SignIn, text: str
) -> None:
    client = sign_in(bob)
    page = client.get(reverse("contacts"), {"condition": text})
    assert page.status_code == 200
    assert not page.context["lines"]
    assert page.context["query"].asked.faults
    url = reverse("contacts_act") + "?" + urlencode({"condition": text})
    client.post(url, {"all": "1", "act": "delete", "typed": "1"})
    assert client.get(reverse("contacts_export"), {"condition": text}).status_code == 302
    assert not BackgroundWork.objects.for_account(account).exists()
    assert Contact.objects.for_account(account).count() == 1


@pytest.mark.parametrize(
    "stale",
    [
        {"tag": "tag_00000000000000000000000000"},
        {"topic": "top_nonsense", "consent": "subscribed"},
        {"topic": "news", "consent": "nonsense"},
        {"state": "nonsense"},
        {"source": "nonsense"},
        {"import": "nonsense"},
        {"attribute": "att_nonsense", "value": "Minsk"},
        {"attribute": "colors", "value": ","},
        {"q": "\x00"},
        {"q": "a" * 201},
        {"import": "imp_\x00"},
    ],
)
def test_a_filter_that_names_nothing_lists_nobody_and_changes_nobody(
    account: Account, bob: User, ann: Contact, sign_in: SignIn, stale: dict[str, str]
) -> None:
    news = Topic.objects.add(account, name="News")
    colors = create_attribute(account.pk, label="Colors", type="list", by=bob, now=NOW)
    names = {"news": news.public_id, "colors": colors.public_id}
    query = {key: names.get(text, text) for key, text in stale.items()}
    client = sign_in(bob)
    page = client.get(reverse("contacts"), query)
    assert not page.context["lines"]
    (fault,) = page.context["query"].faults
    assert page.context["query"].chips[0].label == fault
    url = reverse("contacts_act") + "?" + urlencode(query)
    assert fault in text_of(client.post(url, {"all": "1", "act": "suppress"}, follow=True))
    assert client.get(reverse("contacts_export"), query).status_code == 302
    assert not BackgroundWork.objects.for_account(account).exists()
    assert not client.get(reverse("contacts") + page.context["query_string"]).context["lines"]
    without = page.context["query"].chips[0].url
    assert ann in [line.contact for line in client.get(reverse("contacts") + without).context["lines"]] or (
        "topic" in stale
    )


def test_a_bulk_act_takes_its_condition_along(
    account: Account, bob: User, ann: Contact, sign_in: SignIn
) -> None:
    tag = create_tag(account.pk, "fair", by=bob, now=NOW)
    minsk = condition(kind="attribute", attribute="city", op="equals", value="Minsk")
    url = reverse("contacts_act") + "?" + urlencode({"condition": minsk})
    sign_in(bob).post(url, {"all": "1", "act": f"add_tag:{tag.public_id}"})
    job = ProcrastinateJob.objects.get(task_name="segments.run_act")
    assert job.args["condition"] == json.loads(minsk)
    assert BackgroundWork.objects.for_account(account).get().total == 1


def test_deleting_all_that_match_asks_for_the_number(
    account: Account, bob: User, ann: Contact, sign_in: SignIn
) -> None:
    kept = add_contact(account.pk, Profile("ann.restricted@example.com"), by=bob, now=NOW)
    Contact.objects.for_account(account).filter(id=kept.id).update(state="restricted")
    client, url = sign_in(bob), reverse("contacts_act") + "?q=ann"
    assert "Type 1 to delete them" in text_of(client.post(url, {"all": "1", "act": "delete"}))
    assert client.post(url, {"all": "1", "act": "delete", "typed": "2"}).status_code == 422
    assert not BackgroundWork.objects.for_account(account).exists()
    assert client.post(url, {"all": "1", "act": "delete", "typed": "1"}).status_code == 302
    assert BackgroundWork.objects.for_account(account).get().kind == "contacts.bulk"


def test_an_attribute_is_set_for_the_chosen_and_a_wrong_value_says_so(
    account: Account, bob: User, ann: Contact, sign_in: SignIn
) -> None:
    score = create_attribute(account.pk, label="Score", type="number", by=bob, now=NOW)
    client, data = sign_in(bob), {"id": ann.public_id, "act": "set_attribute:", "attribute": score.public_id}
    assert "is not a number" in text_of(
        client.post(reverse("contacts_act"), data | {"value": "x"}, follow=True)
    )
    client.post(reverse("contacts_act"), data | {"value": "7,5"})
    assert Contact.objects.for_account(account).get().attributes[str(score.number)] == 7.5
    client.post(reverse("contacts_act"), data | {"value": ""})
    assert str(score.number) not in Contact.objects.for_account(account).get().attributes


def test_a_finished_act_is_taken_back_from_its_page(
    account: Account, bob: User, ann: Contact, sign_in: SignIn
) -> None:
    tag = create_tag(account.pk, "fair", by=bob, now=NOW)
    client = sign_in(bob)
    client.post(reverse("contacts_act"), {"all": "1", "act": f"add_tag:{tag.public_id}"})
    work = BackgroundWork.objects.for_account(account).get()
    run_act(work, ContactFilter(), BulkAct("add_tag", tag.pk), now=utc_now())
    page = reverse("work_progress", args=[work.public_id])
    assert "Undo" in text_of(client.get(page))
    client.post(reverse("work_undo", args=[work.public_id]))
    undoing = BackgroundWork.objects.for_account(account).get(kind="contacts.undo")
    assert undoing.total == 1
    assert "work_undo" not in text_of(client.get(page))
    assert "any more" in text_of(client.post(reverse("work_undo", args=[work.public_id]), follow=True))


def test_the_exact_number_comes_after_the_estimate(
    account: Account, bob: User, ann: Contact, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    Contact.objects.for_account(account).update(sample=0)
    monkeypatch.setattr("dynamail.contacts.queries.find_share", lambda account_id: 100)
    client = sign_in(bob)
    assert "≈" in text_of(client.get(reverse("contacts")))
    assert text_of(client.get(reverse("contacts_count"))).strip() == "1 contact"


def test_the_card_says_whether_they_may_be_written_to_and_corrects_a_slip(
    account: Account, bob: User, ann: Contact, sign_in: SignIn
) -> None:
    Topic.objects.add(account, name="News")
    slip = add_contact(account.pk, Profile("dora@gmial.com", "Dora"), by=bob, now=NOW)
    client = sign_in(bob)
    card = text_of(client.get(reverse("contact", args=[slip.public_id])))
    assert "The person never agreed to this topic." in card
    assert "Correct to dora@gmail.com" in card
    assert "In no segment." in card
    client.post(reverse("contact_correct", args=[slip.public_id]))
    fixed = Contact.objects.for_account(account).get(id=slip.id)
    assert (fixed.email, fixed.findings) == ("dora@gmail.com", 0)


def test_a_slip_of_somebody_who_is_known_leads_to_the_comparison(
    account: Account, bob: User, sign_in: SignIn
) -> None:
    right = add_contact(account.pk, Profile("dora@gmail.com"), by=bob, now=NOW)
    slip = add_contact(account.pk, Profile("dora@gmial.com"), by=bob, now=NOW)
    response = sign_in(bob).post(reverse("contact_correct", args=[slip.public_id]))
    assert response.url == reverse("contact_merge", args=[right.public_id]) + f"?with={slip.public_id}"


def test_a_list_that_takes_too_long_says_so(
    account: Account, bob: User, ann: Contact, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    forever = SqlFragment("(SELECT count(pg_sleep(10)) FROM generate_series(1, 9)) > 0")
    monkeypatch.setattr("dynamail.web.views.contact_list.compile_list", lambda *_values, **_more: forever)
    monkeypatch.setattr("dynamail.web.views.contact_list.limit_time", partial(limit_time, seconds=0.05))
    client = sign_in(bob)
    assert "This takes too long" in text_of(client.get(reverse("contacts")))
    assert "more than can be counted in time" in text_of(client.get(reverse("contacts_count")))
    answer = client.post(reverse("contacts_act"), {"all": "1", "act": "delete"}, follow=True)
    assert "cannot be counted in time" in text_of(answer)
    monkeypatch.setattr("dynamail.contacts.exporting.FINDING_SECONDS", 0.05)
    assert "takes too long" in text_of(client.get(reverse("contacts_export"), follow=True))
