from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection

from dynamail.accounts.background import queue_work
from dynamail.accounts.models import Account, AuditEntry, User
from dynamail.consent.models import ConsentRecord, Subscription, Suppression, SuppressionReason, Topic
from dynamail.consent.proof import Proof
from dynamail.consent.recording import choose_tracking, give_consent, withdraw_consent
from dynamail.consent.suppressing import suppress_address
from dynamail.contacts.aliases import find_reached, list_aliases
from dynamail.contacts.catalog import create_attribute
from dynamail.contacts.editing import (
    Profile,
    add_contact,
    delete_contact,
    find_contact,
    find_contact_by_email,
)
from dynamail.contacts.finding_duplicates import (
    Basis,
    Rule,
    call_different,
    find_pairs,
    find_rule,
    list_open,
    list_rules,
    run_merge_all,
    run_search,
)
from dynamail.contacts.merging import MergeChoice, MergeError, merge_contacts, plan_merge
from dynamail.contacts.models import Attribute, Contact, ContactAlias, ContactState, DuplicatePair, ValueAside
from dynamail.contacts.queries import ContactFilter, filter_contacts
from dynamail.contacts.tags import create_tag
from dynamail.events.log import record_event
from dynamail.events.models import Activity, CustomEvent, Engagement, Event, Interaction
from dynamail.lib.ids import new_id
from dynamail.messages.models import Message
from tests.support.personas import NOW

SOON = NOW + timedelta(minutes=5)
MOMENTS = itertools.count()  # who was added first stays
PAGE = Proof(method="page", text="Yes")


@pytest.fixture
def city(account: Account, bob: User) -> Attribute:
    return create_attribute(account.pk, label="City", by=bob, now=NOW)


@pytest.fixture
def phone(account: Account, bob: User) -> Attribute:
    return create_attribute(account.pk, label="Phone", by=bob, now=NOW)


@pytest.fixture
def news(account: Account) -> Topic:
    return Topic.objects.add(account, name="News")


def add(account: Account, email: str, name: str = "", **attributes: object) -> Contact:
    numbers = {row.key: row.number for row in Attribute.objects.for_account(account)}
    values = {numbers[key]: value for key, value in attributes.items()}
    now = NOW - timedelta(days=1) + timedelta(seconds=next(MOMENTS))
    return add_contact(account.pk, Profile(email, name, attributes=values), by=None, now=now)  # type: ignore[arg-type]


def merge(kept: Contact, gone: Contact, bob: User, **choice: object) -> Contact:
    return merge_contacts(
        kept.account_id,
        kept_id=kept.id,
        gone_id=gone.id,
        choice=MergeChoice(**choice),  # type: ignore[arg-type]
        by=bob,
        now=SOON,
    )


def states_of(contact: Contact) -> dict[int, str]:
    rows = Subscription.objects.for_account(contact.account_id).filter(contact_id=contact.id)
    return dict(rows.values_list("topic_id", "state"))


def test_values_tags_and_name_are_united_and_the_one_who_stays_wins(
    account: Account, bob: User, city: Attribute, phone: Attribute
) -> None:
    kept = add(account, "ann@work.example", "Ann", city="Minsk")
    gone = add(account, "ann@home.example", "Annie", city="Brest", phone="+37529")
    tags = [create_tag(account.pk, name, by=bob, now=NOW).pk for name in ("a", "b", "c")]
    Contact.objects.for_account(account).filter(id=kept.id).update(tags=tags[:2])
    Contact.objects.for_account(account).filter(id=gone.id).update(tags=tags[1:], language="be")
    merge(kept, gone, bob)
    after = find_contact(account.pk, kept.id)
    assert after is not None
    assert (after.email, after.name, after.language) == ("ann@work.example", "Ann", "be")
    assert after.attributes == {str(city.number): "Minsk", str(phone.number): "+37529"}
    assert after.tags == tags
    assert find_contact(account.pk, gone.id) is None


def test_a_member_chooses_per_field_which_value_wins(account: Account, bob: User, city: Attribute) -> None:
    kept = add(account, "ann@work.example", "Ann", city="Minsk")
    gone = add(account, "ann@home.example", "Annie", city="Brest")
    wins = frozenset(["name", f"attribute:{city.number}"])
    plan = plan_merge(kept, gone, MergeChoice(wins), now=NOW)
    assert {one.name: one.result for one in plan.fields if one.is_conflict} == {
        "name": "Annie",
        f"attribute:{city.number}": "Brest",
    }
    merge(kept, gone, bob, from_gone=wins)
    after = find_contact(account.pk, kept.id)
    assert after is not None
    assert (after.name, after.attributes) == ("Annie", {str(city.number): "Brest"})


@pytest.mark.parametrize(
    ("kept_state", "gone_state", "stated", "expected"),
    [
        ("subscribed", "unsubscribed", False, "unsubscribed"),
        ("unsubscribed", "subscribed", True, "unsubscribed"),
        ("", "subscribed", False, None),
        ("", "subscribed", True, "subscribed"),
        ("pending", "subscribed", False, "pending"),
        ("subscribed", "", False, "subscribed"),
        ("", "unsubscribed", False, "unsubscribed"),
        ("", "pending", True, None),
    ],
)
def test_the_safest_consent_wins(
    account: Account,
    bob: User,
    news: Topic,
    kept_state: str,
    gone_state: str,
    stated: bool,
    expected: str | None,
) -> None:
    kept, gone = add(account, "a@work.example"), add(account, "a@home.example")
    for contact, state in ((kept, kept_state), (gone, gone_state)):
        if state:
            Subscription.objects.add(
                account, topic_id=news.pk, contact_id=contact.id, state=state, changed_at=NOW
            )
    merge(kept, gone, bob, statement="He told me on the telephone that both are his" if stated else "")
    assert states_of(kept).get(news.pk) == expected
    assert not states_of(gone)


def test_the_proof_of_both_stays_and_names_the_address_it_was_given_by(
    account: Account, bob: User, news: Topic
) -> None:
    kept, gone = add(account, "a@work.example"), add(account, "a@home.example")
    give_consent(account.pk, gone.id, news.pk, proof=PAGE, now=NOW)
    merge(kept, gone, bob, statement="Both are mine, he wrote")
    records = ConsentRecord.objects.for_account(account).filter(contact_id=kept.id).order_by("at")
    assert [(row.method, row.text) for row in records] == [
        ("page", "Yes"),
        ("member", "Both are mine, he wrote"),
    ]
    assert {row.evidence["address"] for row in records} == {"a@home.example"}


def test_refused_tracking_holds_for_the_one_who_stays(account: Account, bob: User, news: Topic) -> None:
    kept, gone = add(account, "a@work.example"), add(account, "a@home.example")
    for one, allowed in ((kept, True), (gone, False)):
        give_consent(account.pk, one.id, news.pk, proof=PAGE, now=NOW)
        choose_tracking(account.pk, one.id, allowed=allowed, proof=PAGE, now=NOW)
    merge(kept, gone, bob)
    assert Subscription.objects.for_account(account).get().tracking_allowed is False


def test_who_left_everything_or_complained_by_the_other_address_gets_no_campaign(
    account: Account, bob: User, news: Topic
) -> None:
    kept, gone = add(account, "a@work.example"), add(account, "a@home.example")
    give_consent(account.pk, kept.id, news.pk, proof=PAGE, now=NOW)
    suppress_address(account.pk, gone.email_key, reason=SuppressionReason.COMPLAINT, now=NOW)
    merge(kept, gone, bob)
    assert states_of(kept) == {news.pk: "unsubscribed"}
    assert [row.email for row in Suppression.objects.for_account(account)] == [gone.email_key]


@pytest.mark.parametrize("reason", [SuppressionReason.MANUAL, SuppressionReason.HARD_BOUNCE])
def test_a_wider_suppression_for_another_reason_hides_no_refusal(
    account: Account, bob: User, news: Topic, reason: SuppressionReason
) -> None:
    kept, gone = add(account, "kept@example.com"), add(account, "gone@example.com")
    give_consent(account.pk, kept.id, news.pk, proof=PAGE, now=NOW)
    for why, scope in ((SuppressionReason.UNSUBSCRIBE, "marketing"), (reason, "all")):
        suppress_address(account.pk, gone.email_key, reason=why, scope=scope, now=NOW)
    merge(kept, gone, bob)
    assert states_of(kept) == {news.pk: "unsubscribed"}


def test_an_address_that_left_a_topic_gets_no_campaign_when_a_file_brings_it_back(
    account: Account, bob: User, news: Topic
) -> None:
    kept, gone = add(account, "a@work.example"), add(account, "a@home.example")
    withdraw_consent(account.pk, gone.id, news.pk, proof=PAGE, now=NOW)
    merge(kept, gone, bob)
    row = Suppression.objects.for_account(account).get()
    assert (row.email, row.scope, row.reason) == (gone.email_key, "marketing", SuppressionReason.UNSUBSCRIBE)


def test_everything_that_happened_goes_on_under_the_one_who_stays(account: Account, bob: User) -> None:
    kept, gone = add(account, "a@work.example"), add(account, "a@home.example")
    source, moment = new_id(NOW), {"at": NOW, "kind": "opened", "source_id": new_id(NOW)}
    for one, sent in ((kept, 2), (gone, 3)):
        Engagement.objects.add(account, contact_id=one.id, sent=sent, opened=1, last_opened_at=NOW)
        Activity.objects.add(account, contact_id=one.id, n=2, **moment)
        Interaction.objects.add(
            account,
            contact_id=one.id,
            source_id=source,
            kind="clicked",
            first_at=NOW,
            last_at=NOW,
            times=sent,
        )
    Activity.objects.add(account, contact_id=gone.id, n=1, **(moment | {"kind": "clicked"}))
    CustomEvent.objects.add(account, id=new_id(NOW), name_id=1, contact_id=gone.id, at=NOW)
    Message.objects.add(
        account, id=new_id(NOW), at=NOW, source_kind="campaign", contact_id=gone.id, state="delivered"
    )
    record_event(account.pk, "contact.updated", contact_id=gone.id, now=NOW)
    merge(kept, gone, bob)
    engagement = Engagement.objects.for_account(account).get()
    assert (engagement.contact_id, engagement.sent, engagement.opened) == (kept.id, 5, 2)
    assert sorted(Activity.objects.for_account(account).values_list("contact_id", "n")) == [
        (kept.id, 1),
        (kept.id, 4),
    ]
    assert Interaction.objects.for_account(account).get().times == 5
    for model in (CustomEvent, Message, Event):
        assert not model.objects.for_account(account).filter(contact_id=gone.id).exists()
    kinds = Event.objects.for_account(account).filter(contact_id=kept.id).values_list("kind", flat=True)
    assert set(kinds) == {"contact.created", "contact.updated", "contact.merged"}


def test_old_links_and_the_old_address_lead_to_the_one_who_stays_also_after_a_second_merge(
    account: Account, bob: User
) -> None:
    first, second, third = (add(account, f"a@{name}.example") for name in ("one", "two", "three"))
    merge(second, first, bob)
    merge(third, second, bob)
    for lock in (False, True):
        reached = find_reached(account.pk, first.id, lock=lock)
        assert reached is not None
        assert reached.alias is not None
        assert (reached.contact.id, reached.alias.email) == (third.id, "a@one.example")
    assert find_contact_by_email(account.pk, "A@one.example") == third
    assert list(filter_contacts(account.pk, ContactFilter(search="a@one.example"))) == [third]
    assert {alias.id for alias in list_aliases(account.pk, third.id)} == {first.id, second.id}
    assert list_aliases(account.pk, third.id)[0].snapshot["email"] in ("a@one.example", "a@two.example")


def test_adding_the_merged_address_again_makes_a_new_contact(account: Account, bob: User) -> None:
    kept, gone = add(account, "a@work.example"), add(account, "a@home.example")
    merge(kept, gone, bob)
    again = add(account, "a@home.example")
    assert again.id not in (kept.id, gone.id)
    assert find_contact_by_email(account.pk, "a@home.example") == again


def test_values_put_aside_and_two_persons_move_and_are_erased_with_the_one_who_stays(
    account: Account, bob: User, city: Attribute, phone: Attribute
) -> None:
    kept, gone, third = (add(account, f"{name}@example.com") for name in ("kept", "gone", "third"))
    for attribute, contact, value in ((city, gone, "?"), (city, kept, "kept"), (phone, gone, "secret")):
        ValueAside.objects.add(account, attribute_id=attribute.pk, contact_id=contact.id, value=value, at=NOW)
    for rule, one, other, state in (
        ("mailbox", gone, third, "open"),
        ("mailbox", third, gone, "different"),
        ("mailbox", gone, kept, "different"),
        ("name", third, gone, "open"),
    ):
        DuplicatePair.objects.add(
            account, rule=rule, gone_id=one.id, kept_id=other.id, value="x", found_at=NOW, state=state
        )
    merge(kept, gone, bob)
    aside = ValueAside.objects.for_account(account).filter(contact_id=kept.id)
    assert set(aside.values_list("attribute_id", "value")) == {(city.pk, "kept"), (phone.pk, "secret")}
    pairs = DuplicatePair.objects.for_account(account).values_list("rule", "gone_id", "kept_id", "state")
    assert list(pairs) == [("mailbox", third.id, kept.id, "different")]
    delete_contact(kept, by=bob, now=SOON)
    assert not ValueAside.objects.for_account(account).exists()
    assert not DuplicatePair.objects.for_account(account).exists()


def test_deleting_the_one_who_stays_removes_the_aliases(account: Account, bob: User) -> None:
    kept, gone = add(account, "a@work.example"), add(account, "a@home.example")
    delete_contact(merge(kept, gone, bob), by=bob, now=SOON)
    assert not ContactAlias.objects.for_account(account).exists()
    assert find_reached(account.pk, gone.id) is None


def test_a_merge_is_audited_by_ids_alone(account: Account, bob: User) -> None:
    kept, gone = add(account, "a@work.example"), add(account, "a@home.example")
    merge(kept, gone, bob)
    entry = AuditEntry.objects.for_account(account).get(action="contact.merged")
    assert entry.data == {"rule": "hand", "gone": gone.public_id, "kept": kept.public_id}


def test_some_pairs_are_refused(account: Account, other_account: Account, bob: User) -> None:
    kept, gone = add(account, "a@work.example"), add(account, "a@home.example")
    stranger = add(other_account, "a@home.example")
    Contact.objects.for_account(account).filter(id=gone.id).update(state=ContactState.RESTRICTED)
    for other, code in ((gone, "restricted"), (kept, "same"), (stranger, "missing")):
        with pytest.raises(MergeError) as raised:
            merge(kept, other, bob)
        assert raised.value.code == code
    assert find_contact(account.pk, kept.id) is not None


# ── By a rule ────────────────────────────────────────────────────────────────────────────────────────────────────────
def found(account: Account, rule: Rule) -> set[tuple[UUID, UUID]]:
    with connection.cursor():
        find_pairs(account.pk, rule, now=SOON)
    return set(list_open(account.pk, rule).values_list("kept_id", "gone_id"))


def test_spellings_of_one_mailbox_are_found_where_the_provider_says_so(account: Account) -> None:
    one = add(account, "ann.lee@gmail.com")
    two = add(account, "annlee+shop@googlemail.com")
    three = add(account, "ivan.p@yandex.ru")
    four = add(account, "ivan-p@ya.ru")
    add(account, "ann.lee@other.example")
    add(account, "annlee@other.example")
    assert found(account, Rule(Basis.MAILBOX)) == {(one.id, two.id), (three.id, four.id)}


def test_telephone_numbers_are_compared_by_their_digits(account: Account, phone: Attribute) -> None:
    one = add(account, "a@x.example", "Ann", phone="+375 (29) 123-45-67")
    two = add(account, "b@x.example", "ann", phone="375291234567")
    three = add(account, "c@x.example", "Pete", phone="+375291234567")
    assert found(account, Rule(Basis.ATTRIBUTE, phone)) == {(one.id, two.id), (one.id, three.id)}
    assert found(account, Rule(Basis.NAME_AND_ATTRIBUTE, phone)) == {(one.id, two.id)}


def test_the_one_with_the_latest_act_stays(account: Account, phone: Attribute) -> None:
    one, two = add(account, "a@x.example", phone="12345678"), add(account, "b@x.example", phone="12345678")
    Engagement.objects.add(account, contact_id=two.id, last_opened_at=NOW)
    assert found(account, Rule(Basis.ATTRIBUTE, phone)) == {(two.id, one.id)}


def test_a_value_that_many_share_names_nobody(account: Account, city: Attribute) -> None:
    for number in range(11):
        add(account, f"p{number}@x.example", city="Minsk")
    Contact.objects.for_account(account).filter(email="p0@x.example").update(state=ContactState.RESTRICTED)
    assert len(found(account, Rule(Basis.ATTRIBUTE, city))) == 9
    add(account, "q@x.example", city="minsk ")
    assert not found(account, Rule(Basis.ATTRIBUTE, city))


def test_two_persons_are_not_offered_again(account: Account, phone: Attribute) -> None:
    one, two = add(account, "a@x.example", phone="12345678"), add(account, "b@x.example", phone="12345678")
    rule = Rule(Basis.ATTRIBUTE, phone)
    found(account, rule)
    assert call_different(account.pk, rule, kept_id=one.id, gone_id=two.id)
    Engagement.objects.add(account, contact_id=two.id, last_opened_at=NOW)  # now the other one would stay
    assert not found(account, rule)


def test_all_of_a_rule_are_merged_but_not_what_changed_since(
    account: Account, bob: User, phone: Attribute
) -> None:
    same = [add(account, f"a{number}@x.example", phone="12345678") for number in range(3)]
    others = [add(account, f"b{number}@x.example", phone="87654321") for number in range(2)]
    rule = Rule(Basis.ATTRIBUTE, phone)
    find_pairs(account.pk, rule, now=SOON)
    later = SOON + timedelta(minutes=1)
    Contact.objects.for_account(account).filter(id=others[1].id).update(updated_at=later)
    work = queue_work(account.pk, kind="contacts.merge_duplicates", title="Merge", by=bob)
    run_merge_all(work, rule, now=later + timedelta(minutes=1))
    work.refresh_from_db()
    assert work.result == {"merged": 2, "left": 1}
    assert {alias.contact_id for alias in ContactAlias.objects.for_account(account)} == {same[0].id}
    assert Contact.objects.for_account(account).count() == 3
    assert not list_open(account.pk, rule).exists()


@pytest.mark.parametrize("run", [run_search, run_merge_all])
def test_work_by_a_rule_that_is_gone_ends_and_says_so(
    account: Account, bob: User, run: Callable[..., None]
) -> None:
    work = queue_work(account.pk, kind="contacts.find_duplicates", title="Look", by=bob)
    run(work, None, now=SOON)
    work.refresh_from_db()
    assert work.state == "failed"
    assert "does not exist any more" in work.message


def test_rules_are_found_by_their_code(account: Account, phone: Attribute, other_account: Account) -> None:
    for rule in list_rules(account.pk):
        assert find_rule(account.pk, rule.code) == rule
    for code in ("", "mailbox:x", "attribute:att_x", "attribute", "nonsense:x", f"mailbox:{phone.public_id}"):
        assert find_rule(account.pk, code) is None
    assert find_rule(other_account.pk, f"attribute:{phone.public_id}") is None
